package ledger_test

import (
	"errors"
	"os"
	"testing"

	"bascule/executor/ledger"
	"bascule/planner/catalog/pgtest"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// A new holder ends what a dead one left working, nothing else, and what comes back
// from the dead is told.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	begin := func(conn *pgx.Conn, mirror string) int {
		t.Helper()
		if err := ledger.Ensure(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
		if err := ledger.Lease(t.Context(), conn, mirror, func(string) {}); err != nil {
			t.Fatal(err)
		}
		n, err := ledger.Begin(t.Context(), conn, ledger.Mirror{ID: mirror, Address: mirror, Lineage: "l"})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	join := func(mirror string, attempt int) *pgx.Conn {
		t.Helper()
		conn := db.Conn(t)
		if err := ledger.Join(t.Context(), conn, mirror, attempt); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	dead, neighbour := db.Conn(t), db.Conn(t)
	left := join("a_b", begin(dead, "a_b"))
	other := join("axb", begin(neighbour, "axb"))
	if err := dead.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	next := db.Conn(t)
	if n := begin(next, "a_b"); n != 2 {
		t.Errorf("attempt %d", n)
	}
	if n, err := ledger.EndLeftovers(t.Context(), next, "a_b"); n != 1 || err != nil {
		t.Errorf("ended %d sessions: %v", n, err)
	}
	if left.Ping(t.Context()) == nil {
		t.Error("the dead holder's session works on")
	}
	if err := other.Ping(t.Context()); err != nil {
		t.Errorf("a session of another mirror was ended: %v", err)
	}
	var held *ledger.HeldError
	if err := ledger.Join(t.Context(), db.Conn(t), "a_b", 1); !errors.As(err, &held) || held.PID == 0 {
		t.Errorf("a session of the first attempt joined: %v", err)
	}
}
