package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/pglogical"
	"bascule/executor/slot"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/catalog"
)

// side is one mirror of a ddl block: its target, and the stream to it.
type side struct {
	*commanding
	address, name, id string // name: in sessions and messages; id: in the ledger
	target            *config.Peer
	decl              *config.Mirror

	conn     *pgx.Conn // to the target; it holds the lease
	settings planner.Stream
	timeline int32
	halt     *ledger.Halt // that it stood still by when this began
	rec      *catalog.LedgerMirror
	members  []ledger.Member   // as they were when this began
	row      *ledger.DDL       // as it was then
	carrier  *pglogical.Engine // that carries commands itself, or nil
	stream   *drive.Beside     // while it is driven
	notes    []string          // for the operator, once it is through
}

// begin takes the mirror over, from a runner too, and reads what is there.
func (s *side) begin(ctx context.Context) (err error) {
	if s.conn, err = s.open(ctx, s.target); err != nil {
		return err
	}
	if err := ledger.Ensure(ctx, s.conn); err != nil {
		return err
	}
	if err := ledger.LeaseFrom(ctx, s.conn, s.id, s.note); err != nil {
		return err
	}
	was, err := ledger.ReadStream(ctx, s.conn, s.id)
	switch {
	case err != nil:
		return err
	case was == nil || was.Phase != catalog.PhaseStreaming:
		return &NotStreamingError{Mirror: s.address, Why: "is not copied yet", Fix: "apply it first: bascule apply -target='" + s.address + "'"}
	case was.Settings.Paused:
		return &NotStreamingError{Mirror: s.address, Why: "is paused", Fix: "set paused = false, and apply"}
	case was.Halt != nil && was.Halt.Terminal:
		return &slot.TerminalError{Halt: *was.Halt}
	}
	s.settings, s.timeline, s.halt = was.Settings, was.Timeline, was.Halt
	if err := s.fromEngine(ctx, was); err != nil {
		return err
	}
	if s.members, err = ledger.Members(ctx, s.conn, s.id); err != nil {
		return err
	}
	return s.readRecord(ctx)
}

func (s *side) readRecord(ctx context.Context) (err error) {
	if s.rec, err = ledger.Find(ctx, s.conn, s.id); err == nil && s.rec == nil {
		err = fmt.Errorf("mirror %q is not in the ledger any more", s.id)
	}
	return err
}

// NotStreamingError reports a mirror through which no command can be sent.
type NotStreamingError struct{ Mirror, Why, Fix string }

func (e *NotStreamingError) Error() string { return e.Mirror + " " + e.Why + ", and does not stream" }

// Hint says what the operator can do about it.
func (e *NotStreamingError) Hint() string { return e.Fix }

// driven is the mirror of the side, as its stream is driven.
func (s *side) driven() drive.Mirror {
	return drive.Mirror{ID: s.id, Address: s.address, Settings: s.settings, Source: s.source, Target: s.target, Sink: s.cfg.Sink, Log: s.cfg.Log}
}

// drive streams the mirrors that do not have the command while work is done. What
// halts one of them ends the work, and is the error.
func (d *commanding) drive(ctx context.Context, work func(ctx context.Context) error) error {
	running, driven := ctx, slices.DeleteFunc(d.pending(), func(s *side) bool { return s.carrier != nil })
	for _, s := range driven {
		if s.halt != nil {
			if err := ledger.SetHalt(ctx, s.conn, s.id, nil); err != nil {
				return err
			}
			s.halt = nil
		}
	}
	for _, s := range driven {
		s.stream, running = drive.Start(running, stream.New(s.driven().Config()))
	}
	err := work(running)
	var halts []error
	for _, s := range slices.Backward(driven) {
		failed := s.stream.End()
		if failed == nil || ctx.Err() != nil {
			continue
		}
		s.halt, failed = s.driven().RecordHalt(ctx, s.conn, failed)
		halts = append(halts, fmt.Errorf("%s: %w", s.address, failed))
	}
	switch {
	case ctx.Err() != nil && err != nil:
		return errors.Join(context.Cause(ctx), err)
	case len(halts) > 0:
		return errors.Join(halts...)
	}
	return err
}

// catchUp waits until the mirrors that are driven have all that the source had at lsn.
func (d *commanding) catchUp(ctx context.Context, lsn catalog.LSN) error {
	for _, s := range d.sides {
		var err error
		switch {
		case s.carrier != nil:
			err = s.carried(ctx, lsn)
		case s.stream != nil:
			err = s.stream.CatchUp(ctx, lsn)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// WaitError reports that a command was not through when the time to wait was
// over. Nothing is lost by it.
type WaitError struct {
	Address string

	// OnSource: it ran there.
	OnSource bool
	Last     error // what was waited for last

	// Engines of the mirrors that do not have it, "" for Bascule's stream.
	Engines []string
}

func (e *WaitError) Error() string {
	if e.OnSource {
		return e.Address + " ran on the source, and is not on all targets yet"
	}
	return fmt.Sprintf("%s has not run on the source yet: %v", e.Address, e.Last)
}

// Hint says what the operator can do about it.
func (e *WaitError) Hint() string {
	switch {
	case !e.OnSource:
	case slices.Contains(e.Engines, planner.EngineSubscription): // no server would run it
		return "apply again: that brings it to the targets, and hands the mirrors back to their servers; until then their slots keep the source's WAL"
	case slices.Contains(e.Engines, planner.EnginePglogical) && !slices.Contains(e.Engines, ""):
		return "it goes on where it is: the servers bring it to the targets (bascule status says how they fare), and the next apply waits for it and records it"
	default:
		return "it goes on where it is: bascule run brings it to the targets, and the next apply waits for it and records it"
	}
	return "apply again, with a longer -wait-timeout or without"
}

// ExitCode is that of a wait that timed out.
func (e *WaitError) ExitCode() int { return 8 }
