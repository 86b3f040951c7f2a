package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/session"
)

// HeldError reports that another process works on the mirror.
type HeldError struct {
	Mirror string
	PID    int32
	Client string
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("mirror %q is being worked on by another process: backend pid %d on the target, client %s", e.Mirror, e.PID, e.Client)
}

// Hint says what the operator can do about it.
func (e *HeldError) Hint() string { return "wait for it to end, or stop it" }

// ExitCode is the exit code of a held lock.
func (e *HeldError) ExitCode() int { return 5 }

// Polls for locks of a process that was killed. Its sessions look for their client
// every ten seconds while they run a statement.
const (
	leasePatience = 30 * time.Second
	leasePoll     = 100 * time.Millisecond
)

// Lease makes this session the mirror's only holder until it ends. A holder that was
// killed may leave its session behind for some seconds, so one that is there is
// waited for, and told to waiting. When it stays, the error is a *HeldError.
func Lease(ctx context.Context, conn *pgx.Conn, mirror string, waiting func(text string)) error {
	deadline := time.Now().Add(leasePatience)
	for told := false; ; told = true {
		held, err := TryLease(ctx, conn, mirror)
		if err != nil || held == nil {
			return err
		}
		if held.PID != 0 && !told {
			waiting("waiting: " + held.Error())
		}
		if err := session.Pause(ctx, leasePoll); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return held
		}
	}
}

// TryLease is Lease without patience: it returns who holds the mirror, or nil when
// this session now does. PID is 0 when the holder has just let go.
func TryLease(ctx context.Context, conn *pgx.Conn, mirror string) (*HeldError, error) {
	var got bool
	if err := conn.QueryRow(ctx, tryLease, mirror).Scan(&got); err != nil {
		return nil, fmt.Errorf("lease of %q: %w", mirror, err)
	}
	if got {
		return nil, nil
	}
	held := &HeldError{Mirror: mirror}
	err := conn.QueryRow(ctx, leaseHolder, mirror).Scan(&held.PID, &held.Client)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("lease of %q: %w", mirror, err)
	}
	return held, nil
}

// Release lets go of a lease that this session took, which then goes on without.
func Release(ctx context.Context, conn *pgx.Conn, mirror string) error {
	_, err := conn.Exec(ctx, releaseLease, mirror)
	return wrap("release "+mirror, err)
}

// Join marks a session as one that works for the mirror's holder, until it ends. It
// returns a *HeldError when another process has begun a later attempt since: then
// this process was taken for dead.
func Join(ctx context.Context, conn *pgx.Conn, mirror string, attempt int) error {
	if _, err := conn.Exec(ctx, joinMirror, mirror); err != nil {
		return fmt.Errorf("join %q: %w", mirror, err)
	}
	var now int
	if err := conn.QueryRow(ctx, readAttempt, mirror).Scan(&now); err != nil {
		return fmt.Errorf("join %q: %w", mirror, err)
	}
	if now != attempt {
		held := &HeldError{Mirror: mirror}
		_ = conn.QueryRow(ctx, leaseHolder, mirror).Scan(&held.PID, &held.Client) // it may be gone again
		return held
	}
	return nil
}

// EndLeftovers ends the sessions that joined an earlier attempt and waits until they
// are gone, and their locks with them. It is for the lease's holder, after Begin. It
// returns how many there were.
func EndLeftovers(ctx context.Context, conn *pgx.Conn, mirror string) (int, error) {
	deadline := time.Now().Add(leasePatience)
	for first := -1; ; {
		var n int
		if err := conn.QueryRow(ctx, endJoined, mirror).Scan(&n); err != nil {
			return 0, fmt.Errorf("end the sessions of a killed apply: %w", err)
		}
		if first < 0 {
			first = n
		}
		if n == 0 {
			return first, nil
		}
		if time.Now().After(deadline) {
			return first, fmt.Errorf("%d sessions of a killed apply do not end", n)
		}
		if err := session.Pause(ctx, leasePoll); err != nil {
			return first, err
		}
	}
}

const tryLease = `select pg_catalog.pg_try_advisory_lock(1650553700, pg_catalog.hashtext($1))`

const releaseLease = `select pg_catalog.pg_advisory_unlock(1650553700, pg_catalog.hashtext($1))`

const leaseHolder = `
	select a.pid, coalesce(a.client_addr::text, 'local')
	from pg_catalog.pg_locks l
	join pg_catalog.pg_stat_activity a on a.pid = l.pid
	where l.locktype = 'advisory' and l.granted
		and l.classid = 1650553700 and l.objid::bigint = pg_catalog.hashtext($1)::bigint & 4294967295
		and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
	order by a.pid
	limit 1`

const joinMirror = `select pg_catalog.pg_advisory_lock_shared(1650553701, pg_catalog.hashtext($1))`

const readAttempt = `select attempt from bascule.mirror where id = $1`

const endJoined = `
	select pg_catalog.count(pg_catalog.pg_terminate_backend(l.pid))
	from pg_catalog.pg_locks l
	where l.locktype = 'advisory' and l.granted and l.pid <> pg_catalog.pg_backend_pid()
		and l.classid = 1650553701 and l.objid::bigint = pg_catalog.hashtext($1)::bigint & 4294967295
		and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())`
