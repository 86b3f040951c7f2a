package executor_test

import (
	"context"
	"fmt"
	"testing"

	"bascule/executor"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/live"
)

// engined is a continuous mirror whose rows are moved by one of the engines.
type engined struct {
	*follower
	engine           string
	fromAt, targetAt *pgtest.Cluster
}

// engines are all of them, on servers of their own: some are killed.
var engines = []struct {
	name, engine   string
	source, target int
	all            bool // in every run, not only with -long
}{
	{"stream 15 to 15", "stream", 15, 15, false},
	{"subscription 15 to 15", "subscription", 15, 15, false},
	{"subscription 15 to 17", "subscription", 15, 17, false},
	{"subscription 18 to 18", "subscription", 18, 18, false},
	{"pglogical 15 to 15", "pglogical", 15, 15, true},
	{"pglogical 15 to 17", "pglogical", 15, 17, false},
}

const enginedTables = `
	create table account (id int primary key, owner text not null, balance bigint not null default 0);
	create table event (at timestamptz not null default now(), what text);
	create type kind as enum ('a', 'b');
	create table item (id bigserial primary key, kind kind, parts int[], body text, unique (body));
	create table day (on_day date, n int, primary key (on_day, n)) partition by range (on_day);
	create table day_1 partition of day for values from ('2026-01-01') to ('2026-02-01');
	create table day_2 partition of day for values from ('2026-02-01') to ('2026-03-01');
	create table busy (id bigserial primary key, n int not null default 0)`

const enginedRows = `
	insert into account select i, 'o' || i, i from generate_series(1, 2000) i;
	insert into event (what) select 'e' || i from generate_series(1, 500) i;
	insert into item (kind, parts, body) select 'a', array[i, i], repeat('x', i % 50) || i from generate_series(1, 500) i;
	insert into day select date '2026-01-01' + i, i from generate_series(0, 50) i`

// newEngined makes two servers, or two databases, and the mirror's configuration.
func newEngined(t *testing.T, engine string, source, target int, server func(testing.TB, int, ...pgtest.Option) *pgtest.Cluster) *engined {
	t.Helper()
	if engine == "pglogical" {
		server = pgtest.Pglogical
	}
	x := &engined{engine: engine, fromAt: server(t, source), targetAt: server(t, target)}
	body, onTarget := fmt.Sprintf("engine = %q", engine), ""
	if source > dumped {
		body, onTarget = body+"\nschema { copy = false }", enginedTables+"; create table mark (id bigserial primary key)"
	}
	x.follower = newFollower(t, x.fromAt.Database(t, enginedTables+";"+enginedRows), x.targetAt.Database(t, onTarget), body)
	return x
}

// dumped is the newest version whose pg_dump every machine has that runs tests. Tables of
// newer ones are made on both sides.
const dumped = 15

// kept starts a runner where the engine is in need of one.
func (x *engined) kept(t *testing.T) {
	t.Helper()
	if x.engine == "stream" {
		x.runs(t)
	}
}

// equal compares the rows of both sides, but of what the engine keeps for itself.
func (x *engined) equal(t *testing.T, leftOut ...string) {
	t.Helper()
	x.same(t, append(leftOut, "pglogical.%")...)
}

// changes writes every kind of change that all engines carry.
func (x *engined) changes(t *testing.T, round int) {
	t.Helper()
	x.writes(t,
		fmt.Sprintf("insert into account select %d + i, 'n', i from generate_series(1, 50) i", 10000*round),
		fmt.Sprintf("begin; update account set balance = balance + %d where id %% 7 = 1; delete from account where id %% 97 = %[1]d; commit", round),
		fmt.Sprintf("update account set id = id + 1000000 * %d where id between %[1]d * 100 and %[1]d * 100 + 5", round),
		fmt.Sprintf("insert into event (what) values ('round %d'), (null), (E'\\t\\n\\\\')", round),
		"begin; savepoint a; insert into item (kind, body) values ('b', 'gone'); rollback to a; insert into item (kind, body, parts) values ('b', repeat('toast', 9000) || random(), '{1,null,3}'); commit",
		"update item set kind = 'b' where id % 5 = 0",

		"update day set on_day = on_day + 31 where on_day < '2026-01-03' and n < 3; delete from day where n = 20",
		"insert into day select '2026-02-10', max(n) + 1 from day")
	x.writes(t, "truncate event; insert into event (what) values ('behind it')")
}

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
			x.goes(t, before)
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
	x.again(t, `mirror.app.table["public.account"]`)
	x.changes(t, 3)
	x.equal(t, "public.item", "public.busy")
}

// again copies a table again while the others are followed.
func (x *engined) again(t *testing.T, address string) {
	t.Helper()
	cfg, _, file := x.load(t, x.text())
	seen, err := live.Observe(t.Context(), cfg, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan := planner.Make(planner.Input{Version: "0.1.0", Config: cfg, State: file, Live: seen, Replaces: []string{address}})
	if _, _, err := x.triesWith(t.Context(), t, func(c *executor.Config) { c.Plan = plan }); err != nil {
		t.Fatalf("%v\n%s", err, x.events)
	}
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
}

// pauses has the mirror stand still, and go on.
func (x *engined) pauses(t *testing.T) {
	t.Helper()
	was := x.body
	x.body += "\npaused = true"
	x.applied(t)
	x.changes(t, 6)
	x.settled(t)
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

// goes removes the mirror: the source is as it was, but for what commands made, and the
// target has nothing but the tables.
func (x *engined) goes(t *testing.T, before string) {
	t.Helper()
	if _, result, err := x.removes(t); err != nil || len(result.Left) > 0 {
		t.Fatalf("%v, left %v\n%s", err, result.Left, x.events)
	}
	for _, db := range []*pgtest.DB{x.source, x.target} {
		if got := db.Query1(t, leftOver); got != nothingLeft {
			t.Errorf("left: %s", got)
		}
	}
}

// handed reports whether the servers' engine has the mirror.
func (x *engined) handed(t *testing.T) bool {
	t.Helper()
	conn := connect(t, x.target)
	defer conn.Close(context.Background())
	l, err := catalog.ReadLedger(t.Context(), conn)
	if err != nil || len(l.Mirrors) != 1 {
		t.Fatalf("%v: %+v", err, l)
	}
	return l.Mirrors[0].Stream.Handed
}

// A word in the configuration moves a mirror from one engine to another. Nothing is
// copied again, and nothing is lost or doubled meanwhile.
func TestEngineIsChanged(t *testing.T) {
	t.Parallel()
	x := newEngined(t, "pglogical", 15, 15, nil)
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
	x.goes(t, "")
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
			x.again(t, "mirror.app")
			x.changes(t, 3)
			x.equal(t)
			if _, result, err := x.removes(t); err != nil || len(result.Left) > 0 {
				t.Fatalf("%v, left %v", err, result.Left)
			}
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
			if _, result, err := x.removes(t); err != nil || len(result.Left) > 0 {
				t.Fatalf("%v, left %v", err, result.Left)
			}
		})
	}
}
