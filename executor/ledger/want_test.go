package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"

	"github.com/jackc/pgx/v5"
)

// A runner that is asked yields, waits until nobody wants the mirror, and has it
// back; a process that dies leaves nothing behind.
func TestRunnerYields(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	const mirror = "l/mirror.app"
	runner, apply, looker := db.Conn(t), db.Conn(t), db.Conn(t)
	told := func(text string) { t.Log(text) }

	must(t, ledger.Presence(t.Context(), runner, mirror))
	must(t, ledger.Lease(t.Context(), runner, mirror, told))
	checkRunner(t, looker, mirror, runner, true)
	checkRunner(t, runner, mirror, nil, false) // itself is no other
	checkRunner(t, looker, "l/mirror.other", nil, false)

	// The runner's part: yield as soon as it is wanted.
	yielded := make(chan error, 1)
	go func() { yielded <- yield(t.Context(), runner, mirror) }()
	must(t, ledger.LeaseFrom(t.Context(), apply, mirror, told))
	must(t, <-yielded)
	checkRunner(t, looker, mirror, runner, false)
	if wanted, err := ledger.Wanted(t.Context(), looker, mirror); wanted || err != nil {
		t.Errorf("wanted after it was taken: %v, %v", wanted, err)
	}
	if held, err := ledger.TryLease(t.Context(), runner, mirror); err != nil || held == nil || held.PID != int32(apply.PgConn().PID()) {
		t.Errorf("held by %+v, %v", held, err)
	}

	must(t, ledger.Release(t.Context(), apply, mirror))
	if held, err := ledger.TryLease(t.Context(), runner, mirror); err != nil || held != nil {
		t.Errorf("held by %+v, %v", held, err)
	}
	must(t, ledger.Want(t.Context(), apply, mirror))
	must(t, apply.Close(t.Context())) // a crash
	pgtest.Eventually(t, func() error {
		if wanted, err := ledger.Wanted(t.Context(), runner, mirror); wanted || err != nil {
			return fmt.Errorf("still wanted: %v, %w", wanted, err)
		}
		return nil
	})
	must(t, runner.Close(t.Context()))
	pgtest.Eventually(t, func() error {
		if r, err := ledger.Running(t.Context(), looker, mirror); r != nil || err != nil {
			return fmt.Errorf("still running: %+v, %w", r, err)
		}
		return nil
	})
}

// yield waits until the mirror is wanted, by notifications alone, and releases it.
func yield(ctx context.Context, conn *pgx.Conn, mirror string) error {
	if err := ledger.Listen(ctx, conn); err != nil {
		return err
	}
	for {
		wanted, err := ledger.Wanted(ctx, conn, mirror)
		if err != nil {
			return err
		}
		if wanted {
			return ledger.Release(ctx, conn, mirror)
		}
		if err := ledger.Await(ctx, conn, mirror, time.Minute); err != nil {
			return err
		}
	}
}

// What a runner looks at, with and without a ledger, and how waiting ends.
func TestLookAndAwait(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	const mirror = "l/mirror.app"
	conn, other := db.Conn(t), db.Conn(t)
	ctx := t.Context()
	look := func(want ledger.Signals) {
		t.Helper()
		if got, err := ledger.Look(ctx, conn, mirror); err != nil || got != want {
			t.Errorf("signals %+v, %v, want %+v", got, err, want)
		}
	}
	look(ledger.Signals{})
	must(t, ledger.Ensure(ctx, other))
	look(ledger.Signals{})
	if _, err := ledger.Begin(ctx, other, ledger.Mirror{ID: mirror, Address: "mirror.app", Lineage: "l"}); err != nil {
		t.Fatal(err)
	}
	must(t, ledger.SetStream(ctx, other, mirror, planner.Stream{Slot: "s"}, 1))
	must(t, ledger.Streaming(ctx, other, mirror))
	look(ledger.Signals{Generation: 1, Phase: "streaming"})
	must(t, ledger.SetHalt(ctx, other, mirror, &ledger.Halt{Code: "23505", Text: "no"}))
	must(t, ledger.Want(ctx, other, mirror))
	look(ledger.Signals{Generation: 1, Phase: "streaming", Halted: true, Wanted: true})

	must(t, ledger.Listen(ctx, conn))
	begun := time.Now()
	must(t, ledger.Await(ctx, conn, mirror, 10*time.Millisecond)) // the time is over
	must(t, ledger.Notify(ctx, other, "l/mirror.another"))
	must(t, ledger.Notify(ctx, other, mirror))
	must(t, ledger.Await(ctx, conn, mirror, time.Minute))
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("notified after %v", took)
	}
	cancelled, cancel := context.WithCancelCause(ctx)
	cause := errors.New("enough")
	cancel(cause)
	if err := ledger.Await(cancelled, conn, mirror, time.Minute); !errors.Is(err, cause) {
		t.Errorf("a wait that was cancelled returned %v", err)
	}
	look(ledger.Signals{Generation: 1, Phase: "streaming", Halted: true, Wanted: true}) // the session is as it was

	db.Exec(t, "select pg_terminate_backend("+fmt.Sprint(conn.PgConn().PID())+")")
	pgtest.Eventually(t, func() error {
		if ledger.Await(ctx, conn, mirror, 10*time.Millisecond) == nil {
			return errors.New("the session's end was not noticed")
		}
		return nil
	})
}

func checkRunner(t *testing.T, conn *pgx.Conn, mirror string, want *pgx.Conn, holds bool) {
	t.Helper()
	r, err := ledger.Running(t.Context(), conn, mirror)
	switch {
	case err != nil:
		t.Fatal(err)
	case want == nil && r != nil:
		t.Errorf("runner %+v, want none", r)
	case want == nil:
	case r == nil || r.PID != int32(want.PgConn().PID()) || r.Holds != holds || r.Client == "":
		t.Errorf("runner %+v, want pid %d, holds %v", r, want.PgConn().PID(), holds)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
