package slot_test

import (
	"errors"
	"fmt"
	"testing"

	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// A log that is as it should be is left alone, one that is not is put right with its
// rows kept, others have no rights on it, and it goes without a trace.
func TestEnsureLog(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, major int) {
		db := pgtest.Server(t, major).Database(t, "create table a (id int primary key)")
		role, _ := db.Cluster.Role(t, "")
		db.Exec(t, "alter default privileges grant all on tables to "+role+"; alter default privileges grant all on schemas to "+role+"; alter default privileges grant all on functions to "+role)
		s := &source{DB: db, t: t, role: "postgres", url: db.URL}
		s.conn = s.open(false)
		l := &logged{source: s, p: s.stream("app"), user: db.Conn(t)}
		l.p.Log = l.p.Slot
		before, seen := fingerprint(t, l), "select string_agg(xmin::text, ' ' order by oid) from pg_proc where pronamespace::regnamespace::text = '"+l.p.Log+"'"
		l.ensure()
		if got := fingerprint(t, l); got != before {
			t.Error("the fingerprint of the source has moved")
		}
		granted := fmt.Sprintf("select has_schema_privilege('%[1]s', '%[2]s', 'usage') or has_table_privilege('%[1]s', '%[2]s.ddl', 'insert') or has_function_privilege('%[1]s', '%[2]s.failed(text, text, text)', 'execute')", role, l.p.Log)
		if got := l.Query1(t, granted); got != "f" {
			t.Error("default privileges give another role rights on the log")
		}
		made := l.Query1(t, seen)
		l.does("create table b (id int primary key)")
		l.publish(l.p, l.member("a", planner.FollowAll))
		if got := l.Query1(t, "select count(*) from pg_publication_tables where schemaname = '"+l.p.Log+"'"); got != "1" {
			t.Error("the log is published no more once the members are")
		}
		l.ensure()
		if got := l.Query1(t, seen); got != made {
			t.Error("a log that is as it should be was made again")
		}
		l.Exec(t, "alter event trigger "+l.p.Log+" disable")
		l.ensure()
		l.p.LogExclude = []string{"public.b*"}
		l.ensure()
		if got := l.Query(t, "select evtenabled, evtevent from pg_event_trigger order by evtevent"); got != "A|ddl_command_end\nA|sql_drop" {
			t.Errorf("event triggers: %s", got)
		}
		l.does("create table bb (id int primary key)")
		if got := l.log(); got != "CREATE TABLE|public.b|b all id|\nCREATE TABLE|public.bb|bb none out|" {
			t.Errorf("logged:\n%s", got)
		}
		l.does("drop table b, bb")
		for range 2 {
			if err := slot.DropLog(t.Context(), l.conn, l.p.Log); err != nil {
				t.Fatal(err)
			}
		}
		if got := l.Query1(t, "select count(*) from pg_event_trigger") + l.Query1(t, "select count(*) from pg_namespace where nspname ~ '^bascule'"); got != "00" {
			t.Errorf("left: %s", got)
		}
		if err := slot.DropPublications(t.Context(), l.conn, l.p); err != nil {
			t.Fatal(err)
		}
		if got := fingerprint(t, l); got != before {
			t.Error("something is left")
		}
	})
}

func fingerprint(t *testing.T, l *logged) string {
	t.Helper()
	text, err := catalog.Fingerprint(t.Context(), l.conn)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What is none of ours is not touched, and a role that may not leaves nothing behind.
func TestEnsureLogRefuses(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop)
	p := s.stream("app")
	p.Log = p.Slot
	s.publish(p)
	var right *slot.LogRightError
	if err := slot.EnsureLog(t.Context(), s.conn, p); !errors.As(err, &right) || right.Role != s.role {
		t.Errorf("no superuser: %v", err)
	}
	if got := s.Query1(t, "select count(*) from pg_namespace where nspname = '"+p.Log+"'"); got != "0" {
		t.Error("a schema is left")
	}
	s.Exec(t, "create schema "+p.Log)
	var foreign *slot.ForeignError
	if err := slot.EnsureLog(t.Context(), s.conn, p); !errors.As(err, &foreign) || foreign.Name != p.Log {
		t.Errorf("somebody's schema: %v", err)
	}
	for _, name := range []string{p.Log, "public"} {
		if err := slot.DropLog(t.Context(), s.conn, name); !errors.As(err, &foreign) || foreign.Name != name {
			t.Errorf("somebody's schema is dropped: %v", err)
		}
	}
}

