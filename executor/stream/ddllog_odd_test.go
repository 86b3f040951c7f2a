package stream_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/executor/slot"
)

// A command that an event trigger of the application's runs has the text of the one that
// it was run by: the stream halts rather than run that text twice.
func TestUndeclaredByATrigger(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table public.a (id int primary key, v int)")
	a.source.Exec(t, `create function public.bump() returns event_trigger language plpgsql as $$ begin
		if to_regclass('public.b') is null then alter table public.a rename to b; end if; end $$`)
	a.source.Exec(t, "create event trigger a_bump on ddl_command_end when tag in ('ALTER TABLE') execute function public.bump()")
	run := a.run()
	a.source.Exec(t, "alter table public.a alter column v type bigint using v + 1")
	if h := run.halted().Halt; h.Code != "undeclared" || !strings.Contains(h.Text, "another ALTER TABLE was run by the same statement") {
		t.Errorf("%+v", h)
	}
	if got := a.target.Query1(t, "select to_regclass('public.a') || ' ' || coalesce(to_regclass('public.b')::text, '-')"); got != "a -" {
		t.Errorf("left %s", got)
	}
}

// A block that stands for entries of a log stands for none of the one that is made after it.
func TestUndeclaredInANewLog(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table public.a (id int primary key)")
	run := a.run()
	const first, second = "begin; alter table public.a add column x int; commit", "alter table public.a add column y int"
	a.source.Exec(t, first)
	command := a.answer(run.halted().Halt)
	run = a.run()
	run.catchUp()
	a.must(run.end())
	conn := a.source.Conn(t)
	a.must(slot.DropLog(t.Context(), conn, a.settings.Log))
	a.must(slot.EnsureLog(t.Context(), conn, a.settings))
	a.source.Exec(t, second)
	oid := a.source.Query1(t, "select '"+a.settings.Log+".ddl'::regclass::oid")
	if id := a.source.Query1(t, "select id from "+a.settings.Log+".ddl"); !strings.Contains(command, ": "+id+" */") || strings.Contains(command, oid) {
		t.Fatalf("entry %s of %s after %s", id, oid, command)
	}
	run = a.run()
	run.catchUp()
	a.sameShapes()
}

// What a command's search_path has in place of the server's own operators is not called
// by the stream, and names of a block have the schema that their own path found.
func TestUndeclaredUnderAnotherPath(t *testing.T) {
	t.Parallel()
	const schema = `
		create schema one; create schema two; create table one.a (id int primary key); create table two.a (id int primary key);
		create function one.evil(text, text) returns boolean language plpgsql as 'begin raise exception ''called''; end';
		create operator one.<> (leftarg = text, rightarg = text, function = one.evil);
		create operator one.= (leftarg = text, rightarg = text, function = one.evil);
		create operator one.= (leftarg = name, rightarg = name, function = pg_catalog.namene);`
	a := logging(t, schema)
	run := a.run()
	a.inOne("insert into one.a values (1)", "set local search_path = one, pg_catalog", "alter table a add column x int", "insert into one.a values (2, 2)", "create index concurrently_not on a (x)")
	a.source.Exec(t, "insert into two.a values (1)")
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	a.must(run.end())
	a.ddl.Halt = true
	run = a.run()
	a.inOne("set local search_path = one, pg_catalog", "alter table a add column y int", "set local search_path = two", "alter table a add column y int", "do 'begin alter table two.a add column z int; end'")
	h := run.halted().Halt
	want := fmt.Sprintf("alter table %s.a add column y int;", "one")
	if !strings.Contains(h.Remedy, want) || !strings.Contains(h.Remedy, "alter table two.a add column y int;") {
		t.Errorf("%s", h.Remedy)
	}
}

// Of a mirror of some tables, what lies in schemas that the target has nothing of is
// passed over.
func TestUndeclaredElsewhere(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table public.in_a (id int primary key)", "public.in_*")
	a.source.Exec(t, `alter event trigger "`+a.settings.Log+`" disable; create schema other; alter event trigger "`+a.settings.Log+`" enable always`)
	run := a.run()
	for _, sql := range []string{
		"create function other.f() returns int language sql as 'select 1'", "create type other.kind as enum ('x')", "create view other.v as select 1", "drop function other.f()", "drop schema other cascade",
		"create schema fresh", "create function fresh.f() returns int language sql as 'select 1'", "alter table in_a add column x int", "insert into in_a values (1, fresh.f())",
	} {
		a.source.Exec(t, sql)
	}
	a.inOne("create schema late", "create function late.f() returns int language sql as 'select 1'")
	run.catchUp()
	a.sameShapes()
	a.equalNow()
}

// A table that is followed, in a schema that is named nearly as a log's, is a table.
func TestUndeclaredIsNoTable(t *testing.T) {
	t.Parallel()
	a := logging(t, "create schema bascule_shop; create table bascule_shop.ddl (id int primary key, v text)")
	run := a.run()
	a.source.Exec(t, "insert into bascule_shop.ddl values (1, 'a')")
	a.inOne("insert into bascule_shop.ddl values (2, 'b')", "alter table bascule_shop.ddl add column x int", "insert into bascule_shop.ddl values (3, 'c', 3)")
	run.catchUp()
	a.equalNow()
	if got := a.target.Query1(t, "select count(*) from bascule_shop.ddl"); got != "3" {
		t.Errorf("%s rows", got)
	}
}

// An index that could not be built concurrently is left on the source alone, and dropped
// there without a word about it before.
func TestUndeclaredFailedIndex(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key, v int); insert into a values (1, 1), (2, 1)")
	run := a.run()
	for _, drop := range []string{"drop index a_v", "drop index concurrently a_v"} {
		if _, err := a.source.Conn(t).Exec(t.Context(), "create unique index concurrently a_v on a (v)"); err == nil {
			t.Fatal("it was built")
		}
		a.source.Exec(t, drop)
	}
	a.source.Exec(t, "update a set v = id")
	a.source.Exec(t, "create unique index concurrently a_v on a (v)")
	run.catchUp()
	a.sameShapes()
	a.equalNow()
}

// A partition that was detached concurrently only in part is detached by what ends that.
func TestUndeclaredFinalize(t *testing.T) {
	t.Parallel()
	a := logging(t, `create table a (id int primary key) partition by range (id); create table a_1 partition of a for values from (0) to (10); insert into a values (1)`)
	run := a.run()
	reader, detaching := a.source.Conn(t), a.source.Conn(t)
	runs(t, reader, "begin isolation level repeatable read; select * from a")
	runs(t, detaching, "set statement_timeout = 500")
	if _, err := detaching.Exec(t.Context(), "alter table a detach partition a_1 concurrently"); err == nil {
		t.Fatal("it was detached")
	}
	runs(t, reader, "commit")
	for _, sql := range []string{"insert into a_1 values (2)", "alter table a detach partition a_1 finalize", "insert into a_1 values (3)"} {
		a.source.Exec(t, sql)
	}
	run.catchUp()
	a.sameShapes()
	a.equalNow()
}
