package executor

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/slot"
	"bascule/executor/stream"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// Why a stream, or the waiting in its place, ended in good order.
var (
	errYield   = errors.New("asked to yield")
	errChanged = errors.New("settings changed")
	errEnded   = errors.New("the stream ended")
)

// hold does what the ledger says is to be done, as the holder of the lease, until
// another process wants it or there is nothing to stream any more; then it lets go
// and returns nil.
func (k *keeper) hold(ctx context.Context, conn *pgx.Conn) (err error) {
	k.said = ""
	defer func() { err = k.release(ctx, conn, err) }()
	for {
		s, err := ledger.ReadStream(ctx, conn, k.id)
		switch {
		case err != nil:
			return err
		case s == nil || s.Phase != catalog.PhaseStreaming:
			return nil
		case s.Halt != nil:
			k.halted(s.Halt)
			err = k.rest(ctx, conn, s)
		case s.Settings.Paused:
			k.say("is paused; its slot keeps the WAL of the source")
			err = k.rest(ctx, conn, s)
		default:
			err = k.stream(ctx, conn, s)
		}
		if err != nil && !errors.Is(err, errChanged) {
			return err
		}
	}
}

// release lets go of the lease. Yielding is no error.
func (k *keeper) release(ctx context.Context, conn *pgx.Conn, err error) error {
	if errors.Is(err, errYield) {
		k.say("another process takes it over")
		err = nil
	}
	if conn.IsClosed() {
		return err
	}
	// Also after a cancel: the session may take a moment to end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, ledger.Release(ctx, conn, k.id))
}

// halted tells that the mirror stands still, once.
func (k *keeper) halted(h *ledger.Halt) {
	if text := "halted: " + h.Code + " " + h.LSN; k.said != text {
		k.said = text
		k.sink.Event(progress.Halted{Mirror: k.name, Code: h.Code, LSN: h.LSN, Table: h.Table, Key: h.Key,
			Text: h.Text, Remedy: h.Remedy, Terminal: h.Terminal})
	}
}

// rest waits until something else is to be done than s says.
func (k *keeper) rest(ctx context.Context, conn *pgx.Conn, s *ledger.Stream) error {
	for {
		if err := ledger.Await(ctx, conn, k.id, lookEvery); err != nil {
			return err
		}
		now, err := ledger.Look(ctx, conn, k.id)
		switch {
		case err != nil:
			return err
		case now.Wanted:
			return errYield
		case now.Generation != s.Generation, now.Halted != (s.Halt != nil), now.Phase != s.Phase:
			return errChanged
		}
	}
}

// stream streams by the settings s until they change, the mirror is wanted, or an
// error ends it; a permanent one is recorded as the mirror's halt, and nil returned.
func (k *keeper) stream(ctx context.Context, conn *pgx.Conn, s *ledger.Stream) error {
	errs := &trouble{Sink: k.sink}
	str := stream.New(streaming(k.id, k.address, s.Settings, k.source, k.target, errs, k.log))
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watching, ended := context.WithCancelCause(ctx)
	result := make(chan error, 1)
	k.sink.Event(progress.StreamStarted{Mirror: k.name, Slot: s.Settings.Slot})
	k.log.InfoContext(ctx, "stream begins", "slot", s.Settings.Slot, "generation", s.Generation)
	go func() {
		err := str.Run(inner)
		ended(errEnded)
		result <- err
	}()
	watched := k.watch(ctx, watching, conn, str, s, errs)
	stop(watched)
	err := <-result
	k.log.InfoContext(ctx, "stream ended", "position", str.Progress().Position, "error", err)
	if err == nil {
		k.sink.Event(progress.StreamStopped{Mirror: k.name, Position: str.Progress().Position.String(), Why: why(ctx, watched)})
		return watched
	}
	halt := haltOf(err)
	if halt == nil || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return ledger.SetHalt(ctx, conn, k.id, halt)
}

func why(ctx context.Context, watched error) string {
	switch {
	case ctx.Err() != nil:
		return "stopped"
	case errors.Is(watched, errYield), errors.Is(watched, errChanged):
		return watched.Error()
	}
	return "the session on the target was lost"
}

// watch looks at the ledger until running, the stream's life, ends, and returns why
// the stream is to end. New members are the stream's to read; it goes on.
func (k *keeper) watch(ctx, running context.Context, conn *pgx.Conn, str *stream.Stream, s *ledger.Stream, errs *trouble) error {
	var seen arrival
	for {
		if err := ledger.Await(running, conn, k.id, lookEvery); err != nil {
			return err
		}
		now, err := ledger.Look(ctx, conn, k.id)
		switch {
		case err != nil:
			return err
		case now.Wanted:
			return errYield
		case now.Phase != s.Phase:
			return errChanged
		case now.Generation != s.Generation:
			next, err := ledger.ReadStream(ctx, conn, k.id)
			if err != nil {
				return err
			}
			if next == nil || !reflect.DeepEqual(next.Settings, s.Settings) {
				return errChanged
			}
			s.Generation = next.Generation
			str.Reload()
		}
		p := str.Progress()
		if err := errs.record(ctx, conn, k.id, p.Running); err != nil {
			return err
		}
		if seen.caughtUp(p) {
			k.sink.Event(progress.CaughtUp{Mirror: k.name, Position: p.Position.String(), Transactions: p.Transactions, Changes: p.Changes})
		}
	}
}

// arrival tells when a stream has applied all that was there when it connected.
type arrival struct {
	goal catalog.LSN
	told bool
}

func (a *arrival) caughtUp(p stream.Progress) bool {
	switch {
	case !p.Running:
		*a = arrival{}
	case a.told:
	case a.goal == 0:
		a.goal = p.ServerEnd
	}
	if a.told || a.goal == 0 || p.Position < a.goal {
		return false
	}
	a.told = true
	return true
}

// haltOf is what is recorded of an error that will not pass by itself, or nil.
func haltOf(err error) *ledger.Halt {
	var halted *stream.HaltError
	var terminal *slot.TerminalError
	var connect *session.ConnectError
	var lost *stream.LeaseLostError
	switch {
	case errors.As(err, &halted):
		return &halted.Halt
	case errors.As(err, &terminal):
		return &terminal.Halt
	case errors.As(err, &connect), errors.As(err, &lost), session.Transient(err), errors.Is(err, context.Canceled):
		return nil // a password may be in the middle of being changed, the other holder about to end
	}
	code := session.Code(err)
	if code == "" {
		code = "error"
	}
	return &ledger.Halt{Code: code, Text: err.Error(), Remedy: "correct the cause, then try again: bascule run -retry=ADDR, or bascule apply"}
}
