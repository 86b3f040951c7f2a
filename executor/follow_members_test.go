package executor_test

import (
	"context"
	"fmt"
	"testing"

	"bascule/executor"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/live"
)

// replaced plans and applies that these addresses are copied again.
func (f *follower) replaced(t *testing.T, addresses ...string) *planner.Plan {
	t.Helper()
	cfg, store, file := f.load(t, f.text())
	seen, err := live.Observe(t.Context(), cfg, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan := planner.Make(planner.Input{Version: "0.1.0", Config: cfg, State: file, Live: seen, Replaces: addresses})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err = executor.Apply(ctx, executor.Config{Plan: plan, Config: cfg, State: file, Store: store, Sink: f.events, AllowDataLoss: f.allow})
	if err != nil {
		t.Fatalf("%v\n%s%s", err, findings(plan), f.events)
	}
	return plan
}

// works demands that a plan works at these tables and no other.
func works(t *testing.T, plan *planner.Plan, want string) {
	t.Helper()
	got := ""
	for _, table := range plan.Changes[0].Mirror.Tables {
		if table.Work != "" {
			got += table.Name + " " + table.Work + " "
		}
	}
	if got != want {
		t.Errorf("the plan works at %q, want %q", got, want)
	}
}

// Tables join, leave, and are copied again while writers go on, and a runner goes on
// with the others.
func TestTablesComeAndGoUnderWriters(t *testing.T) {
	long(t)
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, bank)
	target := pgtest.Server(t, 15).Database(t, "")
	without := `exclude = ["public.line", "public.transfer"]`
	f := newFollower(t, source, target, without)
	f.allow = []string{"mirror.app"}
	f.applied(t)
	f.runs(t)
	trading(t, source, func() {
		f.body = ""
		works(t, f.applied(t), "line add transfer add ")
		f.arrived(t)
		f.balances(t)
		works(t, f.replaced(t, `mirror.app.table["public.line"]`), "line again ")
		f.arrived(t)
		f.balances(t)
		works(t, f.replaced(t, `mirror.app.table["public.account"]`, `mirror.app.table["public.transfer"]`), "account again transfer again ")
		f.arrived(t)
		f.balances(t)
	})
	f.same(t)
	f.balances(t)
	f.settled(t)
	f.body = without
	works(t, f.applied(t), "line remove transfer remove ")
	before := target.Query1(t, "select count(*) || ' ' || (select count(*) from transfer) from line")
	f.writes(t, "delete from line where transfer < 5; delete from transfer where id < 5; update account set note = 'moved' where id < 10")
	f.same(t, "public.line", "public.transfer")
	if got := target.Query1(t, "select count(*) || ' ' || (select count(*) from transfer) from line"); got != before {
		t.Errorf("tables that have left went from %s to %s", before, got)
	}
	f.settled(t)
}

// A transaction that wrote to a table before it was published, and is open still, is
// waited for: none of its rows is missing.
func TestWriterOpenAcrossAddTable(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create table a (id serial primary key, v text); create table b (id serial primary key, v text); insert into b (v) values ('first')")
	f := newFollower(t, source, target, `exclude = ["public.b"]`)
	f.applied(t)
	f.runs(t)
	open := connect(t, source)
	write := func(sql string) {
		if _, err := open.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Error(err)
		}
	}
	write("begin; insert into b (v) values ('before ADD TABLE'); insert into a (v) values ('before')")
	f.body = ""
	ended := make(chan error, 1)
	go func() {
		_, _, err := f.tries(t)
		ended <- err
	}()
	pgtest.Eventually(t, func() error {
		if !f.events.told(fmt.Sprintf("the transaction of pid %d", open.PgConn().PID())) {
			return fmt.Errorf("told\n%s", f.events)
		}
		return nil
	})
	f.writes(t, "insert into b (v) values ('between'); update b set v = 'changed between' where id = 1; insert into a (v) values ('between')")
	write("update b set v = 'after ADD TABLE' where v = 'before ADD TABLE'; insert into b (v) values ('after ADD TABLE'); commit")
	if err := <-ended; err != nil {
		t.Fatalf("%v\n%s", err, f.events)
	}
	f.writes(t, "insert into b (v) values ('at last')")
	f.same(t)
	f.settled(t)
}

