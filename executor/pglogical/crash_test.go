package pglogical_test

import (
	"context"
	"sync/atomic"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// Servers are killed under load, and the engine taken and given after that: what the slot
// has confirmed is on the target, and what is on the target does not come again.
func TestKilled(t *testing.T) {
	t.Parallel()
	from, to := pgtest.Pglogical(t, 15), pgtest.Pglogical(t, 15)
	r := rigOn(t, from, to, bank)
	members := r.bank()
	r.start(members...)
	for turn := range min(6, turns()) {
		ctx, stop := context.WithCancel(t.Context())
		var count atomic.Int64
		wait := r.write(ctx, &count)
		eventually(t, func() bool { return count.Load() > 60 })
		if turn%2 == 0 {
			to.Kill(t)
			to.Start(t)
			r.target = r.open(r.dst)
		} else {
			stop() // a writer whose commit was not answered would not matter, but fail
			wait()
			from.Kill(t)
			from.Start(t)
			r.source = r.open(r.src)
		}
		stop()
		wait()
		at := r.take()
		r.prepare(members...)
		r.give(at, members...)
	}
	r.reached()
	r.equal("a", "b", "log")
}
