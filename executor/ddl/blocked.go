package ddl

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/session"
)

// LockedError reports that another session was in the command's way for as long as one
// try may wait. It is transient.
type LockedError struct {
	Address string

	// PID of a session that was in the way, its application_name, and since when its
	// transaction runs; 0, "" and zero where none was seen.
	PID         int32
	Application string
	Since       time.Time

	Err error
}

func (e *LockedError) Error() string {
	text := e.Address + " did not get its locks"
	if e.PID != 0 {
		text += ": in the way was " + blocker{e.PID, e.Application, e.Since}.String()
	}
	return text + ": " + e.Err.Error()
}

func (e *LockedError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *LockedError) Hint() string {
	return "it is tried again, and runs when that session's transaction has ended; a longer lock_timeout lets each try wait longer, and the application behind it"
}

// SlowError reports that what belongs to a command took so long that it was rolled
// back: whoever needs its tables waited.
type SlowError struct {
	Took time.Duration
	Err  error
}

func (e *SlowError) Error() string {
	return fmt.Sprintf("rolled back after %s: %v", e.Took, e.Err)
}

func (e *SlowError) Unwrap() error { return e.Err }

// blocker is who was last seen in the way.
type blocker struct {
	pid         int32
	application string
	since       time.Time
}

// lookTime bounds one look.
const lookTime = 5 * time.Second

// String says who it is, for people.
func (b blocker) String() string {
	text := fmt.Sprintf("pid %d", b.pid)
	if b.application != "" {
		text += " (" + b.application + ")"
	}
	if !b.since.IsZero() {
		text += ", in a transaction since " + b.since.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	return text
}

// beside does work, and looks every so often over a session of its own who is in the
// way of the server process pid. What cannot be read is not told. Tell, if there is one,
// hears once of each who is seen twice in a row.
func (b *blocker) beside(ctx context.Context, conn *pgx.Conn, pid uint32, every time.Duration, tell func(blocker), work func() error) error {
	every = min(max(every, 20*time.Millisecond), time.Second)
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		var before, told blocker
		for session.Pause(watching, every) == nil {
			there := b.look(ctx, conn, pid)
			if tell != nil && there && *b == before && *b != told {
				told = *b
				tell(told)
			}
			before = *b
		}
	})
	defer watch.Wait()
	defer stop()
	return work()
}

// watched does work on conn, and looks meanwhile over another session who is in its
// way, whom tell hears of. The error is a *LockedError when a lock was not got.
func (s Source) watched(ctx context.Context, conn *pgx.Conn, address string, lockTimeout time.Duration, tell func(blocker), work func() error) error {
	var seen blocker
	err := seen.beside(ctx, s.Control, conn.PgConn().PID(), lockTimeout/2, tell, work)
	if session.Locked(err) {
		return &LockedError{Address: address, PID: seen.pid, Application: seen.application, Since: seen.since, Err: err}
	}
	return err
}

// look reports whether anybody is in the way now. It brings a reading that is under way
// to its end: the session is the caller's.
func (b *blocker) look(ctx context.Context, conn *pgx.Conn, pid uint32) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	var seen blocker
	var since *time.Time
	if conn.QueryRow(ctx, selectBlocker, int64(pid)).Scan(&seen.pid, &seen.application, &since) != nil {
		return false // nobody, or not to be known
	}
	if since != nil {
		seen.since = *since
	}
	*b = seen
	return true
}

const selectBlocker = `
	select b.pid, coalesce(a.application_name, ''), a.xact_start
	from unnest(pg_catalog.pg_blocking_pids($1::integer)) b(pid)
	left join pg_catalog.pg_stat_activity a on a.pid = b.pid
	order by a.xact_start, b.pid
	limit 1`
