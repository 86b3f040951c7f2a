package executor_test

import (
	"errors"
	"strings"
	"testing"

	"bascule/executor"
)

// hasLogs demands that the source has so many logs of DDL.
func (f *follower) hasLogs(t *testing.T, want string) {
	t.Helper()
	if got := f.source.Query1(t, "select count(*) from pg_namespace where nspname ~ '^bascule_'"); got != want {
		t.Errorf("%s logs, want %s", got, want)
	}
}

// What the log of DDL has when it goes comes to the target before: also what is run
// between the last look at it and its end.
func TestLogIsEmptiedBeforeItGoes(t *testing.T) {
	t.Parallel()
	f := logging(t)
	f.source.Exec(t, "alter table t alter b set default 42")
	f.source.Exec(t, "alter table t add constraint pos check (b > 0) not valid")
	late := begun(t, f.source, "select 1")
	says(t, late, "create function late() returns int language sql as 'select 1'")
	waited := letsGo(t, f.source, late)
	f.declares("auto", "declared")
	f.applied(t)
	if !waited() {
		t.Error("the log went while a command was under way")
	}
	const all = `
		select pg_get_expr(adbin, adrelid) || ' ' || (select string_agg(conname, ' ') from pg_constraint where conname = 'pos')
			|| ' ' || (select count(*) from pg_proc where proname = 'late')
		from pg_attrdef where adrelid = 't'::regclass`
	if got := f.target.Query(t, all); got != "42 pos 1" {
		t.Errorf("the target has %q", got)
	}
	f.hasLogs(t, "0")
	f.settled(t)
	f.runs(t)
	f.arrived(t)
}

// A plan that takes a table for new which the log has brought is made again.
func TestLogBringsTablesBeforeItGoes(t *testing.T) {
	t.Parallel()
	f := logging(t)
	f.source.Exec(t, "create table fresh (id int primary key)")
	f.source.Exec(t, "insert into fresh values (1), (2)")
	f.declares("auto", "declared")
	var changed *executor.ChangedError
	if _, _, err := f.tries(t); !errors.As(err, &changed) {
		t.Fatalf("%v, and the plan was of another time", err)
	}
	f.applied(t)
	f.runs(t)
	f.source.Exec(t, "insert into fresh values (3)")
	f.arrived(t)
	if got := f.target.Query(t, "select string_agg(id::text, ' ' order by id) from fresh"); got != "1 2 3" {
		t.Errorf("the target has %q", got)
	}
}

// A log with something in it that cannot run on the target as it is stays, until the
// block is applied that the halt prints; so does one that may not be streamed.
func TestLogStaysUntilItIsThrough(t *testing.T) {
	t.Parallel()
	f := logging(t)
	f.source.Exec(t, "alter table t add x int; alter table t add y int")
	f.body += "\npaused = true"
	f.declares("auto", "declared")
	var paused *executor.PausedLogError
	if _, _, err := f.tries(t); !errors.As(err, &paused) {
		t.Errorf("paused: %v", err)
	}
	f.body = strings.Replace(f.body, "\npaused = true", "", 1)
	if _, _, err := f.tries(t); err == nil || !strings.Contains(err.Error(), "statements that were sent at once") {
		t.Errorf("halted: %v", err)
	}
	f.hasLogs(t, "1")
	f.declares("declared", "auto")
	f.more = f.printed(t)
	f.applied(t)
	f.declares("auto", "declared")
	f.applied(t)
	f.wants(t, "id a b x y", "id a b x y")
	f.hasLogs(t, "0")
}

// An apply that was killed between the record and the log leaves none for ever.
func TestLogWithoutRecordGoes(t *testing.T) {
	t.Parallel()
	f := logging(t)
	f.target.Exec(t, `update bascule.stream set settings = (settings - 'log') || '{"ddl": "declared"}'`)
	f.declares("auto", "declared")
	f.body += "\npaused = true" // so that there is something to apply
	f.applied(t)
	f.hasLogs(t, "0")
}
