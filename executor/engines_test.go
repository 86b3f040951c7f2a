package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// The same life of a mirror over each engine: copied while it is written to, followed,
// a table added, copied again and taken out, DDL, paused, either server killed, gone.
func TestEngines(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			if !e.all {
				long(t)
			}
			t.Parallel()
			x := newEngined(t, e.engine, e.source, e.target, pgtest.Own)
			before := onSource(t, x.source)
			stop := busy(t, x.source)
			x.applied(t)
			x.kept(t)
			x.changes(t, 1)
			x.tables(t)
			x.commands(t)
			x.pauses(t)
			stop()
			x.equal(t, "public.item")
			x.settled(t)
			x.survives(t)
			x.goes(t, before, "drop table kept; drop index account_owner")
		})
	}
}

// tables adds a table, copies one again and takes one out.
func (x *engined) tables(t *testing.T) {
	t.Helper()
	const added = "create table added (id int primary key, t text)"
	if x.fromAt.Major > dumped {
		x.target.Exec(t, added)
	}
	x.source.Exec(t, added+"; insert into added select i, 'a' from generate_series(1, 300) i")
	x.body += "\nexclude = [\"public.item\"]"
	x.applied(t)
	x.writes(t, "update added set t = 'b' where id < 10; insert into added values (1000, 'c')")
	x.changes(t, 2)
	x.equal(t, "public.item", "public.busy")
	if got := x.target.Query1(t, "select count(*) from item"); got != "501" {
		t.Errorf("a table that was taken out has %s rows", got)
	}
	x.target.Exec(t, "delete from account where id = 1500")
	x.replaced(t, `mirror.app.table["public.account"]`)
	x.changes(t, 3)
	x.equal(t, "public.item", "public.busy")
}

// commands runs ddl blocks: a column, a new table, a rename, an index, a table that goes.
func (x *engined) commands(t *testing.T) {
	t.Helper()
	x.more = block("column", "alter table public.account add column note text default 'n' not null") +
		block("keyless", "alter table public.event add column n int") +
		block("made", "create table public.made (id int primary key, t text)") +
		block("renamed", "alter table public.added rename to kept") +
		block("index", "create index concurrently account_owner on public.account (owner)")
	x.applied(t)
	x.writes(t, "insert into made values (1, 'm'); update kept set t = 'k' where id = 5; update account set note = 'x' where id < 50; insert into event (n) values (1)")
	x.changes(t, 4)
	x.equal(t, "public.item", "public.busy")
	x.more += block("dropped", "drop table public.made")
	x.applied(t)
	x.changes(t, 5)
	x.equal(t, "public.item", "public.busy")
	x.settled(t)
	if got := x.target.Query1(t, "select to_regclass('account_owner') is not null and to_regclass('made') is null and to_regclass('added') is null"); got != "t" {
		t.Error("the index is not there, or what was dropped or renamed is")
	}
}

// pauses has the mirror stand still, and go on.
func (x *engined) pauses(t *testing.T) {
	t.Helper()
	was := x.body
	x.body += "\npaused = true"
	x.applied(t)
	x.changes(t, 6)
	x.settled(t)
	x.source.Eventually(t, "select count(*) from pg_replication_slots where active", "0")
	if got := x.target.Query1(t, "select count(*) from account where id between 60001 and 60050"); got != "0" || x.handed(t) {
		t.Errorf("paused, and %s new rows are there; handed is %t", got, x.handed(t))
	}
	x.body = was
	x.applied(t)
	x.equal(t, "public.item", "public.busy")
}

// survives kills each server while changes are on their way.
func (x *engined) survives(t *testing.T) {
	t.Helper()
	for i, c := range []*pgtest.Cluster{x.targetAt, x.fromAt} {
		x.changes(t, 7+i)
		c.Kill(t)
		c.Start(t)
		x.from, x.to = plainly(t, x.source), plainly(t, x.target)
		x.changes(t, 9+i)
		x.equal(t, "public.item")
	}
}

