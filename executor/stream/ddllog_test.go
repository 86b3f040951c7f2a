package stream_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// A transaction with commands between its rows arrives as it was, in the middle of
// others; the members follow it.
func TestUndeclaredAmongRows(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		major  int
		binary bool
	}{{15, false}, {18, true}} {
		t.Run(fmt.Sprint(at.major), func(t *testing.T) {
			t.Parallel()
			a := loggingTo(t, at.major, "create table a (id int primary key, v text); create table quiet (id int primary key)")
			a.binary = at.binary
			run := a.run()
			a.source.Exec(t, "insert into a values (1, 'before')")
			a.inOne(
				"insert into a values (2, 'two')",
				"alter table a add column r double precision default random()",
				"insert into a values (3, 'three')",
				"update a set r = id, v = v || '!'",
				"create index a_v on a (v)",
				"insert into a values (4, 'four', 4), (5, 'five', 5)",
				"delete from a where id = 3",
				"create table fresh (id int primary key, n numeric)",
				"insert into fresh values (1, 1.5)",
				"alter table fresh rename to renamed",
				"insert into renamed values (2, 2.5)",
				"update renamed set n = n + 1",
			)
			a.source.Exec(t, "insert into a values (6, 'after', 6); insert into quiet values (1); update renamed set n = 0 where id = 1")
			run.catchUp()
			a.sameShapes()
			a.equalNow()
			if got := a.memberNames(); got != "a all id; quiet all id; renamed all id" {
				t.Error(got)
			}
			if n := a.events.count("DDL applied"); n != 4 {
				t.Errorf("%d commands\n%s", n, a.events)
			}
		})
	}
}

// What was queued while nobody streamed arrives as it was then, though the source's
// catalogue is far ahead of it.
func TestUndeclaredQueued(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key, v text); create table k (id int primary key, n int)")
	for _, sql := range []string{
		"insert into a values (1, 'a')", "alter table a rename to b", "insert into b values (2, 'b')", "alter table b rename to c",
		"alter table c add column x int default 7", "insert into c values (3, 'c', 3)", "alter table c drop column x", "insert into c values (4, 'd')",
		"create table gone (id int primary key)", "insert into gone values (1)", "drop table gone",
		"create table fresh (id int primary key, v int)", "insert into fresh values (1, 1)", "alter table fresh drop column v", "insert into fresh values (2)",
		"insert into k values (1, 1)", "alter table k drop constraint k_pkey", "insert into k values (2, 2)", "alter table k add primary key (n)", "update k set id = 5 where n = 1",
	} {
		a.source.Exec(t, sql)
	}
	run := a.run()
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if got := a.memberNames(); got != "c all id; fresh all id; k all n" {
		t.Errorf("%s\n%s", got, a.events)
	}
	if text := a.noted.all(); !strings.Contains(text, "updates and deletes of public.k are followed from now on") {
		t.Error(text)
	}
}

