package stream

import (
	"context"
	"maps"
	"slices"
	"time"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
)

// waiting is what is known of a member that waits for its rows.
type waiting struct {
	// seen is the last entry that is about it, as the log was at after.
	seen  int64
	after catalog.LSN

	// again is when the source is asked next, after pause.
	again time.Time
	pause time.Duration

	// misfits is how often its rows did not fit, of a moment before after the last time.
	misfits int
}

// replenish fills one of the tables that wait for their rows, between two transactions,
// if one is due.
func (r *receiver) replenish(life context.Context) error {
	for _, oid := range slices.Sorted(maps.Keys(r.members.waiting)) {
		if r.ripe(oid) > 0 {
			continue
		}
		k, err := r.stockDue(life, oid)
		if k == nil || err != nil {
			return err
		}
		defer k.close(life)
		if err := r.stand(life); err != nil {
			return err
		}
		return r.fillNow(life, k)
	}
	return nil
}

// through notes that a transaction is, and reports whether a table is to be filled now.
func (r *receiver) through() bool {
	r.link.s.had(r.touched)
	return r.ripeIn() <= 0
}

// ripe is how long it is until a table is tried, 0 for now. What is not known is never:
// what arrives tells.
func (r *receiver) ripe(oid uint32) time.Duration {
	w := r.link.s.waits[oid]
	switch {
	case w == nil:
		return 0
	case !reached(r.dealt, w.after):
		return never
	}
	return max(0, w.again.Sub(r.now))
}

// ripeIn is how long it is until any is.
func (r *receiver) ripeIn() time.Duration {
	wait := never
	for oid := range r.members.waiting {
		wait = min(wait, r.ripe(oid))
	}
	return wait
}

// stockDue takes a table's rows, if the stream has had all entries that are about it. The
// entries that were visible where the log was looked at are those that it has had when
// it has come there.
func (r *receiver) stockDue(life context.Context, oid uint32) (*stock, error) {
	s := r.link.s
	w := s.waits[oid]
	if w == nil {
		w = &waiting{}
		s.waits[oid] = w
	}
	k, err := s.stockOf(life, oid)
	switch {
	case err != nil && err != errLate:
		return nil, err
	case k == nil:
		w.pause = min(max(2*w.pause, lockPause), mostLockPause)
		w.again = time.Now().Add(w.pause)
		return nil, nil
	case k.last > max(s.entries[oid].entry, w.seen) && (k.shape == "" || k.shape != s.entries[oid].shape):
		*w = waiting{seen: k.last, after: k.point, misfits: w.misfits}
		s.wishFor()
		k.close(life)
		return nil, nil
	}
	return k, nil
}

// fillNow fills a table by a transaction of its own, with all committed before.
func (r *receiver) fillNow(life context.Context, k *stock) error {
	s := r.link.s
	m := r.members.waiting[k.oid]
	t := &stepping{receiver: r, members: []ledger.Member{m}}
	r.steps, s.steps = t, nil
	if err := t.fill(life, k); err != nil {
		return err
	}
	if err := r.conclude(life); err != nil {
		return err
	}
	r.steps = nil
	return r.reload(life)
}

// wishFor has the source asked how far it is until all that waits has come to where it
// is tried again.
func (s *Stream) wishFor() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wish = 0
	for _, w := range s.waits {
		if w.after != 0 && (s.wish == 0 || w.after < s.wish) {
			s.wish = w.after
		}
	}
}

// tellFilled notes that a table waits no more.
func (s *Stream) tellFilled(oid uint32) {
	delete(s.waits, oid)
	s.wishFor()
}