// Two mirrors of one database have logs of their own, and do not log each other's.
func TestLogsOfTwoMirrors(t *testing.T) {
	t.Parallel()
	l := newLogged(t, 15, "create table a (id int primary key)", "public.*")
	two := &logged{source: l.source, p: l.stream("two"), user: l.user}
	two.p.Log = two.p.Slot
	two.ensure()
	if got := l.log(); got != "" {
		t.Errorf("the first has logged how the second was made:\n%s", got)
	}
	l.does("create table b (id int primary key)")
	if one, other := l.log(), two.log(); one != "CREATE TABLE|public.b|b all id|" || other != one {
		t.Errorf("logged\n%s\nand\n%s", one, other)
	}
	if err := slot.DropLog(t.Context(), l.conn, two.p.Log); err != nil {
		t.Fatal(err)
	}
	if got := l.log(); got != "" {
		t.Errorf("the first has logged how the second went:\n%s", got)
	}
}

// What the slot's reader has acknowledged is deleted, what it has not stays.
func TestTrimLog(t *testing.T) {
	t.Parallel()
	l := newLogged(t, 15, "")
	if err := slot.TrimLog(t.Context(), l.conn, planner.Stream{Log: "bascule_none_00000000", Slot: "none"}); err != nil {
		t.Errorf("no log: %v", err)
	}
	l.create(l.p)
	trim := func() string {
		if err := slot.TrimLog(t.Context(), l.conn, l.p); err != nil {
			t.Fatal(err)
		}
		return l.Query1(t, "select count(*) from "+l.p.Log+".ddl")
	}
	l.does("create table a (id int)")
	if got := trim() + trim(); got != "11" {
		t.Errorf("not acknowledged: %s", got)
	}
	l.does("create table b (id int)")
	l.Exec(t, "select pg_replication_slot_advance('"+l.p.Slot+"', pg_current_wal_insert_lsn())")
	if got := trim(); got != "1" {
		t.Errorf("the first is acknowledged, the second was not seen before: %s rows", got)
	}
	l.Exec(t, "select pg_logical_emit_message(true, '', ''); select pg_replication_slot_advance('"+l.p.Slot+"', pg_current_wal_insert_lsn())")
	if got := trim(); got != "0" {
		t.Errorf("both are: %s rows", got)
	}
}

// A member that the publications no longer show as it is, because of a command that the
// stream has yet to come to, is no reason to stop; one that somebody took out is.
func TestCheckKnowsTheLog(t *testing.T) {
	t.Parallel()
	l := newLogged(t, 15, "create table a (id int primary key); create table b (id int primary key); create table c (id int primary key)")
	members := []ledger.Member{l.member("a", planner.FollowAll), l.member("b", planner.FollowAll), l.member("c", planner.FollowAll)}
	l.publish(l.p, members...)
	position := l.create(l.p)
	check := func() error {
		return slot.CheckPublished(t.Context(), l.conn, slot.Checked{Address: "mirror.app", Stream: l.p, Position: position, Members: members})
	}
	l.does("alter table a drop constraint a_pkey; drop table b")
	if err := check(); err != nil {
		t.Errorf("logged: %v", err)
	}
	l.Exec(t, "alter publication "+l.p.Publication+" drop table c")
	var terminal *slot.TerminalError
	if err := check(); !errors.As(err, &terminal) || terminal.Halt.Table != "public.c" {
		t.Errorf("taken out: %v", err)
	}
	l.Exec(t, "drop schema "+l.p.Log+" cascade")
	if err := check(); !errors.As(err, &terminal) || terminal.Halt.Table != "public.a" {
		t.Errorf("without a log: %v", err)
	}
}
