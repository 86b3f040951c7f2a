package pgtest

import (
	"context"
	"fmt"
	"testing"
	"time"
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
	Eventually(t, func() error {
		if got := d.Query1(t, sql); got != want {
			return fmt.Errorf("%s: %q, want %q", sql, got, want)
		}
		return nil
	})
}
