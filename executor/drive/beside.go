package drive

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"bascule/executor/stream"
	"bascule/planner/catalog"
)

// ErrDone ends a stream that has done what it was driven for.
var ErrDone = errors.New("the work beside the stream has ended")

// Beside is a stream that runs in a goroutine of its own.
type Beside struct {
	*stream.Stream
	stop  context.CancelCauseFunc
	ended chan error
}

// Start starts a stream, which the caller ends. The context lasts as long as it
// runs.
func Start(ctx context.Context, s *stream.Stream) (*Beside, context.Context) {
	r := &Beside{Stream: s, ended: make(chan error, 1)}
	ctx, r.stop = context.WithCancelCause(ctx)
	go func() {
		err := s.Run(ctx)
		r.stop(ErrDone)
		r.ended <- err
		close(r.ended)
	}()
	return r, ctx
}

// End stops the stream and returns its error; the second time there is none.
func (r *Beside) End() error {
	r.stop(ErrDone)
	return <-r.ended
}

// To streams until the target has all that the source had at lsn. What ends the
// stream before that goes through halted, which records it.
func To(ctx context.Context, cfg stream.Config, lsn catalog.LSN, halted func(error) error) error {
	s, running := Start(ctx, stream.New(cfg))
	err := s.CatchUp(running, lsn)
	switch failed := s.End(); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case failed != nil:
		return halted(failed)
	}
	return err
}

// SourceNow is where the source's log is now.
func SourceNow(ctx context.Context, source *pgx.Conn) (now catalog.LSN, err error) {
	err = source.QueryRow(ctx, currentLSN).Scan(&now)
	return now, err
}

const currentLSN = `select pg_catalog.pg_current_wal_lsn()::text`
