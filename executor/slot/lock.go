package slot

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/session"
)

// Locks of tables are tried for in short attempts: behind a long one every other
// session would queue up.
const (
	lockTimeout  = "2s"
	lockPause    = 500 * time.Millisecond
	lockPatience = time.Minute
)

// BlockedError reports that a table of the source stayed locked by another session.
type BlockedError struct {
	Doing string // what the lock was for
	PID   int32  // of a session that is in the way; 0 where none was seen
	Query string // its last statement, where the role may know it
	Err   error
}

func (e *BlockedError) Error() string {
	text := e.Doing + ": " + e.Err.Error()
	if e.PID != 0 {
		text += fmt.Sprintf("; pid %d is in the way", e.PID)
	}
	if e.Query != "" {
		text += ", whose last statement is: " + e.Query
	}
	return text
}

func (e *BlockedError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *BlockedError) Hint() string {
	return "wait until that session's transaction has ended, or end it, and run the same command again"
}

// alter runs statements that lock these tables in one transaction, again and again
// while another session is in the way.
func alter(ctx context.Context, conn *pgx.Conn, doing string, tables []uint32, sqls ...string) error {
	return Locking(ctx, conn, doing, tables, func(tx pgx.Tx) error {
		for _, sql := range sqls {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// Locking does something that locks these tables in a transaction, again and again while
// another session is in the way. When that takes too long the error is a *BlockedError.
func Locking(ctx context.Context, conn *pgx.Conn, doing string, tables []uint32, do func(tx pgx.Tx) error) error {
	for deadline := time.Now().Add(lockPatience); ; {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, setLockTimeout, lockTimeout); err != nil {
				return err
			}
			return do(tx)
		})
		if err == nil {
			return nil
		}
		if !session.Locked(err) {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if time.Now().After(deadline) {
			return blocked(ctx, conn, doing, tables, err)
		}
		if err := session.Pause(ctx, lockPause); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
}

// blocked names who is in the way. Who it was may have gone since.
func blocked(ctx context.Context, conn *pgx.Conn, doing string, tables []uint32, err error) error {
	e := &BlockedError{Doing: doing, Err: err}
	rows, queryErr := conn.Query(ctx, selectHolder, tables)
	if queryErr != nil {
		return e
	}
	_, _ = pgx.ForEachRow(rows, []any{&e.PID, &e.Query}, func() error { return nil })
	return e
}

const (
	setLockTimeout = `select pg_catalog.set_config('lock_timeout', $1, true)`

	selectHolder = `
		select a.pid, pg_catalog.left(pg_catalog.regexp_replace(coalesce(a.query, ''), '\s+', ' ', 'g'), 100)
		from pg_catalog.pg_locks l
		join pg_catalog.pg_stat_activity a on a.pid = l.pid
		where l.locktype = 'relation' and l.granted and l.relation = any ($1::oid[]) and l.pid <> pg_catalog.pg_backend_pid()
			and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
		order by a.xact_start, a.pid
		limit 1`
)
