package pglogical_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/pglogical"
	"bascule/planner"
)

// A slot is not made before the transactions that run have ended, of those too that
// begin after the subscription was made: they are told, and waited for.
func TestSlowSlot(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	first, second := r.open(r.src), r.open(r.src)
	runs := func(conn *pgx.Conn, sql string) {
		if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	const begin = "begin; create temporary table x on commit drop as select 1"
	runs(first, begin)
	var told []string
	cfg := r.config()
	cfg.Note = func(text string) {
		switch {
		case strings.Contains(text, fmt.Sprintf("the transaction of pid %d ", first.PgConn().PID())):
			told = append(told, "first")
			runs(second, begin)
			runs(first, "rollback")
		case strings.Contains(text, fmt.Sprintf("the transaction of pid %d ", second.PgConn().PID())):
			told = append(told, "second")
			runs(second, "rollback")
		}
	}
	at, err := pglogical.New(cfg).Prepare(t.Context(), r.bank())
	if err != nil || at == 0 {
		t.Fatalf("prepared at %s: %v", at, err)
	}
	if got := strings.Join(told, ", "); got != "first, second" {
		t.Errorf("told of %s", got)
	}
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
