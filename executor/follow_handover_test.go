package executor_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"bascule/executor"
	"bascule/planner/catalog/pgtest"
)

// atSide does something when the stream of tables that join has begun, before it moves.
type atSide struct {
	side bool
	do   func()
}

func (l atSide) Enabled(context.Context, slog.Level) bool { return true }
func (l atSide) WithGroup(string) slog.Handler            { return l }

func (l atSide) WithAttrs(attrs []slog.Attr) slog.Handler {
	l.side = l.side || slices.ContainsFunc(attrs, func(a slog.Attr) bool { return a.Key == "stream" })
	return l
}

func (l atSide) Handle(_ context.Context, r slog.Record) error {
	if l.side && r.Message == "stream begins" {
		l.do()
	}
	return nil
}

// The connection that a joining table catches up over is lost, and its temporary slot
// with it: the apply says no more of what waited for that, and begins anew.
func TestJoiningStreamIsLost(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create table a (id int primary key); create table b (id int primary key); insert into b select generate_series(1, 100)")
	f := newFollower(t, source, target, `exclude = ["public.b"]`)
	f.applied(t)
	f.body = ""
	cfg, store, file := f.load(t, f.text())
	var once sync.Once
	lose := func() {
		once.Do(func() {
			source.Exec(t, "insert into a values (1); insert into b values (101)")
			target.Eventually(t, "select count(*) from a", "1") // the others are ahead of the table now
			source.Exec(t, "select pg_terminate_backend(active_pid, 60000) from pg_replication_slots where temporary and database = current_database()")
		})
	}
	_, err := executor.Apply(t.Context(), executor.Config{Plan: makePlan(t, cfg, file), Config: cfg, State: file, Store: store,
		Sink: f.events, Log: slog.New(atSide{do: lose})})
	if err != nil || !f.events.told("the copy, from a new snapshot") {
		t.Fatalf("%v\n%s", err, f.events)
	}
	f.runs(t)
	f.same(t)
	f.settled(t)
}
