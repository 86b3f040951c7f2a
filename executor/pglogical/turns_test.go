package pglogical_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// bank has tables with a key and one without, where a row that comes twice is seen.
const bank = `
	create table a (id int primary key, n int not null default 0, doc text, half int generated always as (n / 2) stored);
	create table b (id int, k text not null, n int, primary key (id, k));
	create table log (id bigint, of int);
	create sequence ids;
	alter table a alter column doc set storage external`

func (r *rig) bank() []ledger.Member {
	return []ledger.Member{r.member("a", planner.FollowAll), r.member("b", planner.FollowAll), r.member("log", planner.FollowInserts)}
}

// write changes the bank in every way until the context ends, in several sessions.
// Counted are the transactions.
func (r *rig) write(ctx context.Context, count *atomic.Int64) (wait func()) {
	r.t.Helper()
	var g sync.WaitGroup
	for n := range 3 {
		conn := r.open(r.src)
		g.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for ctx.Err() == nil {
				err := pgx.BeginFunc(context.WithoutCancel(ctx), conn, func(tx pgx.Tx) error { return change(tx, random) })
				if err != nil && ctx.Err() == nil && !expected(err) {
					r.t.Errorf("writer: %v", err)
					return
				}
				count.Add(1)
			}
		})
	}
	return g.Wait
}

// change is one transaction.
func change(tx pgx.Tx, random *rand.Rand) error {
	ctx := context.Background()
	// Transactions stay open for a while: the stops and starts fall into them. So they do
	// not outrun the worker either.
	if _, err := tx.Exec(ctx, "select pg_sleep($1)", []float64{0.005, 0.01, 0.3}[min(2, random.IntN(20)/9)]); err != nil {
		return err
	}
	for range 1 + random.IntN(6) {
		id := 1 + random.IntN(200)
		sql := []string{
			fmt.Sprintf("insert into public.a (id, n, doc) values (%d, 0, repeat('x', %d)) on conflict (id) do update set n = a.n + 1", id, 10+random.IntN(4000)),
			fmt.Sprintf("update public.a set n = n + 1 where id = %d", id), // what is in TOAST stays
			fmt.Sprintf("update public.a set id = id + 1000 where id = %d and not exists (select from public.a where id = %[1]d + 1000)", id),
			fmt.Sprintf("delete from public.a where id in (%d, %d + 1000)", id, id),
			fmt.Sprintf("insert into public.b values (%d, 'k', 1) on conflict (id, k) do update set k = 'l' || b.n", id),
			fmt.Sprintf("delete from public.b where id = %d", id),
			fmt.Sprintf("insert into public.log select nextval('public.ids'), %d from generate_series(1, %d)", id, 1+random.IntN(20)),
			fmt.Sprintf("savepoint s; insert into public.log values (-1, %d); rollback to s", id),
		}[random.IntN(8)]
		if _, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// The engine is stopped and started again under load, where it stopped: nothing is lost,
// and nothing comes twice.
func TestTurns(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			if major != 15 && !*long {
				t.Skip("takes long; run by make suites, or with -long")
			}
			t.Parallel()
			r := rigOn(t, pgtest.Pglogical(t, 15), pgtest.Pglogical(t, major), bank)
			ctx, stop := context.WithCancel(t.Context())
			var count atomic.Int64
			wait := r.write(ctx, &count)
			members := r.bank()
			r.start(members...)
			for range turns() {
				before := count.Load()
				eventually(t, func() bool { return count.Load() > before+20 })
				at := r.take()
				if r.prepare(members...) > at {
					t.Fatal("prepared anew, nothing was to be changed")
				}
				r.give(at, members...)
			}
			stop()
			wait()
			r.reached()
			r.equal("a", "b", "log")
			if t.Failed() {
				t.Log(r.dst.Log(t))
			}
			t.Logf("%d transactions", count.Load())
		})
	}
}

func turns() int {
	if *long {
		return 20
	}
	return 3
}

// Where the engine was taken, another slot goes on, with what the target does not have
// and nothing else.
func TestHandover(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	members := r.bank()
	r.start(members...)
	for turn := range 3 {
		ctx, stop := context.WithCancel(t.Context())
		var count atomic.Int64
		wait := r.write(ctx, &count)
		eventually(t, func() bool { return count.Load() > 20 })
		// A copy of the slot has all that the engine has not applied, also one that was made
		// while that went on.
		from, err := r.engine().Slot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at, ours := catalog.LSN(0), func() {
			r.src.Exec(t, "select pg_copy_logical_replication_slot('"+from+"', 'ours', false, 'test_decoding')")
		}
		if turn == 1 {
			at = r.take()
			ours()
		} else {
			ours()
			at = r.take()
		}
		eventually(t, func() bool { return count.Load() > 60 })
		stop()
		wait()
		ids := strings.Fields(r.dst.Query(t, "select id from log"))
		there := len(ids)
		r.src.Exec(t, "select pg_replication_slot_advance('ours', '"+at.String()+"')")
		for line := range strings.Lines(r.src.Query(t, "select data from pg_logical_slot_get_changes('ours', null, null, 'include-xids', 'off')")) {
			if id, found := strings.CutPrefix(line, "table public.log: INSERT: id[bigint]:"); found {
				id, _, _ = strings.Cut(id, " ")
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		want := strings.Fields(r.src.Query(t, "select id from log"))
		slices.Sort(want)
		if !slices.Equal(ids, want) || there == 0 || there == len(ids) {
			t.Errorf("turn %d: %d rows there, %d with the slot's, %d on the source", turn, there, len(ids), len(want))
		}
		r.src.Exec(t, "select pg_drop_replication_slot('ours')")
		r.prepare(members...)
		r.give(at, members...)
	}
	r.reached()
	r.equal("a", "b", "log")
}
