package subscription

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bascule/config/pgname"
	"bascule/executor/slot"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// Times of waiting for the servers' processes.
const (
	poll  = 50 * time.Millisecond
	grace = 5 * time.Second // a worker may end a transaction that it has begun
)

// look reads the subscription; nil when there is none. One of that name that is not the
// mirror's is a *ForeignError.
func (e *Engine) look(ctx context.Context) (*catalog.Subscription, error) {
	s, err := catalog.ReadSubscription(ctx, e.cfg.Target, e.cfg.Stream.Subscription)
	if err != nil || s == nil {
		return nil, err
	}
	ours, theirs := slices.Sorted(slices.Values(e.publicationNames())), slices.Sorted(slices.Values(s.Publications))
	if s.Slot != "" && s.Slot != e.cfg.Stream.Slot || !slices.Equal(ours, theirs) {
		return nil, &ForeignError{Name: s.Name, Peer: e.cfg.TargetPeer}
	}
	return s, nil
}

// stop disables the subscription, and returns when none of its processes is left. nil:
// there is none.
func (e *Engine) stop(ctx context.Context) (*catalog.Subscription, error) {
	s, err := e.look(ctx)
	if err != nil || s == nil {
		return nil, err
	}
	if s.Enabled {
		if _, err := e.cfg.Target.Exec(ctx, fmt.Sprintf(disable, pgname.Quote(s.Name))); err != nil {
			return nil, fmt.Errorf("disable subscription %s: %w", s.Name, err)
		}
	}
	return e.workersEnd(ctx)
}

// workersEnd waits until the workers of a disabled subscription have ended. A worker that
// was only asked for is not seen here: it looks at the subscription before it does
// anything, and ends. One that takes long, over a large transaction or before a lock, is
// ended: what it has not committed is streamed again.
func (e *Engine) workersEnd(ctx context.Context) (*catalog.Subscription, error) {
	begun := time.Now()
	asked := map[int32]bool{}
	for {
		s, err := e.look(ctx)
		if err != nil || s == nil || len(s.Workers) == 0 {
			return s, err
		}
		for _, w := range s.Workers {
			if time.Since(begun) < grace || asked[w.PID] {
				continue
			}
			asked[w.PID] = true
			e.cfg.Note(fmt.Sprintf("worker %d of subscription %s does not end by itself, and is ended", w.PID, s.Name))
			if _, err := e.cfg.Target.Exec(ctx, endProcess, w.PID); err != nil {
				return nil, fmt.Errorf("end worker %d of subscription %s: %w", w.PID, s.Name, err)
			}
		}
		if time.Since(begun) > e.patience {
			return nil, &BusyError{Name: s.Name, Peer: e.cfg.TargetPeer, PID: s.Workers[0].PID}
		}
		if err := session.Pause(ctx, poll); err != nil {
			return nil, fmt.Errorf("wait for the workers of subscription %s to end: %w", s.Name, err)
		}
	}
}

// applied is up to where the subscription has applied, flushed. Its processes have ended.
func (e *Engine) applied(ctx context.Context, s *catalog.Subscription) (at catalog.LSN, err error) {
	if err := e.cfg.Target.QueryRow(ctx, flushOrigin, origin(s)).Scan(&at); err != nil {
		return 0, fmt.Errorf("read how far subscription %s has got: %w", s.Name, err)
	}
	return at, nil
}

// idleSlot waits until nobody streams from the slot, and returns it; nil when it is gone.
// When patience is over the error is a *slot.InUseError.
func (e *Engine) idleSlot(ctx context.Context) (*catalog.Slot, error) {
	told := false
	for begun := time.Now(); ; {
		x, err := e.slot(ctx)
		switch {
		case err != nil || x == nil || !x.Active:
			return x, err
		case time.Since(begun) > e.patience:
			return nil, &slot.InUseError{Slot: x.Name, PID: x.PID, Client: x.Client}
		case time.Since(begun) > grace && !told:
			e.cfg.Note(fmt.Sprintf("pid %d of the source still has slot %s", x.PID, x.Name))
			told = true
		}
		if err := session.Pause(ctx, poll); err != nil {
			return nil, fmt.Errorf("wait until slot %s is idle: %w", e.cfg.Stream.Slot, err)
		}
	}
}

// slot reads the mirror's.
func (e *Engine) slot(ctx context.Context) (*catalog.Slot, error) {
	slots, _, err := catalog.ReadSlots(ctx, e.cfg.Source)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(slots, func(x catalog.Slot) bool { return x.Name == e.cfg.Stream.Slot })
	if i < 0 {
		return nil, nil
	}
	return &slots[i], nil
}

// started waits until the server streams from the slot.
func (e *Engine) started(ctx context.Context) error {
	for begun := time.Now(); ; {
		x, err := e.slot(ctx)
		if err != nil || x != nil && x.Active {
			return err
		}
		if time.Since(begun) > min(e.patience, time.Minute) {
			return e.idle(ctx, x)
		}
		if err := session.Pause(ctx, poll); err != nil {
			return fmt.Errorf("wait until subscription %s streams: %w", e.cfg.Stream.Subscription, err)
		}
	}
}

// idle says that the subscription does not stream, and what is known of why.
func (e *Engine) idle(ctx context.Context, x *catalog.Slot) error {
	s, err := e.look(ctx)
	if err != nil {
		return err
	}
	return &IdleError{Name: e.cfg.Stream.Subscription, Peer: e.cfg.TargetPeer, Endpoint: e.cfg.Reach.Endpoint,
		Worker: s != nil && s.Applier() != nil, SlotGone: x == nil}
}

const (
	flushOrigin = `select pg_catalog.pg_replication_origin_progress($1, true)::text`

	endProcess = `select pg_catalog.pg_terminate_backend($1)`
)
