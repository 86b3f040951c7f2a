package crash_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A mirror follows a source while all that it is made of is killed, in every stage,
// and in the end its tables are equal to the source's. Each part is a mirror's life
// from its first apply to destroy.
func TestFollowKilled(t *testing.T) {
	t.Parallel()
	s := seed(t)
	for i := range rounds(1) {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			followKilled(t, s+uint64(i))
		})
	}
}

func followKilled(t *testing.T, seed uint64) {
	w := newWorld(t)
	b := &blows{rng: rand.New(rand.NewPCG(seed, 7)), each: 1}
	t.Cleanup(func() { t.Logf("hits:\n%s", b) })
	l := startLoad(t, w.source, lateTables, seed)
	samples := startSampler(t, w.source, w.target)
	w.toTarget.Slow(2 * time.Millisecond) // a batch under way is more of a target

	w.killCopies(t, b)
	r := w.run(t)
	w.caughtUp(t, r)
	l.big()
	r = w.killStreams(t, b, r, midBatch)
	r = w.killStreams(t, b, r, unacknowledged)
	r = w.killTakeOvers(t, b, r)
	w.killAdditions(t, b, r)

	l.end()
	l.checkAll()
	w.caughtUp(t, r)
	samples.end()
	samples.check(t)
	w.checkSlots(t)
	w.checkEqual(t)
	r.stop(t)
	w.checkDestroyed(t)
	for _, m := range moments {
		for _, v := range b.lacking(m) {
			t.Errorf("%s: %s was never hit", m.name, v)
		}
	}
}

// mostTries bounds how often one moment is aimed at.
const mostTries = 20

// killCopies kills while the mirror is copied, and lets it come to its end.
func (w *world) killCopies(t *testing.T, b *blows) {
	t.Helper()
	var args []string
	for tries := 0; len(b.lacking(copying)) > 0 && tries < mostTries; tries++ {
		p := w.apply(t, args...)
		w.strike(t, b, copying, b.lacking(copying)[0], p, 0)
		p.wait(t)
		args = nil
		if p.code() == 0 {
			args = []string{"-replace=mirror.app"} // all is copied: from the beginning
		}
	}
	w.complete(t)
}

// killStreams kills in a moment of a mirror that streams. It returns the runner that
// streams in the end.
func (w *world) killStreams(t *testing.T, b *blows, r *process, m *moment) *process {
	t.Helper()
	for tries := 0; len(b.lacking(m)) > 0 && tries < mostTries; tries++ {
		w.strike(t, b, m, b.lacking(m)[0], r, r.mark())
		if !r.alive() {
			r = w.run(t)
		}
		w.caughtUp(t, r)
	}
	return r
}

// killTakeOvers kills the runner, so that one that waits takes over, and then what
// there is at that moment.
func (w *world) killTakeOvers(t *testing.T, b *blows, r *process) *process {
	t.Helper()
	for tries := 0; len(b.lacking(takeOver)) > 0 && tries < mostTries; tries++ {
		next := w.run(t)
		if next.await(0, momentComes, attribute("msg", "waiting")) < 0 {
			t.Fatalf("a second runner does not wait:\n%s", next.output())
		}
		from := next.mark()
		if b.rng.IntN(3) == 0 {
			r.stop(t)
		} else {
			r.kill()
		}
		w.strike(t, b, takeOver, b.lacking(takeOver)[0], next, from)
		if r = next; !r.alive() {
			r = w.run(t)
		}
		w.caughtUp(t, r)
	}
	return r
}

// killAdditions kills while tables come to the mirror, beside a runner that streams.
func (w *world) killAdditions(t *testing.T, b *blows, r *process) {
	t.Helper()
	for tries := 0; len(b.lacking(addition))+len(b.lacking(handOver)) > 0 && tries < mostTries; tries++ {
		again := "-replace=mirror.app.table[\"public.late_1\"]"
		args := []string{again}
		if len(w.late) > 0 {
			w.addTable(t)
			args = nil
		}
		m := addition
		if len(b.lacking(addition)) == 0 || len(b.lacking(handOver)) > 0 && b.rng.IntN(2) == 0 {
			m = handOver
		}
		p := w.apply(t, args...)
		w.strike(t, b, m, b.lacking(m)[0], p, 0)
		if p.wait(t); p.code() != 0 {
			w.complete(t)
		}
		w.caughtUp(t, r)
	}
	for len(w.late) > 0 {
		w.addTable(t)
	}
	w.complete(t)
}