// Commands of all kinds, each between rows, make the target what the source is.
func TestUndeclaredKinds(t *testing.T) {
	t.Parallel()
	a := logging(t, `
		create table a (id int primary key, v varchar(10), w text);
		create table ref (id int primary key);
		create type mood as enum ('sad', 'happy');
		create table part (id int, at int, primary key (id, at)) partition by range (at);
		create table part_1 partition of part for values from (0) to (10);
		insert into ref values (1)`)
	run := a.run()
	n := 0
	row := func() {
		n++
		a.source.Exec(t, fmt.Sprintf("insert into a (id) values (%d)", n))
	}
	for _, sql := range []string{
		"alter table a add column c1 int default 5 not null", "alter table a rename column w to w2", "alter table a alter column v type varchar(20)",
		"alter table a alter column c1 type bigint using c1 + 1", "alter table a add column g int generated always as (id * 2) stored", "alter table a drop column w2",
		"alter table a add constraint positive check (id > 0) not valid", "alter table a validate constraint positive", "alter table a add column r int default 1 references ref",
		"create unique index a_id_v on a (id, v)", "alter table a replica identity using index a_pkey", "alter table a replica identity default",
		"alter type mood add value 'calm'", "alter table a add column m mood default 'calm'", "create domain small as int check (value < 10)",
		"create schema other", "create table other.moved (id int primary key)", "alter table other.moved set schema public", "insert into moved values (1)",
		"create view a_v as select id, v from a", "create or replace view a_v as select id, v, c1 from a", "comment on view a_v is 'a view'",
		"create function f(x int) returns int language sql as 'select x + 1'", "create or replace function f(x int) returns int language sql as 'select x + 2'",
		"create function t() returns trigger language plpgsql as 'begin return new; end'", "create trigger tr before insert on a for each row execute function t()", "alter table a disable trigger tr",
		"create materialized view mv as select count(*) from a", "refresh materialized view mv",
		"create sequence s increment 3", "alter sequence s owned by a.c1",
		"create table part_2 partition of part for values from (10) to (20)", "insert into part values (1, 1), (2, 12)",
		"alter table part add column extra text", "alter table part detach partition part_2", "insert into part_2 values (3, 13)", "alter table part attach partition part_2 for values from (10) to (20)",
		"update part set extra = 'x'", "drop table part_1",
		"create index concurrently a_c1 on a (c1)", "drop index concurrently a_id_v",
		"create policy p on a using (true)", "create rule ru as on update to ref do also nothing", "create statistics st on id, v from a",
		"drop view a_v", "drop schema other", "drop function f(int)",
		"create extension if not exists citext", "alter table a add column ci citext",
	} {
		row()
		a.source.Exec(t, sql)
	}
	row()
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if got := a.memberNames(); got != "a all id; moved all id; part_2 all id,at; ref all id" {
		t.Error(got)
	}
	if strings.Contains(a.events.String(), "closed network connection") { // by itself, between two links
		t.Error(a.events)
	}
	if err := run.end(); err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		t.Log(a.events)
	}
}

// What is not the mirror's is passed over, at no cost.
func TestUndeclaredPassedOver(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table in_a (id int primary key); create table out_a (id int primary key)", "public.in_*")
	a.members = a.members[:1]
	a.source.Exec(t, "alter publication all_changes drop table out_a")
	a.target.Exec(t, "drop table out_a; delete from bascule.member where name = 'out_a'")
	a.startAt(a.source.Query1(t, "select pg_current_wal_insert_lsn()"))
	run := a.run()
	role, _ := a.source.Role(t, "")
	for _, sql := range []string{
		"create temporary table tmp (id int)", "alter table out_a add column x int", "create index on out_a (x)", "create table out_b (id serial primary key)", "drop table out_b",
		"alter table out_a drop column x", "grant select on in_a to " + role, "alter table in_a owner to " + role, "alter table in_a owner to current_user",
		"create publication another for table out_a", "drop publication another",
		"create view out_v as select * from out_a", "create view in_v as select * from in_a",
		"create table out_copied as select 1 as id", "create unlogged table in_copied as select generate_series(1, 3) id", "alter table in_copied add primary key (id)", "insert into in_copied values (9)",
		"insert into in_a values (1)",
	} {
		a.source.Exec(t, sql)
	}
	run.catchUp()
	a.equalNow()
	if got := a.target.Query1(t, "select string_agg(relname, ' ' order by relname) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"); got != "in_a in_v" {
		t.Errorf("%s\n%s", got, a.events)
	}
	if text := a.noted.all(); !strings.Contains(text, "public.in_copied is selected by the mirror, and on the source only (CREATE TABLE AS)") || !strings.Contains(text, "CREATE VIEW public.out_v is passed over") {
		t.Error(text)
	}
	if got := a.memberNames(); got != "in_a all id" {
		t.Error(got)
	}
}

