package executor_test

import (
	"context"
	"fmt"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
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
