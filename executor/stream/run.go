package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"bascule/executor/progress"
	"bascule/executor/stream/target"
	"bascule/planner/session"
)

// Run streams until ctx ends, and then returns nil: the open batch is committed, is on
// the target's disk and acknowledged, and the slot is free. A source transaction that
// has not ended by then is rolled back and comes again.
//
// Transient errors, a lost connection or a server that restarts, are told to Sink and
// tried again for ever. What returns is a *HaltError, for what one transaction or
// table is to blame for; a *LeaseLostError; or the first error that no retry can
// help, as it came. A stream over Config.Replication ends with that connection.
func (s *Stream) Run(ctx context.Context) error {
	defer close(s.ended)
	if s.cfg.Replication != nil {
		defer s.cfg.Replication.Close(context.WithoutCancel(ctx)) // where no stream took it over
	}
	var wait backoff
	for {
		began := s.Progress().Position
		err := s.follow(ctx)
		if err == nil {
			return nil
		}
		cause := err
		again, err := s.judge(err)
		if again == stop && wait.tries < internalTries && internal(cause) {
			again, err = later, cause
		}
		if ctx.Err() != nil {
			s.log.WarnContext(ctx, "stream ended before its last batch was acknowledged", "error", err)
			return nil // nothing is lost: what was not committed comes again
		}
		if again == stop || s.cfg.Replication != nil {
			return s.explained(ctx, err)
		}
		if s.Progress().Position > began {
			wait = backoff{}
		}
		switch again {
		case anew:
			continue
		case carefully:
			s.log.InfoContext(ctx, "batch is applied again row by row", "error", err)
			continue
		}
		if !s.retryIn(ctx, &wait, err) {
			return nil
		}
	}
}

// internal reports an error of the server itself, as a walsender has one that looks for an
// extension's table while that is being made: another one gets through.
func internal(err error) bool {
	return session.Code(err) == "XX000" && !errors.As(err, new(*commandError))
}

// internalTries is how often that is tried again where nothing moves.
const internalTries = 4

// retryIn tells of the error and waits before the next connection. It reports false when
// ctx ended.
func (s *Stream) retryIn(ctx context.Context, wait *backoff, err error) bool {
	d := wait.next(time.Now())
	if session.Locked(err) { // a command's: whoever holds the lock is not asked to hurry
		d = min(d, mostLockPause)
	}
	s.cfg.Sink.Event(progress.Retrying{Mirror: s.cfg.Label, What: "stream", Err: err, In: d})
	if wait.long(time.Now()) && session.Code(err) == slotInUse {
		s.log.WarnContext(ctx, "slot is still in use by another session", "slot", s.cfg.Slot, "error", err)
	} else {
		s.log.InfoContext(ctx, "stream interrupted", "error", err, "retry_in", d)
	}
	return session.Pause(ctx, d) == nil
}

const slotInUse = "55006"

// backoff is how long to wait before the next connection.
type backoff struct {
	tries int
	since time.Time // of the first failure
}

const (
	firstWait = 200 * time.Millisecond
	mostWait  = 30 * time.Second

	// patience is how long a session that was killed may hold the slot: its walsender
	// looks for its client only now and then.
	patience = 5 * time.Minute
)

// next returns twice the time before, less up to a half by chance: many streams that
// lost one server do not come back to it together.
func (b *backoff) next(now time.Time) time.Duration {
	if b.tries == 0 {
		b.since = now
	}
	d := min(mostWait, firstWait<<min(b.tries, 10))
	b.tries++
	return d - time.Duration(rand.Int64N(int64(d/2)))
}

func (b *backoff) long(now time.Time) bool { return now.Sub(b.since) > patience }

// verdict is what is done after a connection ended with an error.
type verdict int

const (
	stop      verdict = iota
	later             // after a while
	carefully         // at once
	anew              // at once: a command was, or is to be, applied
)

// judge says what to do, and names the error as Run's caller is to see it.
func (s *Stream) judge(err error) (verdict, error) {
	switch {
	case err == errAnew, err == errSurprise:
		return anew, err
	case errors.As(err, new(*LeaseLostError)):
		return stop, err
	case errors.As(err, new(*target.ClaimLostError)):
		return stop, &LeaseLostError{Mirror: s.cfg.Mirror, Err: err}
	case errors.As(err, new(*commandError)) && !session.Lost(err): // the server's word on the command, whatever it is
		return stop, s.halted(err)
	case s.misfit(err), s.tooFull(err):
		return anew, err
	case s.refusedStep(&err):
		return stop, s.halted(err)
	case session.Transient(err), errors.Is(err, errSilent):
		return later, err
	case errors.As(err, new(*target.BatchError)):
		return carefully, err
	}
	return stop, s.halted(err)
}