// What cannot be run again as it was halts the stream right before its transaction, and
// the printed block, which stands for it, has it go on.
func TestUndeclaredHalts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		run     []string // one transaction
		halt    bool     // mode
		text    string
		command string
	}{
		{"statements sent at once", []string{"alter table a add column x int; insert into a values (3, 'c', 3); alter table a add column y int default 1"}, false,
			"it is one of 3 statements that were sent at once", "alter table public.a add column x int;\nalter table public.a add column y int default 1"},
		{"a DO", []string{"do $$ begin alter table public.a add column x int; end $$"}, false, "it was run inside of a DO", "do $$ begin alter table public.a add column x int; end $$"},
		{"a function", []string{"select public.ddl()"}, false, "it was run inside of a SELECT", "select public.ddl()"},
		{"any", []string{"alter table public.a add column x int", "create table public.b (id int primary key)", "insert into public.b values (1)"}, true,
			`ddl = "halt" stops the mirror at every command`, "alter table public.a add column x int;\ncreate table public.b (id int primary key)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := logging(t, "create table public.a (id int primary key, v text); create function public.ddl() returns void language plpgsql as 'begin alter table public.a add column x int; end'")
			a.ddl.Halt = tc.halt
			run := a.run()
			a.source.Exec(t, "insert into a values (1, 'a')")
			a.inOne(append([]string{"insert into a values (2, 'b')"}, tc.run...)...)
			a.source.Exec(t, "update a set x = 1")
			h := run.halted().Halt
			if h.Code != "undeclared" || h.LSN == "" || !strings.Contains(h.Text, tc.text) || !strings.Contains(h.Text, `role "postgres"`) {
				t.Errorf("%+v", h)
			}
			if got := a.target.Query1(t, "select string_agg(id::text, ' ') from a"); got != "1" {
				t.Errorf("rows %s", got)
			}
			again := a.run().halted().Halt
			if again != h {
				t.Errorf("%+v, and then\n%+v", h, again)
			}
			command := a.answer(h)
			if bare := marks.ReplaceAllString(command, ""); bare == command || !strings.EqualFold(bare, tc.command) {
				t.Errorf("command %s", command)
			}
			run = a.run()
			run.catchUp()
			a.sameShapes()
			a.equalNow()
		})
	}
}

var marks = regexp.MustCompile(`(?m)^/\* bascule:log .* \*/\n`)

// A command in the middle of a transaction that is larger than what is held of one.
func TestUndeclaredInALargeTransaction(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key, v text)")
	run := a.run()
	a.source.Exec(t, "insert into a values (0, 'before')")
	a.inOne("insert into a select i, 'x' from generate_series(1, 45000) i", "alter table a add column n int default 3",
		"update a set n = id where id <= 30000", "create index on a (n)", "delete from a where id > 44000", "insert into a select i, 'y', i from generate_series(50000, 72000) i")
	a.source.Exec(t, "insert into a values (-1, 'after', 0)")
	run.catchUp()
	a.sameShapes()
	a.equalNow()
}

// Partitions that are published as their root: what becomes of them is followed.
func TestUndeclaredUnderARoot(t *testing.T) {
	t.Parallel()
	r := between(t, pgtest.Server(t, 15), pgtest.Server(t, 17), `
		create table root (id int primary key, v text) partition by range (id);
		create table root_1 partition of root for values from (0) to (10)`)
	r.source.Exec(t, `
		alter publication all_changes set (publish_via_partition_root = true); alter publication only_inserts set (publish_via_partition_root = true);
		alter publication all_changes drop table root_1; alter publication all_changes add table root`)
	var oid uint32
	r.must(r.source.Conn(t).QueryRow(t.Context(), "select 'root'::regclass::oid").Scan(&oid))
	conn := r.target.Conn(t)
	r.must(ledger.DropMembers(t.Context(), conn, r.mirror, r.members[0].Source))
	r.must(ledger.PutMembers(t.Context(), conn, r.mirror, ledger.Member{Source: oid, Schema: "public", Name: "root", TargetSchema: "public", TargetName: "root",
		Follow: planner.FollowAll, Key: []string{"id"}, State: ledger.Followed}))
	a := r.withLogOf(true)
	run := a.run()
	for _, sql := range []string{
		"insert into root values (1, 'a')", "create table root_2 partition of root for values from (10) to (20)", "insert into root values (11, 'b')",
		"alter table root add column n int default 1", "update root set n = id", "alter table root detach partition root_1", "insert into root_1 values (2, 'c', 2)",
		"update root set v = 'x'", "alter table root_1 rename to single", "delete from single where id = 1",
		"create table root_3 (like root including all)", "insert into root_3 values (21, 'd', 3)", "alter table root attach partition root_3 for values from (20) to (30)",
		"update root set v = 'y' where id = 21", "drop table root_2", "insert into root values (22, 'e', 5)",
	} {
		a.source.Exec(t, sql)
	}
	run.catchUp()
	a.sameShapes()
	if got := a.memberNames(); got != "root all id; single all id" {
		t.Error(got)
	}
	for _, table := range []string{"root", "single"} {
		sql := "select string_agg(t::text, ' ' order by id) from " + table + " t"
		if s, d := a.source.Query1(t, sql), a.target.Query1(t, sql); s != d {
			t.Errorf("%s: %s, and %s", table, s, d)
		}
	}
	if t.Failed() {
		t.Log(a.events)
	}
}
