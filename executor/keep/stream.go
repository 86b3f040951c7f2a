package keep

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/slot"
	"bascule/executor/stream"
	"bascule/planner"
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
		case s == nil || s.Phase != catalog.PhaseStreaming || s.Handed:
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

// news waits for signals of the mirror, no longer than lookEvery or than waiting lasts, and
// reads them. A mirror that somebody wants is an errYield.
func (k *keeper) news(ctx, waiting context.Context, conn *pgx.Conn) (ledger.Signals, error) {
	if err := ledger.Await(waiting, conn, k.id, lookEvery); err != nil {
		return ledger.Signals{}, err
	}
	now, err := k.look(ctx, conn)
	if err == nil && now.Wanted {
		err = errYield
	}
	return now, err
}

// rest waits until something else is to be done than s says.
func (k *keeper) rest(ctx context.Context, conn *pgx.Conn, s *ledger.Stream) error {
	for {
		now, err := k.news(ctx, ctx, conn)
		switch {
		case err != nil:
			return err
		case now.Generation != s.Generation, now.Halted != (s.Halt != nil), now.Phase != s.Phase:
			return errChanged
		}
	}
}

// stream streams by the settings s until they change, the mirror is wanted, or an
// error ends it; a permanent one is recorded as the mirror's halt, and nil returned.
func (k *keeper) stream(ctx context.Context, conn *pgx.Conn, s *ledger.Stream) error {
	errs := &trouble{Sink: k.sink}
	m := drive.Mirror{ID: k.id, Address: k.address, Settings: s.Settings, Source: k.source, Target: k.target, Sink: errs, Log: k.streamLog}
	str := stream.New(m.Config())
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watching, ended := context.WithCancelCause(ctx)
	result := make(chan error, 1)
	seen := &arrivals{keeper: k, str: str, settings: s.Settings}
	defer seen.all.Wait() // watching has ended by then
	k.sink.Event(progress.StreamStarted{Mirror: k.name, Slot: s.Settings.Slot})
	k.log.InfoContext(ctx, "stream begins", "slot", s.Settings.Slot, "generation", s.Generation)
	go func() {
		err := str.Run(inner)
		ended(errEnded)
		result <- err
	}()
	watched := k.watch(ctx, watching, conn, s, seen, errs)
	stop(watched)
	err := <-result
	k.log.InfoContext(ctx, "stream ended", "position", str.Progress().Position, "error", err)
	if err == nil {
		k.sink.Event(progress.StreamStopped{Mirror: k.name, Position: str.Progress().Position.String(), Why: why(ctx, watched)})
		return watched
	}
	halt := m.Halt(err)
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
func (k *keeper) watch(ctx, running context.Context, conn *pgx.Conn, s *ledger.Stream, seen *arrivals, errs *trouble) error {
	for {
		now, err := k.news(ctx, running, conn)
		switch {
		case err != nil:
			return err
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
			seen.str.Reload()
		}
		connected := seen.str.Progress().Running
		seen.see(running, connected)
		if err := errs.record(ctx, conn, k.id, connected); err != nil {
			return err
		}
	}
}

// arrivals tells, each time a stream has connected, when all is applied that the
// source had by then.
type arrivals struct {
	*keeper
	str      *stream.Stream
	settings planner.Stream
	running  bool // as it was last seen
	trimmed  time.Time
	all      sync.WaitGroup
}

// see looks whether the stream has connected anew.
func (a *arrivals) see(ctx context.Context, running bool) {
	if running && !a.running {
		a.all.Go(func() { a.await(ctx) })
	}
	if running && a.settings.Log != "" && time.Since(a.trimmed) > trimEvery {
		a.trimmed = time.Now()
		a.all.Go(func() { a.trim(ctx) })
	}
	a.running = running
}

// trimEvery is the time between two looks for rows of the source's log that are applied.
const trimEvery = 10 * time.Minute

// trim deletes them. What is left is deleted the next time.
func (a *arrivals) trim(ctx context.Context) {
	conn, err := session.Open(ctx, a.source, session.Options{Application: session.Application(a.address, "run")})
	if err != nil {
		a.log.DebugContext(ctx, "log of DDL not trimmed", "error", err)
		return
	}
	defer session.Close(ctx, conn)
	if err := slot.TrimLog(ctx, conn, a.settings); err != nil {
		a.log.InfoContext(ctx, "log of DDL not trimmed", "error", err)
	}
}

// await tells of one arrival; when the source cannot be asked, of none.
func (a *arrivals) await(ctx context.Context) {
	end, err := a.sourceEnd(ctx)
	if err == nil {
		err = a.str.CatchUp(ctx, end)
	}
	if err != nil {
		a.log.DebugContext(ctx, "arrival not seen", "error", err)
		return
	}
	p := a.str.Progress()
	a.sink.Event(progress.CaughtUp{Mirror: a.name, Position: p.Position.String(), Transactions: p.Transactions, Changes: p.Changes})
}

// sourceEnd is where the source's WAL ends now.
func (k *keeper) sourceEnd(ctx context.Context) (end catalog.LSN, err error) {
	conn, err := session.Open(ctx, k.source, session.Options{Application: session.Application(k.address, "run"), ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer session.Close(ctx, conn)
	err = conn.QueryRow(ctx, sourceEnd).Scan(&end)
	return end, err
}

const sourceEnd = `select pg_catalog.pg_current_wal_flush_lsn()::text`
