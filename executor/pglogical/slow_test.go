package pglogical_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/executor/pglogical"
	"bascule/planner"
)

// A slot is not made before the transactions that run have ended: they are told, and
// waited for beyond our patience.
func TestSlowSlot(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	r.patience = time.Second
	open := r.open(r.src)
	if _, err := open.PgConn().Exec(t.Context(), "begin; create temporary table x on commit drop as select 1").ReadAll(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var notes []string
	noted := func() string { mu.Lock(); defer mu.Unlock(); return strings.Join(notes, "\n") }
	var g sync.WaitGroup
	cfg := r.config()
	cfg.Note = func(text string) { mu.Lock(); defer mu.Unlock(); notes = append(notes, text) }
	g.Go(func() {
		at, err := pglogical.New(cfg).Prepare(t.Context(), r.bank())
		if err != nil || at == 0 {
			t.Errorf("prepared at %s: %v", at, err)
		}
	})
	eventually(t, func() bool { return strings.Contains(noted(), "the transaction of pid") })
	if _, err := open.PgConn().Exec(t.Context(), "rollback").ReadAll(); err != nil {
		t.Fatal(err)
	}
	g.Wait()
	r.give(r.now(), r.member("a", planner.FollowAll), r.member("b", planner.FollowAll), r.member("log", planner.FollowInserts))
}

// Who keeps a worker from going on is told.
func TestStanding(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	r.start(r.bank()...)
	open := r.open(r.dst)
	if _, err := open.PgConn().Exec(t.Context(), "begin; lock table public.a").ReadAll(); err != nil {
		t.Fatal(err)
	}
	r.src.Exec(t, "insert into a (id) values (1)")
	eventually(t, func() bool {
		at, blockers, err := r.engine().Standing(t.Context())
		return err == nil && at > 0 && strings.Contains(blockers, fmt.Sprintf("pid %d of role %s, application bascule/app/test", open.PgConn().PID(), r.dst.User))
	})
	if _, err := open.PgConn().Exec(t.Context(), "rollback").ReadAll(); err != nil {
		t.Fatal(err)
	}
	r.reached()
	if _, blockers, err := r.engine().Standing(t.Context()); err != nil || blockers != "" {
		t.Errorf("%q %v", blockers, err)
	}
}
