package executor_test

import (
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// A table that somebody took out of the publication halts the mirror when it connects,
// and copying that table again, as the remedy says, heals it.
func TestTableThatIsNotPublishedAnyMore(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create table t (id int primary key, a text); insert into t values (1, 'a'); create table other (id int primary key)")
	f := newFollower(t, source, target, "")
	f.allow = []string{"mirror.app"}
	plan := f.applied(t)
	stop := f.runs(t)
	f.same(t)
	stop()
	f.writes(t, "alter publication "+plan.Changes[0].Mirror.Stream.Publication+" drop table t; insert into t values (2, 'lost to the stream')")
	f.runs(t)
	target.Eventually(t, "select count(*) from bascule.stream where halt is not null", "1")
	if halt := f.halt(t); !strings.Contains(halt, "public.t") || !strings.Contains(halt, `-replace=`) {
		t.Errorf("halted by %s", halt)
	}
	f.replaced(t, `mirror.app.table["public.t"]`)
	f.writes(t, "insert into t values (3, 'c'); update t set a = 'b' where id = 2; insert into other values (1)")
	f.same(t)
	f.settled(t)
}

// Tables join a mirror that is paused when it goes on, or before: none is forgotten.
func TestTablesJoinAPausedMirror(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create table a (id int primary key, v text); create table b (id int primary key, v text); insert into a values (1, 'x'); insert into b values (1, 'x')")
	f := newFollower(t, source, target, `exclude = ["public.b"]`)
	f.applied(t)
	f.runs(t)
	f.body += "\npaused = true"
	f.applied(t)
	f.writes(t, "insert into a values (2, 'paused'); insert into b values (2, 'paused'); update b set v = 'y'")
	f.body = "paused = true"
	if plan, _, err := f.tries(t); err != nil {
		if plan.ExitCode() == 0 {
			t.Errorf("%v\n%s", err, findings(plan))
		}
	}
	f.writes(t, "insert into a values (3, 'paused still'); insert into b values (3, 'paused still')")
	f.body = ""
	f.applied(t)
	f.writes(t, "update a set v = v || '!'; update b set v = v || '!'; delete from b where id = 1")
	f.same(t)
	f.settled(t)
}

// A row that the target lacks halts the mirror, or is counted and passed over.
func TestMissingRows(t *testing.T) {
	t.Parallel()
	const schema = "create table t (id int primary key, a text); insert into t select i, 'a' from generate_series(1, 10) i; create table w (id int, a text); alter table w replica identity full; insert into w values (1, 'a'), (2, 'b')"
	source, target := pgtest.New(t, schema)
	f := newFollower(t, source, target, "")
	f.applied(t)
	f.runs(t)
	f.arrived(t)
	target.Exec(t, "delete from t where id in (3, 4)")
	f.writes(t, "begin; update t set a = 'b' where id = 2; update t set a = 'b' where id = 3; update t set a = 'b' where id = 5; commit")
	target.Eventually(t, "select count(*) from bascule.stream where halt is not null", "1")
	if halt := f.halt(t); !strings.Contains(halt, "missing_row") || !strings.Contains(halt, "public.t") || !strings.Contains(halt, "3") {
		t.Errorf("halted by %s", halt)
	}
	if got := target.Query1(t, "select string_agg(a, '' order by id) from t where id in (2, 5)"); got != "aa" {
		t.Errorf("half of a transaction is there: %s", got)
	}
	f.body = "stream {\nmissing_row = \"skip\"\n}"
	f.applied(t)
	target.Exec(t, "delete from w where id = 1")
	f.writes(t, "delete from t where id = 4; update t set id = 40 where id = 3; update w set a = 'c'; delete from w where id = 1; update t set a = 'last' where id = 1")
	f.arrived(t)
	if got := target.Query(t, "select id, a from t where id in (1, 2, 3, 4, 5, 40) order by id"); got != "1|last\n2|b\n5|b" {
		t.Errorf("the target has %s", got)
	}
	if got := target.Query1(t, "select sum(missing) from bascule.position"); got != "5" {
		t.Errorf("%s rows were missing", got)
	}
	f.settled(t)
}

// An apply does not mend a publication so that nobody sees what was lost meanwhile.
func TestApplyDoesNotHideALoss(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create table t (id int primary key, a text); insert into t values (1, 'a')")
	f := newFollower(t, source, target, "")
	f.allow = []string{"mirror.app"}
	name := f.applied(t).Changes[0].Mirror.Stream.Publication
	f.runs(t)
	f.same(t)
	f.writes(t, "alter publication "+name+" drop table t", "insert into t values (2, 'lost to the stream')", "insert into mark default values")
	f.body = "stream {\nmax_delay = \"20ms\"\n}"
	if _, _, err := f.tries(t); err == nil {
		f.same(t)
		t.Error("it was applied")
	}
	f.replaced(t, `mirror.app.table["public.t"]`)
	f.same(t)
	f.settled(t)
}
