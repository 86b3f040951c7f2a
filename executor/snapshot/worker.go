package snapshot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/planner/session"
)

// Worker is a pair of connections that one piece of work at a time uses: into the
// snapshot on the source, and to the target. They are opened when first needed,
// and again after a loss.
type Worker struct {
	open     Opener
	snapshot string
	src, dst *pgconn.PgConn
}

// Opener opens sessions. Both functions are required.
type Opener struct {
	Source, Target func(ctx context.Context) (*pgx.Conn, error)
}

// LostError reports that the snapshot is gone, for its holder's session ended; or
// that it is of no more use.
type LostError struct{ Err error }

func (e *LostError) Error() string { return "the snapshot is lost: " + e.Err.Error() }
func (e *LostError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *LostError) Hint() string {
	return "apply again: all tables are copied again, from a new snapshot"
}

// NewWorker returns a worker that has no connections yet.
func NewWorker(open Opener, snapshot string) *Worker { return &Worker{open: open, snapshot: snapshot} }

// Source returns the connection inside the snapshot.
func (w *Worker) Source(ctx context.Context) (*pgconn.PgConn, error) {
	if w.src != nil && !w.src.IsClosed() {
		return w.src, nil
	}
	conn, err := w.open.Source(ctx)
	if err != nil {
		return nil, err
	}
	sql := fmt.Sprintf("begin isolation level repeatable read, read only; set local lock_timeout = %d; set transaction snapshot %s",
		lockPatience.Milliseconds(), pgname.Literal(w.snapshot))
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		conn.Close(ctx)
		if code := session.Code(err); code == "22023" || code == "42704" || code == "0A000" {
			return nil, &LostError{Err: err}
		}
		return nil, fmt.Errorf("join the snapshot: %w", err)
	}
	w.src = conn.PgConn()
	return w.src, nil
}

// Target returns the connection to the target.
func (w *Worker) Target(ctx context.Context) (*pgconn.PgConn, error) {
	if w.dst != nil && !w.dst.IsClosed() {
		return w.dst, nil
	}
	conn, err := w.open.Target(ctx)
	if err != nil {
		return nil, err
	}
	w.dst = conn.PgConn()
	return w.dst, nil
}

// Close closes both connections.
func (w *Worker) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, c := range []*pgconn.PgConn{w.src, w.dst} {
		if c != nil {
			c.Close(ctx)
		}
	}
	w.src, w.dst = nil, nil
}

// Tries of one piece of work, and the pause before the second, doubled each time.
const (
	tries = 5
	pause = 200 * time.Millisecond
)

// Retry runs work again after transient errors, on new connections where they were
// lost, and tells again before each pause.
func (w *Worker) Retry(ctx context.Context, work func() error, again func(err error, in time.Duration)) error {
	for i, wait := 1, pause; ; i, wait = i+1, wait*2 {
		err := work()
		var lost *LostError
		if err == nil || ctx.Err() != nil || i == tries || errors.As(err, &lost) || !session.Transient(err) {
			return err
		}
		again(err, wait)
		if session.Pause(ctx, wait) != nil {
			return err
		}
	}
}
