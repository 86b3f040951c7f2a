package executor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bascule/executor"
	"bascule/executor/progress"
	"bascule/planner/catalog/pgtest"
)

// counter counts events of an apply, and does something at one of them.
type counter struct {
	at   int64
	do   func()
	seen atomic.Int64
}

func (c *counter) Event(progress.Event) {
	if c.seen.Add(1) == c.at {
		c.do()
	}
}

// small is a database with a bit of everything that is built in steps.
const small = `
	create schema app; create type app.mood as enum ('a', 'b');
	create table app.a (id serial primary key, m app.mood default 'a', t text unique); create table app.b (id int primary key, a int references app.a, r int4range, exclude using gist (r with &&));
	create table app.p (id int, at date, primary key (id, at)) partition by range (at); create table app.p1 partition of app.p for values from (minvalue) to ('2024-06-01'); create table app.p2 partition of app.p default;
	create index on app.a (m); create index on app.p (at); create view app.v as select * from app.a x; create materialized view app.mv as select m, count(*) from app.v group by 1; create unique index on app.mv (m);
	create function app.f() returns trigger language plpgsql as 'begin return new; end'; create trigger f before insert on app.b for each row execute function app.f(); create trigger g after update on app.p for each row execute function app.f();
	create statistics app.s on m, t from app.a; comment on index app.a_m_idx is 'an index'; alter table app.a enable row level security; create policy pol on app.a using (true); create rule r as on delete to app.b do instead nothing;
	insert into app.a (t) select 't' || i from generate_series(1, 3000) i; insert into app.b select i, i, int4range(i * 2, i * 2 + 1) from generate_series(1, 500) i;
	insert into app.p select i, '2024-01-01'::date + i % 300 from generate_series(1, 2000) i; refresh materialized view app.mv; select lo_from_bytea(77, 'seven'); analyze`

// A run is stopped at its nth event, for a random n, until it comes through.
func TestStoppedAndAppliedAgain(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 3))
			source, target := pgtest.New(t, small)
			c := newCarry(t, source, target, "copy {\nchunk_size = \"8kB\"\nworkers = 2\n}\n"+all)
			if seed%4 == 3 {
				c.body = "copy {\nchunk_size = \"16kB\"\n}\ntable \"app.a\" {\ntarget = \"far.away\"\n}"
			}
			for range 4 {
				ctx, stop := context.WithCancel(t.Context())
				c.sink = &counter{at: 1 + r.Int64N(95), do: stop}
				_, result, err := c.apply(ctx, t)
				stop()
				if err == nil {
					break
				}
				if s := result.Outcomes[0].Status; s != executor.Interrupted && s != executor.Done {
					t.Fatalf("%s: %v", s, err)
				}
				if seed%2 == 1 {
					source.Exec(t, change(r.IntN(6)))
				}
			}
			c.sink = nil
			if plan := c.plan(t); plan.Empty() {
				return // it came through
			}
			c.arrives(t)
		})
	}
}

// change is one change of the source's schema between two runs.
func change(n int) string {
	return []string{
		"drop view app.v cascade; create view app.v as select id, t from app.a x",
		"alter table app.b add column if not exists more text default 'x'",
		"alter type app.mood add value if not exists 'c'",
		"create table if not exists app.new (id int primary key); insert into app.new select coalesce(max(id), 0) + 1 from app.new",
		"drop index if exists app.a_m_idx",
		"create or replace function app.f() returns trigger language plpgsql as 'begin perform 1; return new; end'; alter table app.p add column if not exists z int",
	}[n]
}

func TestTheSourceChangesInBetween(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		t.Run(strings.Fields(change(n))[1], func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, small)
			c := newCarry(t, source, target, "copy {\nchunk_size = \"8kB\"\nworkers = 2\n}")
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			c.sink = &counter{at: int64(15 + 12*n), do: stop}
			if _, result, err := c.apply(ctx, t); err == nil || result.Outcomes[0].Status != executor.Interrupted {
				t.Fatalf("it was not stopped: %v", err)
			}
			source.Exec(t, change(n))
			c.sink = nil
			c.arrives(t)
		})
	}
}

// Sessions of an apply are ended at random on either side, while two writers work.
func TestSessionsAreEnded(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 4))
			source := pgtest.Server(t, 15).Database(t, bank)
			target := pgtest.Server(t, 15).Database(t, "")
			c := newCarry(t, source, target, "copy {\nchunk_size = \"8kB\"\nworkers = 2\n}")
			side := []*pgtest.DB{source, target}[seed%2]
			conn := side.Conn(t)
			var ends sync.WaitGroup
			defer ends.Wait()
			ended := make(chan struct{}, 1)
			c.sink = &counter{at: 5 + r.Int64N(80), do: func() { ended <- struct{}{} }}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ends.Go(func() {
				select {
				case <-ended:
				case <-ctx.Done():
					return
				}
				var who string
				if err := conn.QueryRow(ctx, endOne, r.Float64()).Scan(&who); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				t.Log("ended", who)
			})
			writers(t, source, func() {
				for tries := 1; ; tries++ {
					_, _, err := c.apply(t.Context(), t)
					if err == nil {
						break
					}
					t.Logf("try %d: %v", tries, err)
					if tries == 3 {
						t.Error("it does not come through")
						return
					}
				}
			})
			balanced(t, target)
			if plan := c.plan(t); !plan.Empty() {
				t.Error("there is more to do")
			}
		})
	}
}

// endOne ends one of our sessions of this database, which the parameter chooses.
const endOne = `
	with ours as (
		select pid, application_name, row_number() over (order by pid) - 1 as n, count(*) over () as of
		from pg_stat_activity where application_name like 'bascule/app/%' and datname = current_database())
	select application_name from ours where n = floor($1::float8 * of) and pg_terminate_backend(pid)`
