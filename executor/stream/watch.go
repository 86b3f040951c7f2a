package stream

import (
	"context"
	"errors"
	"time"

	"bascule/executor/stream/target"
	"bascule/planner/session"
)

// watch takes the session's answers until it has ended.
func (l *link) watch(ctx context.Context) error {
	for {
		var open bool
		select {
		case _, open = <-l.session.Done():
		case <-ctx.Done():
			return nil
		}
		commits, err := l.session.Commits()
		for _, c := range commits {
			l.landed(ctx, c)
		}
		if err != nil {
			return err
		}
		if !open {
			return nil
		}
	}
}

// landed counts a commit in, and wakes whoever waits for it.
func (l *link) landed(ctx context.Context, c target.Commit) {
	l.s.log.DebugContext(ctx, "batch committed", "lsn", c.To, "transactions", c.Transactions, "changes", c.Changes)
	l.durable.committed(commit{to: c.To, wal: c.WAL})
	if l.durable.flushed(c.Flushed) {
		wake(l.told)
	}
	if !l.durable.settled() {
		wake(l.unflushed)
	}
	l.s.committed(c)
	l.flights.land()
	wake(l.answered)
}

// flush asks how far the target's log is on disk, while commits wait for it and no
// later commit tells.
func (l *link) flush(ctx context.Context) error {
	for {
		select {
		case <-l.unflushed:
		case <-ctx.Done():
			return nil
		}
		for !l.durable.settled() {
			if session.Pause(ctx, flushInterval) != nil {
				return nil
			}
			if l.durable.settled() {
				break
			}
			wal, err := l.session.Flushed(ctx)
			if err != nil {
				return nil // the session has ended, and says why elsewhere
			}
			if l.durable.flushed(wal) {
				wake(l.told)
			}
		}
	}
}

// settleDown waits until all that is committed is on the target's disk.
func (l *link) settleDown(life context.Context) error {
	for !l.durable.settled() {
		wal, err := l.session.Flushed(life)
		if err != nil {
			return err
		}
		l.durable.flushed(wal)
		if !l.durable.settled() && session.Pause(life, flushInterval/10) != nil {
			return context.Cause(life)
		}
	}
	return nil
}

// flushInterval is the server's own wal_writer_delay, by default.
const flushInterval = 200 * time.Millisecond

// report sends status updates: after progress, and in any case before the source
// could take us for dead. The source is asked how far it is while someone waits for
// the stream to catch up, and when it has been silent for long.
func (l *link) report(ctx context.Context) error {
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	sent := time.Time{}
	for {
		news := false
		select {
		case <-l.told:
			news = true
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		silent := l.source.Silent()
		if silent > silentFor {
			return errSilent
		}
		asks := l.s.wanted() != 0
		if !news && !asks && time.Since(sent) < l.source.Interval {
			continue
		}
		if err := l.acknowledge(ctx, asks || silent > askAfter); err != nil {
			if ctx.Err() != nil {
				return nil // the receiver has closed the connection, and says why
			}
			return err
		}
		sent = time.Now()
		if news && session.Pause(ctx, reportInterval) != nil { // no more often than that
			return nil
		}
	}
}

const (
	reportInterval = 100 * time.Millisecond

	askAfter  = 30 * time.Second
	silentFor = 3 * time.Minute
)

// errSilent: the network keeps the connection alive, and nobody is at its other end.
var errSilent = errors.New("the source has not answered for three minutes")

// acknowledge tells the source what it may forget.
func (l *link) acknowledge(ctx context.Context, ask bool) error {
	position := l.durable.position()
	received := max(l.s.Progress().Received, position)
	if err := l.source.Status(received, position, ask); err != nil {
		return err
	}
	l.s.log.DebugContext(ctx, "position acknowledged", "lsn", position, "received", received)
	return nil
}

// wake leaves a signal in a channel that has room for one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
