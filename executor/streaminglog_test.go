package executor_test

import (
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// DDL that nobody declared, queued while nobody streamed and run while a runner does, is
// followed to the end: tables that are gone by then, and others that lost their key, are
// no reason to stand still, for the log explains them. The next plan has nothing to do.
func TestUndeclaredWithARunner(t *testing.T) {
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, "create table a (id int primary key, v text); create table b (id int primary key); create table k (id int primary key, n int)")
	f := newFollower(t, source, pgtest.Server(t, 17).Database(t, ""), "stream { ddl = \"auto\" }")
	f.applied(t)
	run := func(sqls ...string) {
		for _, sql := range sqls {
			f.source.Exec(t, sql)
		}
	}
	run("insert into a values (1, 'a')", "insert into b values (1)", "drop table b", "alter table k drop constraint k_pkey", "insert into k values (1, 1)",
		"create table c (id int primary key)", "insert into c values (1)", "alter table c rename to d", "alter table a add column n int default 7")
	log := f.source.Query1(t, "select nspname from pg_namespace where nspname like 'bascule\\_%'") + ".ddl"
	stop := f.runs(t)
	f.same(t, log)
	run("create table e (id bigserial primary key, at timestamptz)", "insert into e (at) values (now())", "alter table k add primary key (n)", "update k set id = 2",
		"create index concurrently a_n on a (n)", "alter table d add column t text default 'x'", "insert into d values (2)", "create view v as select * from a")
	f.same(t, log)
	f.settled(t)
	stop()
	run("alter table d drop column t; insert into d values (3)")
	_ = f.runs(t)
	pgtest.Eventually(t, func() error {
		if text := f.halt(t); !strings.Contains(text, "it is one of 2 statements that were sent at once") {
			return errorOf(text)
		}
		return nil
	})
}

// A log that somebody has dropped is no reason for the stream not to begin: the next
// apply makes it again.
func TestUndeclaredWithoutItsLog(t *testing.T) {
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, "create table a (id int primary key, v text)")
	f := newFollower(t, source, pgtest.Server(t, 15).Database(t, ""), "stream { ddl = \"auto\" }")
	f.applied(t)
	log := f.source.Query1(t, "select nspname from pg_namespace where nspname like 'bascule\\_%'")
	f.source.Exec(t, "drop event trigger "+log+"; drop event trigger "+log+"_drop; drop schema "+log+" cascade; insert into a values (1, 'a')")
	stop := f.runs(t)
	f.same(t, log+".ddl")
	stop()
}

// errorOf is a text as an error.
type errorOf string

func (e errorOf) Error() string { return "halt: " + string(e) }
