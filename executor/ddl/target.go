package ddl

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/session"
)

// Target is a command that runs on one target, while nothing is streamed to it. All
// fields are required.
type Target struct {
	Open func(context.Context) (*pgx.Conn, error)

	Address, Where string // of the block; "the target of mirror.app"
	Text           string
	LockTimeout    time.Duration

	// Record records, in the transaction, that the command has run.
	Record func(ctx context.Context, tx pgx.Tx) error
}

// OnTarget runs the command once, and has it recorded, in one transaction. The error is
// transient (see session.Transient) where a lock was not got, a *CommandError for what
// the server says of the command, an *EndedError where it ended the transaction.
func OnTarget(ctx context.Context, t Target) error {
	conn, err := t.Open(ctx)
	if err != nil {
		return err
	}
	defer session.Close(ctx, conn)
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, resetXact, timeout(t.LockTimeout)); err != nil {
		return err
	}
	if _, err := conn.PgConn().Exec(ctx, t.Text).ReadAll(); err != nil {
		if session.Locked(err) {
			return &LockedError{Address: t.Address, Err: err}
		}
		return commandError(t.Address, t.Where, err)
	}
	if conn.PgConn().TxStatus() != 'T' {
		return &EndedError{Address: t.Address}
	}
	if _, err := tx.Exec(ctx, resetXact, timeout(t.LockTimeout)); err != nil {
		return err
	}
	if err := t.Record(ctx, tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
