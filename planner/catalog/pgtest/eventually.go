package pgtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a fact may take to become true.
const patience = 60 * time.Second

// Eventually asks again and again until fact returns nil. After a minute the test
// fails with its last error.
func Eventually(t testing.TB, fact func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := poll(ctx, fact); err != nil {
		t.Fatalf("not so after %v: %v", patience, err)
	}
}

// poll asks until fact returns nil or the context ends, and returns its last error.
func poll(ctx context.Context, fact func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fact()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// Eventually waits until a query returns this value (see Query1).
func (d *DB) Eventually(t testing.TB, sql, want string) {
	t.Helper()
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}()
	Eventually(t, func() (err error) {
		if conn == nil || conn.IsClosed() { // whoever ends sessions may end this one
			if conn, err = pgx.Connect(t.Context(), d.URL); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := ask(t.Context(), conn, sql)
		if err != nil && !conn.IsClosed() {
			t.Fatal(err)
		}
		if got := first(rows); err == nil && got != want {
			err = fmt.Errorf("%s: %q, want %q", sql, got, want)
		}
		return err
	})
}
