package stream

import (
	"context"
	"time"
)

// settleEvery is how often the position is moved over what is not for us, when nothing
// asks for it.
const settleEvery = 10 * time.Second

// smallBatch is how many changes make it worth to have a second batch on its way
// while the target works on one.
const smallBatch = 2_000

// shortest is how long a small batch waits for company when one has just gone.
const shortest = 20 * time.Millisecond

// consider does what is to be done between two blocks, and returns after what time it
// is to be called again at the latest. more: there is another block already.
func (r *receiver) consider(life context.Context, more bool) (time.Duration, error) {
	if !r.inside {
		if err := r.boundary(life); err != nil {
			return 0, err
		}
	}
	wait, err := r.due(life, more)
	if err != nil {
		return 0, err
	}
	if !r.inside {
		wait = min(wait, r.ripeIn())
	}
	// While the target has something to do, or a batch waits for company, what comes
	// next may gather.
	r.link.source.Slack.Store(r.partial || r.held() || r.link.flights.count() > 0)
	return wait, nil
}

// held reports whether whole transactions wait to be sent.
func (r *receiver) held() bool { return r.open != nil && r.open.whole.items > 0 }

// due sends the open batch, or the position alone, if it is time.
//
// With nothing on its way a batch goes at once, so a change on its own is not kept
// waiting. One that follows the last so soon is of many: a commit for each would cost
// more than the rows, on machines that the source and the target may need.
func (r *receiver) due(life context.Context, more bool) (time.Duration, error) {
	if r.held() {
		delay := r.link.s.cfg.MaxDelay
		left, apart := delay-r.now.Sub(r.open.since), shortest-r.now.Sub(r.moved)
		flying := r.link.flights.count()
		switch {
		case left <= 0, flying == 0 && apart <= 0 && !more, flying == 1 && r.open.whole.items >= smallBatch:
			return never, r.ship(life)
		case flying == 0 && apart > 0:
			return min(left, apart), nil
		}
		return left, nil
	}
	if !r.idle() || r.dealt == r.sent {
		return never, nil
	}
	wanted := r.link.s.wanted()
	left := settleEvery - r.now.Sub(r.moved)
	if left <= 0 || r.asked || wanted != 0 && reached(r.dealt, wanted) {
		return never, r.settle(life)
	}
	return left, nil
}

// never is when something else wakes the receiver.
const never = time.Hour

// idle: nothing is open, and nothing unanswered.
func (r *receiver) idle() bool {
	return r.open == nil && !r.partial && r.link.flights.count() == 0
}

// boundary does what can be done only between two source transactions.
func (r *receiver) boundary(life context.Context) error {
	if r.pause != nil {
		if err := r.quiet(life); err != nil {
			return err
		}
	}
	if r.link.s.reloads() {
		return r.reload(life)
	}
	return r.replenish(life)
}

// requests are those of Between, while none waits.
func (r *receiver) requests() <-chan *pause {
	if r.pause != nil {
		return nil
	}
	return r.link.s.requests
}

// quiet commits all that was received, lets Between's work run, and reads the members
// again. Once work runs it is waited for, whatever becomes of the link: no later link
// may apply anything beside it.
func (r *receiver) quiet(life context.Context) error {
	if err := r.ship(life); err != nil {
		return err
	}
	if r.dealt > r.sent {
		if err := r.settle(life); err != nil {
			return err
		}
	}
	if err := r.drain(life); err != nil {
		return err
	}
	p := r.pause
	position := r.link.s.Progress().Position
	select {
	case p.quiet <- position:
	case <-p.done: // given up
		r.pause = nil
		return nil
	case <-life.Done():
		return context.Cause(life)
	}
	r.pause = nil
	r.link.s.log.DebugContext(life, "hand-over begins", "lsn", position)
	<-p.done
	return r.reload(life)
}

// dismiss sends a request back to where the next link finds it.
func (r *receiver) dismiss() {
	if r.pause != nil {
		close(r.pause.quiet)
		r.pause = nil
	}
}

// finish ends the link in order: what is whole is committed, on disk and acknowledged,
// and the slot is free.
func (r *receiver) finish(life context.Context) error {
	l := r.link
	if err := r.ship(life); err != nil {
		return err
	}
	if !r.partial && r.dealt > l.durable.position() {
		if err := r.settle(life); err != nil {
			return err
		}
	}
	if err := r.drain(life); err != nil {
		return err
	}
	if err := l.settleDown(life); err != nil {
		return err
	}
	if err := l.acknowledge(life, false); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(life, partingTime)
	defer cancel()
	if err := l.source.Finish(ctx); err != nil {
		l.s.log.DebugContext(life, "source did not take its leave", "error", err)
	}
	return nil
}

// partingTime is how long the source may take to leave the slot. One that is in the
// middle of a large transaction does not look up before its end: its connection is
// closed, and the slot is free when it next writes.
const partingTime = 2 * time.Second
