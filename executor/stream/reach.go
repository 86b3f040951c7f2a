package stream

import (
	"context"
	"errors"
	"time"

	"bascule/executor/ledger"
	"bascule/executor/stream/target"
	"bascule/planner/catalog"
)

// Progress is how far a stream is.
type Progress struct {
	// Position is committed on the target. Received is how far transactions have come
	// in whole. ServerEnd is how far the source said that it has sent.
	Position, Received, ServerEnd catalog.LSN

	// Committed is when the last applied transaction was, by the source's clock.
	Committed time.Time

	// Transactions and Changes since the mirror began.
	Transactions, Changes int64

	// Running: both connections stand.
	Running bool
}

// Progress returns how far the stream is now.
func (s *Stream) Progress() Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reach
}

// CatchUp returns when the position covers everything before lsn and no table waits for
// its rows, nil, or when ctx or Run has ended. The source must have written up to lsn: a stream with nothing to do
// gets there by what the source says of itself.
func (s *Stream) CatchUp(ctx context.Context, lsn catalog.LSN) error {
	w := &waiter{lsn: lsn, done: make(chan struct{})}
	if !s.await(w) {
		return nil
	}
	defer s.forget(w)
	wake(s.called)
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ended:
		return errEnded
	}
}

var errEnded = errors.New("the stream has ended")

// waiter waits for a position.
type waiter struct {
	lsn  catalog.LSN
	done chan struct{}
}

// await adds a waiter, and reports whether it has to wait.
func (s *Stream) await(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at(w.lsn) {
		return false
	}
	s.waiting[w] = struct{}{}
	return true
}

func (s *Stream) forget(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, w)
}

// wanted is the nearest position that is waited for, 0 without.
func (s *Stream) wanted() catalog.LSN {
	s.mu.Lock()
	defer s.mu.Unlock()
	nearest := s.wish
	for w := range s.waiting {
		if nearest == 0 || w.lsn < nearest {
			nearest = max(1, w.lsn)
		}
	}
	return nearest
}

// reached reports whether nothing lies between a position and lsn. Where a page of the
// log is full, its end is 24 or 40 bytes before the place that the server gives as
// the next one: the header of a page lies between.
func reached(position, lsn catalog.LSN) bool {
	return position >= lsn || position%pageSize == 0 && lsn-position <= pageHeader
}

const (
	pageSize   = 8192
	pageHeader = 40
)

// moved tells the position to all, and lets those go who waited for it.
func (s *Stream) moved(change func(*Progress)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.reach)
	s.release()
}

// at reports whether all before lsn is on the target.
func (s *Stream) at(lsn catalog.LSN) bool {
	return s.taken && s.unfilled == 0 && reached(s.reach.Position, lsn)
}

// release lets those go who have waited long enough.
func (s *Stream) release() {
	for w := range s.waiting {
		if s.at(w.lsn) {
			close(w.done)
			delete(s.waiting, w)
		}
	}
}

// begin says that a link stands, and where it begins.
func (s *Stream) begin(p ledger.Position) {
	s.moved(func(r *Progress) {
		s.taken = true
		r.Position, r.Committed, r.Transactions, r.Changes, r.Running = p.LSN, p.Committed, p.Transactions, p.Changes, true
		r.Received = max(r.Received, p.LSN)
	})
}

func (s *Stream) end() { s.moved(func(r *Progress) { r.Running = false }) }

func (s *Stream) committed(c target.Commit) {
	s.moved(func(r *Progress) {
		r.Position = c.To
		if !c.Committed.IsZero() {
			r.Committed = c.Committed
		}
		r.Transactions += c.Transactions
		r.Changes += c.Changes
	})
}

// received says how far the source's transactions have come in, and how far the
// source is.
func (s *Stream) received(lsn, serverEnd catalog.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reach.Received = max(s.reach.Received, lsn)
	s.reach.ServerEnd = max(s.reach.ServerEnd, serverEnd, lsn)
}