// All of a mirror is copied again while its writers go on.
func TestMirrorIsCopiedAgain(t *testing.T) {
	long(t)
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, bank)
	target := pgtest.Server(t, 15).Database(t, "")
	f := newFollower(t, source, target, "")
	f.allow = []string{"mirror.app"}
	f.applied(t)
	f.runs(t)
	trading(t, source, func() {
		f.arrived(t)
		target.Exec(t, "delete from line; update account set balance = 0")
		if plan := f.replaced(t, "mirror.app"); plan.Changes[0].Action != planner.Replace {
			t.Errorf("the plan would %s", plan.Changes[0].Action)
		}
		f.arrived(t)
		f.balances(t)
	})
	f.same(t)
	f.settled(t)
	if got := source.Query(t, "select count(*) from pg_replication_slots where database = current_database()"); got != "1" {
		t.Errorf("%s slots", got)
	}
}

// The columns that a table block leaves out, and where it goes, may be changed of a
// mirror that streams.
func TestTableBlocksAreChanged(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create schema other; create table t (id int primary key, a text, b text); create table u (id int primary key); insert into t values (1, 'a', 'b'); insert into u values (1)")
	f := newFollower(t, source, target, "")
	f.allow = []string{"mirror.app"}
	f.applied(t)
	f.runs(t)
	f.body = "table \"public.t\" {\nexclude_columns = [\"b\"]\n}"
	f.applied(t)
	f.writes(t, "insert into t values (2, 'a2', 'b2'); update t set b = 'x'; update t set a = 'y' where id = 1")
	f.arrived(t)
	f.sameRows(t, "without a column", "select id, a from t", "select id, a from t")
	f.settled(t)
	f.body = "table \"public.t\" {\ntarget = \"other.moved\"\n}"
	f.applied(t)
	f.writes(t, "insert into t values (3, 'a3', 'b3'); update t set b = 'z'; delete from t where id = 1")
	f.arrived(t)
	f.sameRows(t, "moved", "table t", "table other.moved")
	f.settled(t)
}

// What a table has become on the source since its copy, and what became of the copy,
// does not keep it from joining again or being copied again.
func TestTablesAreMadeAnew(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, `create type mood as enum ('ok'); create table t (id serial primary key, a text default 'x', m mood); create index on t (a); create view v as select id, a from t;
		insert into t (a) select 'a' || i from generate_series(1, 20) i; create table u (id int primary key, t int references t on delete cascade); insert into u values (1, 1)`)
	f := newFollower(t, source, target, "")
	f.allow = []string{"mirror.app"}
	f.applied(t)
	f.runs(t)
	arrives := func(rule string) {
		t.Helper()
		f.writes(t, "insert into t (a) values ('"+rule+"'); update t set a = a || '!' where id % 3 = 0; delete from t where id = (select min(id) from t)")
		f.same(t)
		f.settled(t)
	}
	without := func() {
		f.body = `exclude = ["public.t", "public.u"]`
		f.applied(t)
		f.body = ""
	}
	without()
	target.Exec(t, "drop table t cascade; drop table u")
	f.applied(t)
	arrives("dropped on the target")
	without()
	f.applied(t)
	arrives("left on the target")
	without()
	target.Exec(t, "truncate t cascade; insert into t (a) values ('of another')")
	f.applied(t)
	arrives("filled by somebody else")
	without()
	source.Exec(t, "alter table t add more int default 7, drop column m")
	f.applied(t)
	arrives("changed while it was not mirrored")
}

// A table whose shape was changed on both sides, or on the source alone, is copied
// again as it is.
func TestTablesThatWereAltered(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create table t (id int primary key, a text); insert into t values (1, 'a'); create table other (id int primary key)")
	f := newFollower(t, source, target, "")
	f.allow = []string{"mirror.app"}
	f.applied(t)
	f.runs(t)
	for _, db := range []*pgtest.DB{target, source} {
		db.Exec(t, "alter table t add b int default 5")
	}
	f.writes(t, "insert into t values (2, 'b', 6); update t set b = 7 where id = 1")
	f.same(t)
	source.Exec(t, "alter table t add c int, alter a type varchar(20)")
	f.writes(t, "insert into other values (1)")
	f.writes(t, "insert into t values (3, 'c', 1, 1)")
	target.Eventually(t, "select count(*) from bascule.stream where halt is not null", "1")
	f.writes(t, "insert into other values (2); update t set c = 8")
	f.replaced(t, `mirror.app.table["public.t"]`)
	f.same(t)
	f.settled(t)
}