// goes removes the mirror: the source is as it was, and the target has nothing but the
// tables. Where commands changed tables of the source, undo takes back what they made;
// columns leave a trace, so that only what there is is compared then.
func (x *engined) goes(t *testing.T, before, undo string) {
	t.Helper()
	x.removed(t)
	after := onSource(t, x.source)
	if undo != "" {
		x.source.Exec(t, undo)
		_, before, _ = strings.Cut(before, "\n")
		_, after, _ = strings.Cut(onSource(t, x.source), "\n")
	}
	if after != before {
		t.Errorf("the source was\n%s\nand is\n%s", before, after)
	}
	for _, db := range []*pgtest.DB{x.source, x.target} {
		if got := db.Query1(t, leftOver); got != nothingLeft {
			t.Errorf("left: %s", got)
		}
	}
}

// A word in the configuration moves a mirror from one engine to another. Nothing is
// copied again, and nothing is lost or doubled meanwhile.
func TestEngineIsChanged(t *testing.T) {
	t.Parallel()
	x := newEngined(t, "pglogical", 15, 15, nil)
	before := onSource(t, x.source)
	stop := busy(t, x.source)
	x.applied(t)
	for i, engine := range []string{"subscription", "pglogical", "stream", "subscription", "stream", "pglogical"} {
		x.changes(t, i+1)
		x.body = fmt.Sprintf("engine = %q", engine)
		plan := x.applied(t)
		if len(plan.Changes) != 1 || plan.Changes[0].Mirror.Bytes != 0 {
			t.Errorf("to %s: %+v", engine, plan.Changes)
		}
		if got, want := x.handed(t), engine != "stream"; got != want {
			t.Errorf("to %s: handed is %t", engine, got)
		}
		x.settled(t)
	}
	stop()
	x.equal(t)
	x.goes(t, before, "")
}

// A subscription that somebody dropped took along how far it had got: the plan refuses
// to guess, and everything is copied again. A state that is lost is taken up from the
// ledger, and the servers go on meanwhile.
func TestEngineIsLost(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"subscription", "pglogical"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			x := newEngined(t, engine, 15, 15, pgtest.Server)
			x.applied(t)
			x.changes(t, 1)
			x.equal(t)

			x.dir = t.TempDir()
			if plan := x.applied(t); len(plan.Changes) != 1 || plan.Changes[0].Mirror.AdoptFrom == "" || !x.handed(t) {
				t.Errorf("after the state was lost: %+v", plan.Changes)
			}
			x.changes(t, 2)
			x.equal(t)
			x.settled(t)

			if engine == "pglogical" {
				x.target.Exec(t, "select pglogical.drop_subscription(sub_name) from pglogical.subscription")
			} else {
				name := x.target.Query1(t, "select subname from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())")
				x.target.Exec(t, fmt.Sprintf("alter subscription %[1]s disable; alter subscription %[1]s set (slot_name = none); drop subscription %[1]s", name))
			}
			if plan := x.planned(t); plan.ExitCode() == 0 || codes(plan, planner.Refusal) != "B173" {
				t.Errorf("a subscription that is gone: %s", findings(plan))
			}
			x.replaced(t, "mirror.app")
			x.changes(t, 3)
			x.equal(t)
			x.removed(t)
		})
	}
}

// An apply is stopped wherever it is between the two carriers, and the next one, or the
// servers alone, go on from there: no row is lost or doubled, and nothing is copied again.
func TestEngineHandoverThatIsStopped(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"subscription", "pglogical"} {
		t.Run(engine, func(t *testing.T) {
			if engine == "pglogical" {
				long(t)
			}
			t.Parallel()
			x := newEngined(t, engine, 15, 15, pgtest.Server)
			stop := busy(t, x.source)
			for _, stage := range []string{"create slot", "copy", "prepare the servers'", "hand over to the servers'"} {
				x.stoppedAt(t, stage, "mirror.app")
				x.changes(t, len(stage))
			}
			x.applied(t)
			x.equal(t, "public.busy")
			for i, stage := range []string{"take over from the servers'", "take a snapshot", "prepare the servers'", "hand over to the servers'"} {
				x.source.Exec(t, fmt.Sprintf("create table added_%d (id int primary key); insert into added_%[1]d select generate_series(1, 50)", i))
				x.stoppedAt(t, stage)
				x.changes(t, 40+i)
				x.applied(t)
				if !x.handed(t) {
					t.Errorf("stopped at %q: not handed back", stage)
				}
				x.equal(t, "public.busy")
				x.settled(t)
			}
			stop()
			x.equal(t)
			x.removed(t)
		})
	}
}
