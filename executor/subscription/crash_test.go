package subscription_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// A target that crashes while it applies keeps what it has acknowledged, though its
// worker does not wait for the disk: what is taken then is what is there.
func TestTargetCrashes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to int }{{15, 15}, {15, 18}} {
		t.Run(fmt.Sprintf("%d to %d", c.from, c.to), func(t *testing.T) {
			t.Parallel()
			// The WAL writer is lazy, so that much is committed that is not on the disk.
			target := pgtest.Own(t, c.to, pgtest.WithSettings(map[string]string{"wal_writer_delay": "1s", "wal_writer_flush_after": "1GB", "wal_buffers": "16MB", "wal_retrieve_retry_interval": "100ms"}))
			p := newPair(t, eager(t, c.from), target, "")
			l := p.write()
			at, lost := p.point, false
			for rounds := 0; rounds < 4 || !lost && rounds < 20; rounds++ {
				p.give(at)
				p.moves(l, at)
				before := p.applied()
				target.Kill(t)
				target.Start(t)
				next := p.take()
				lost = lost || next < before
				if next < at {
					t.Fatalf("at %s, and before at %s", next, at)
				}
				at = next
			}
			p.give(at)
			l.end()
			p.arrives()
			if !lost {
				t.Error("no crash has taken anything back: it shows nothing")
			}
		})
	}
}

// A crash of the target in the middle leaves a subscription that goes on by itself.
func TestTargetGoesOn(t *testing.T) {
	t.Parallel()
	target := pgtest.Own(t, 15, pgtest.WithSettings(map[string]string{"wal_retrieve_retry_interval": "100ms"}))
	p := newPair(t, eager(t, 15), target, "")
	l := p.write()
	p.give(p.point)
	for range 2 {
		p.moves(l, p.applied())
		target.Kill(t)
		target.Start(t)
	}
	l.end()
	p.arrives()
}

// A source that crashes, or is out of reach, does not end the subscription: it goes on.
func TestSourceCrashes(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			source := pgtest.Own(t, 15, pgtest.WithSettings(map[string]string{"synchronous_commit": "on", "logical_decoding_work_mem": "64kB"}))
			p := newPair(t, source, prompt(t, major), "")
			l := p.write()
			at := p.point
			for range 3 {
				p.give(at)
				p.moves(l, at)
				source.Kill(t)
				source.Start(t)
				p.moves(l, p.applied())
				at = p.take()
			}
			p.give(at)
			l.end()
			p.arrives()
		})
	}
}

// moves waits until some of what is written now has been applied.
func (p *pair) moves(l *load, from catalog.LSN) {
	p.t.Helper()
	was := l.done.Load()
	pgtest.Eventually(p.t, func() error {
		if n := l.done.Load() - was; n < 50 || p.applied() <= from {
			return fmt.Errorf("%d transactions, applied to %s from %s", n, p.applied(), from)
		}
		return nil
	})
}
