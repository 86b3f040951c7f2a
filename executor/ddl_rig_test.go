package executor_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/live"
)

// triesWith plans and applies with these further settings.
func (f *follower) triesWith(ctx context.Context, t *testing.T, change func(*executor.Config)) (*planner.Plan, *executor.Result, error) {
	t.Helper()
	cfg, store, file := f.load(t, f.text())
	plan := makePlan(t, cfg, file)
	c := executor.Config{Plan: plan, Config: cfg, State: file, Store: store, Sink: f.events}
	change(&c)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := executor.Apply(ctx, c)
	return plan, result, err
}

// waitsInVain applies without waiting for long. Where that was too short for the machine
// to get to where the test wants it, which there says, it applies again, and waits longer.
func (f *follower) waitsInVain(t *testing.T, there func(err error) bool) {
	t.Helper()
	for wait := 3 * time.Second; ; wait *= 2 {
		_, _, err := f.triesWith(t.Context(), t, func(c *executor.Config) { c.WaitTimeout = wait })
		if exitCode(err) == 8 && there(err) {
			return
		}
		if exitCode(err) != 8 || wait > patience/4 {
			t.Errorf("%v\n%s", err, f.events)
			return
		}
	}
}

// recorded is the block's record in the state, "" without one.
func (f *follower) recorded(t *testing.T, address string) string {
	t.Helper()
	_, _, file := f.load(t, f.text())
	r := file.Find(address)
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%s %t", r.Status, r.DDL.LSN != "" && !r.DDL.Applied.IsZero())
}

// commanded is a mirror of one table that streams, over which commands are run.
func commanded(t *testing.T, more string) *follower {
	t.Helper()
	source, target := pgtest.New(t, single+more)
	f := newFollower(t, source, target, "")
	f.applied(t)
	return f
}

// holds locks a table in a session of its own until release.
func holds(t *testing.T, db *pgtest.DB, lock string) (release func()) {
	t.Helper()
	conn := db.Conn(t)
	if _, err := conn.Exec(t.Context(), "set application_name = 'the holder'; begin; "+lock); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(context.Background(), "commit"); err != nil {
			t.Error(err)
		}
	}
}

const columns = "select string_agg(attname, ' ' order by attnum) from pg_attribute where attrelid = 't'::regclass and attnum > 0 and not attisdropped"

// wants demands which columns table t has on each side.
func (f *follower) wants(t *testing.T, source, target string) {
	t.Helper()
	if got := f.source.Query(t, columns); got != source {
		t.Errorf("the source has %s, want %s", got, source)
	}
	if got := f.target.Query(t, columns); got != target {
		t.Errorf("the target has %s, want %s", got, target)
	}
}

const added = "alter table public.t add n int"

// triesOnly plans and applies one address.
func (f *follower) triesOnly(t *testing.T, address string) (*planner.Plan, *executor.Result, error) {
	t.Helper()
	return f.triesWith(t.Context(), t, func(c *executor.Config) { c.Plan = f.targeted(t, address) })
}

// targeted plans one address.
func (f *follower) targeted(t *testing.T, address string) *planner.Plan {
	t.Helper()
	cfg, _, file := f.load(t, f.text())
	seen, err := live.Observe(t.Context(), cfg, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return planner.Make(planner.Input{Version: "0.1.0", Config: cfg, State: file, Live: seen, Targets: []string{address}})
}

// busy writes to a table of its own until it is stopped.
func busy(t *testing.T, db *pgtest.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		conn, err := pgx.Connect(context.WithoutCancel(ctx), db.URL)
		if err != nil {
			ended <- err
			return
		}
		defer conn.Close(context.WithoutCancel(ctx))
		for ctx.Err() == nil && err == nil {
			_, err = conn.Exec(context.WithoutCancel(ctx), "with i as (insert into public.busy default values returning id) update public.busy set n = n + 1 where id % 7 = 3 and id > (select max(id) - 20 from i)")
			if err == nil {
				_, err = conn.Exec(context.WithoutCancel(ctx), "select pg_sleep(0.02)")
			}
		}
		ended <- err
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
