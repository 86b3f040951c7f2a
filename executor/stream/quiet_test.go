package stream_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// A stream with nothing to do moves what the source has to keep: with no traffic at
// all, and with traffic that is not of the mirror, in other tables and in other
// databases.
func TestQuietMirrorHoldsNoWAL(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			from := pgtest.Server(t, major)
			r := between(t, from, pgtest.Server(t, 15), "create table a (id int primary key); create table outside (id int)")
			r.source.Exec(t, "alter publication only_inserts drop table outside")
			other := from.Database(t, "create table elsewhere (id int)")
			run := r.run()
			pgtest.Eventually(t, func() error { return begun(run) })

			before := r.confirmed()
			r.source.Exec(t, "insert into outside select generate_series(1, 1000)")
			other.Exec(t, "insert into elsewhere select generate_series(1, 1000)")
			end := lsnOf(t, r.source, "select pg_current_wal_insert_lsn()")
			await(t, 30*time.Second, func() error { return confirmedTo(r, end) })
			if r.confirmed() > r.position() || r.confirmed() <= before {
				t.Errorf("confirmed %s, position %s, was %s", r.confirmed(), r.position(), before)
			}
			if got := run.Progress().Transactions; got != 0 {
				t.Errorf("%d transactions", got)
			}

			// A steady trickle outside: it moves all the same.
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); trickle(ctx, t, r) }()
			for range 2 {
				at := lsnOf(t, r.source, "select pg_current_wal_insert_lsn()")
				await(t, 30*time.Second, func() error { return confirmedTo(r, at) })
			}
			stop()
			<-ended
		})
	}
}

func trickle(ctx context.Context, t *testing.T, r *rig) {
	conn := r.source.Conn(t)
	for tick := time.NewTicker(5 * time.Millisecond); ctx.Err() == nil; <-tick.C {
		if _, err := conn.Exec(context.WithoutCancel(ctx), "insert into outside values (1)"); err != nil {
			t.Error(err)
			return
		}
	}
}

func confirmedTo(r *rig, lsn catalog.LSN) error {
	if c := r.confirmed(); c < lsn {
		return fmt.Errorf("confirmed %s of %s", c, lsn)
	}
	return nil
}

func begun(run *running) error {
	if !run.Progress().Running {
		return fmt.Errorf("not running\n%s", run.r.events)
	}
	return nil
}

// await is Eventually for what takes longer.
func await(t *testing.T, d time.Duration, fact func() error) {
	t.Helper()
	deadline := time.After(d)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fact()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not so after %v: %v", d, err)
		}
	}
}

// A stream that is stopped commits what it has, acknowledges it, and leaves the slot:
// the next one starts at once. An unfinished transaction comes again whole.
func TestGracefulEnd(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key, v text)")
	for i := range 5 {
		run := r.run()
		r.source.Exec(t, fmt.Sprintf("insert into a select i, 'x' from generate_series(%d, %d) i", 100*i, 100*i+99))
		pgtest.Eventually(t, func() error { return atLeast(r, "select count(*) from a", 100*i+100) })
		if err := run.end(); err != nil {
			t.Fatal(err)
		}
		if active := r.source.Query1(t, "select active from pg_replication_slots where slot_name = '"+r.slot+"'"); active != "f" {
			t.Fatal("the slot is still in use")
		}
		if c, p := r.confirmed(), r.position(); c != p {
			t.Errorf("confirmed %s, position %s", c, p)
		}
	}
	if n := r.events.count("stream interrupted"); n != 0 {
		t.Errorf("%d interruptions\n%s", n, r.events)
	}

	// In the middle of a transaction of many pieces.
	run := r.run()
	sent := r.events.count("batch sent")
	r.source.Exec(t, "insert into a select i, repeat('y', 1000) from generate_series(1000, 60000) i")
	pgtest.Eventually(t, func() error {
		if r.events.count("batch sent") < sent+3 {
			return fmt.Errorf("no piece is sent")
		}
		return nil
	})
	if err := run.end(); err != nil {
		t.Fatal(err)
	}
	if got := r.target.Query1(t, "select count(*) from a where id >= 1000"); got != "0" {
		t.Errorf("%s rows of it are there", got)
	}
	again := r.run()
	again.catchUp()
	r.equal()
}

// A source that shuts down is not kept waiting.
func TestSourceShutdown(t *testing.T) {
	t.Parallel()
	from := pgtest.Own(t, 15)
	r := between(t, from, pgtest.Server(t, 15), "create table a (id int primary key); create table outside (id int)")
	r.source.Exec(t, "alter publication only_inserts drop table outside")
	r.members = r.members[:1]
	run := r.run()
	r.source.Exec(t, "insert into a values (1)")
	run.catchUp()
	r.source.Exec(t, "insert into a values (2); insert into outside select generate_series(1, 10000)")
	began := time.Now()
	from.Stop(t)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("shutdown took %v", took)
	}
	from.Start(t)
	r.source.Exec(t, "insert into a values (3)")
	run.catchUp()
	r.equal()
}

// Work between two batches sees the position that everything received is in, nothing
// is applied while it runs, and the members are read again.
func TestBetween(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key); create table b (id int primary key)")
	run := r.run()
	r.source.Exec(t, "insert into a select generate_series(1, 100)")
	run.catchUp()
	err := run.Between(t.Context(), func(ctx context.Context, position catalog.LSN) error {
		if p := r.position(); p != position {
			t.Errorf("given %s, is at %s", position, p)
		}
		r.source.Exec(t, "insert into a values (101)")
		if err := run.CatchUp(within(ctx, 300*time.Millisecond), lsnOf(t, r.source, "select pg_current_wal_insert_lsn()")); err == nil {
			t.Error("it moved on meanwhile")
		}
		if p := r.position(); p != position {
			t.Errorf("given %s, went on to %s", position, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	run.catchUp()
	r.equal()
	if err := run.end(); err != nil {
		t.Fatal(err)
	}
	if err := run.Between(t.Context(), func(context.Context, catalog.LSN) error { return nil }); err == nil {
		t.Error("an ended stream ran work")
	}
	if err := run.CatchUp(t.Context(), run.Progress().Position+1); err == nil {
		t.Error("an ended stream caught up")
	}
}

func within(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, d)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// A stream whose position is missing, or whose slot is, does not try for ever.
func TestPermanentErrors(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key)")
	cfg := r.config()
	cfg.Slot = "is_not_there"
	if err := r.runWith(cfg).result(); err == nil {
		t.Error("streams without a slot")
	}
	cfg = r.config()
	cfg.Name = "nothing"
	if err := r.runWith(cfg).result(); err == nil {
		t.Error("streams without a position")
	}
	cfg = r.config()
	refusal := fmt.Errorf("this slot is not ours")
	cfg.Check = func(context.Context, catalog.LSN) error { return refusal }
	if err := r.runWith(cfg).result(); err != refusal {
		t.Errorf("check: %v", err)
	}
}
