package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/executor/verify"
	"bascule/planner/catalog/pgtest"
)

// logs has the DDL of the source logged.
const logs = "stream {\nddl = \"auto\"\n}"

// logging is a mirror of table t whose source logs its DDL.
func logging(t *testing.T) *follower {
	t.Helper()
	source, target := pgtest.New(t, single)
	f := newFollower(t, source, target, logs)
	f.applied(t)
	return f
}

// declares has the mirror go by this word from now on.
func (f *follower) declares(was, is string) {
	f.body = strings.Replace(f.body, `"`+was+`"`, `"`+is+`"`, 1)
}

// A mirror that logs the DDL of its source has the log before its slot, and copies
// nothing of it; the log comes and goes with the word, and leaves the source as it was.
func TestLogComesAndGoes(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			source := pgtest.Server(t, 15).Database(t, removable)
			target := pgtest.Server(t, major).Database(t, "")
			f := newFollower(t, source, target, byIdentities+"\n"+logs)
			before := onSource(t, source)
			f.applied(t)
			if got := source.Query1(t, "select count(*) from pg_event_trigger"); got != "2" {
				t.Fatalf("%s event triggers", got)
			}
			if got := target.Query1(t, "select count(*) from pg_namespace where nspname ~ '^bascule_'") + target.Query1(t, "select count(*) from pg_event_trigger"); got != "00" {
				t.Errorf("the log was copied: %s", got)
			}
			report, err := verify.Compare(t.Context(), connect(t, source), connect(t, target), verify.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !report.Equal() {
				t.Errorf("the target is not equal:\n%+v", report)
			}
			f.settled(t)
			f.declares("auto", "declared")
			f.applied(t)
			if got := source.Query1(t, "select count(*) from pg_event_trigger") + source.Query1(t, "select count(*) from pg_namespace where nspname ~ '^bascule_'"); got != "00" {
				t.Errorf("declared, and the log is still there: %s", got)
			}
			f.declares("declared", "halt")
			f.applied(t)
			if got := source.Query1(t, "select count(*) from pg_publication_tables where schemaname ~ '^bascule_'"); got != "1" {
				t.Errorf("halt, and the log is not published: %s", got)
			}
			f.gone(t, before)
		})
	}
}

// DDL that nobody declared, and the rows around it, arrive through a runner in their
// order; what the stream cannot bring the next apply does.
func TestLoggedCommandsArrive(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			source := pgtest.Server(t, 15).Database(t, removable)
			target := pgtest.Server(t, major).Database(t, "")
			f := newFollower(t, source, target, logs)
			f.applied(t)
			stop := f.runs(t)
			for _, sql := range []string{
				"create table fresh (id int primary key, t text)",
				"insert into fresh select i, 'x' from generate_series(1, 50) i",
				"alter table fresh add column more int not null default 7",
				"update fresh set more = id where id % 2 = 0",
				"alter table a rename to b",
				"alter table log add column id int generated always as identity primary key",
				"update log set line = 'two'",
				"create view seen as select * from fresh",
				"drop table pairs",
				"create index on fresh (t)",
			} {
				source.Exec(t, sql)
			}
			f.arrived(t)
			source.Exec(t, "create table made as select i as id from generate_series(1, 10) i")
			f.arrived(t)
			stop()
			f.applied(t)
			f.runs(t)
			f.arrived(t)
			report, err := verify.Compare(t.Context(), connect(t, source), connect(t, target), verify.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range report.Differences {
				if d.Kind != "sequence value" { // those are set when the source is left
					t.Error(d)
				}
			}
			f.settled(t)
		})
	}
}
