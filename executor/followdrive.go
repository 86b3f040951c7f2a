package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/snapshot"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/catalog"
)

// Values of Config.Wait.
const (
	WaitStreaming = "streaming"
	WaitCopied    = "copied"
	WaitNone      = "none"
)

// smallLag is how far behind its source a mirror may be that has caught up, in bytes
// of WAL.
const smallLag = 1 << 20

// lagPoll is the time between two looks at the lag.
const lagPoll = 200 * time.Millisecond

// drive streams the mirror while work is done beside it, and what is left to build;
// it lets go when the mirror has caught up. A mirror that is paused is not streamed.
func (f *following) drive(ctx context.Context, work func(ctx context.Context, s *stream.Stream) error) error {
	if f.stream.Paused {
		return f.finishBeside(ctx, nil)
	}
	s, running := drive.Start(ctx, stream.New(f.streamConfig()))
	f.stage("stream")
	err := f.accompany(running, s.Stream, work)
	if failed := s.End(); failed != nil && ctx.Err() == nil {
		return f.halted(ctx, failed)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var late *WaitError
	if err != nil && !errors.As(err, &late) {
		return err
	}
	return errors.Join(err, f.toEngine(ctx))
}

// streamConfig is the mirror's main stream.
func (f *following) streamConfig() stream.Config {
	return f.driven(*f.stream).Config()
}

// driven is the mirror as its stream is driven, by these settings.
func (f *following) driven(s planner.Stream) drive.Mirror {
	return drive.Mirror{ID: f.plan.ID, Address: f.change.Address, Settings: s, Source: f.copying.source, Target: f.target,
		Sink: f.cfg.Sink, Log: f.cfg.Log}
}

// accompany does what is to be done beside a stream that runs.
func (f *following) accompany(ctx context.Context, s *stream.Stream, work func(ctx context.Context, s *stream.Stream) error) error {
	if work != nil {
		if err := work(ctx, s); err != nil {
			return err
		}
	}
	if err := f.finishBeside(ctx, s); err != nil {
		return err
	}
	if err := f.towardsEngine(ctx, s); err != nil || f.cfg.Wait == WaitCopied || f.cfg.Wait == WaitNone {
		return err
	}
	return f.awaitSmallLag(ctx, s)
}

// halted records why the stream stands still, for status and for the runner.
func (f *following) halted(ctx context.Context, err error) error {
	_, err = f.driven(*f.stream).RecordHalt(ctx, f.conn, err)
	return err
}

// finishBeside builds what looks at all rows, when all tables have come to one point
// of the source, and records that the mirror is complete.
func (f *following) finishBeside(ctx context.Context, s *stream.Stream) error {
	if s != nil {
		if err := s.CatchUp(ctx, f.latestPoint()); err != nil {
			return err
		}
	}
	if f.beside != nil {
		if err := f.buildBeside(ctx); err != nil {
			return err
		}
	}
	if err := ledger.SumRelations(ctx, f.conn, f.plan.ID); err != nil {
		return err
	}
	return ledger.FinishStreaming(ctx, f.conn, f.plan.ID, f.plan.Digest)
}

func (f *following) buildBeside(ctx context.Context) error {
	f.stage("build beside the stream")
	for range f.plan.Options.Workers {
		f.workers = append(f.workers, &worker{snapshot.NewWorker(f.opener(), "")})
	}
	defer f.release(ctx)
	if err := f.beside.Run(ctx, f.workers); err != nil {
		return err
	}
	if !f.complete {
		if err := f.refresh(ctx); err != nil {
			return err
		}
	}
	return f.eventTriggers(ctx)
}

// latestPoint is where the tables meet: from there on each is followed.
func (f *following) latestPoint() catalog.LSN {
	var latest catalog.LSN
	for _, m := range f.members {
		latest = max(latest, m.Point)
	}
	return latest
}

// awaitSmallLag returns when the mirror is close behind its source. Who waits for a
// position has it moved over what is none of the mirror's, at once. One that goes to the
// engine of its servers first has all that the source has now: what cannot be applied is
// told here, and by no engine.
func (f *following) awaitSmallLag(ctx context.Context, s *stream.Stream) error {
	f.stage("catch up")
	var least catalog.LSN
	if f.stream.Engine != "" {
		var err error
		if least, err = drive.SourceNow(ctx, f.control); err != nil {
			return err
		}
	}
	var timeout <-chan time.Time
	if f.cfg.WaitTimeout > 0 {
		timer := time.NewTimer(f.cfg.WaitTimeout)
		defer timer.Stop()
		timeout = timer.C
	}
	for {
		now, err := drive.SourceNow(ctx, f.control)
		if err != nil {
			return err
		}
		p := s.Progress()
		if p.Position+smallLag >= now && p.Position >= least {
			return nil
		}
		f.cfg.Sink.Event(progress.Lagging{Mirror: f.name, Behind: int64(now - p.Position)})
		waiting, cancel := context.WithTimeout(ctx, lagPoll)
		err = s.CatchUp(waiting, max(least, now-smallLag))
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		select {
		case <-timeout:
			return &WaitError{Mirror: f.change.Address, Engine: f.stream.Engine, Behind: int64(now - p.Position)}
		default:
		}
	}
}

// WaitError reports that a mirror was still behind when the time to wait was over.
// Nothing is lost by it.
type WaitError struct {
	Mirror string
	Engine string // of its servers, which go on; "" where Bascule's stream has to
	Behind int64  // bytes of WAL
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("%s is still %d bytes of WAL behind its source", e.Mirror, e.Behind)
}

// Hint says what the operator can do about it.
func (e *WaitError) Hint() string {
	if e.Engine != "" {
		return "it goes on where it is: its servers do that; bascule status says how far they are"
	}
	return "it goes on where it is: bascule run keeps it streaming"
}

// ExitCode is that of a wait that timed out.
func (e *WaitError) ExitCode() int { return 8 }
