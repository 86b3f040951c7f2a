package ledger

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/planner/session"
)

// channel is what everybody who waits for a change of a mirror listens to. The
// payload is the mirror's ID.
const channel = "bascule"

// Want asks a runner to let go of the mirror, until Unwant or the end of the
// session. A runner that holds it ends its stream after the batch in work and takes
// the lease again when nobody wants it any more.
func Want(ctx context.Context, conn *pgx.Conn, mirror string) error {
	_, err := conn.Exec(ctx, want, mirror)
	return wrap("want "+mirror, err)
}

// Unwant takes one Want back.
func Unwant(ctx context.Context, conn *pgx.Conn, mirror string) error {
	_, err := conn.Exec(ctx, unwant, mirror)
	return wrap("unwant "+mirror, err)
}

// LeaseFrom is Lease for a mirror that a runner may hold: the runner is asked to
// yield. From then on it waits until the lease is let go, by Release or with the
// session; a crash of either side leaves nothing behind.
func LeaseFrom(ctx context.Context, conn *pgx.Conn, mirror string, waiting func(text string)) error {
	if err := Want(ctx, conn, mirror); err != nil {
		return err
	}
	err := Lease(ctx, conn, mirror, waiting)
	if conn.IsClosed() {
		return err
	}
	// Wanted for good, it would be streamed by nobody as long as this session lives.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, Unwant(clean, conn, mirror))
}

// Hold opens a session of peer, the target of a mirror, that holds the mirror's lease until
// it is closed, and takes that over as LeaseFrom does. address is the mirror's in the
// configuration.
func Hold(ctx context.Context, peer *config.Peer, address, mirror string, waiting func(text string)) (*pgx.Conn, error) {
	conn, err := session.Open(ctx, peer, session.Options{Application: session.Application(address, "apply")})
	if err != nil {
		return nil, err
	}
	if err := LeaseFrom(ctx, conn, mirror, waiting); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx)) // err says more
		return nil, err
	}
	return conn, nil
}

// Wanted reports whether another session wants the mirror.
func Wanted(ctx context.Context, conn *pgx.Conn, mirror string) (wanted bool, err error) {
	err = conn.QueryRow(ctx, isWanted, mirror).Scan(&wanted)
	return wanted, wrap("wanted "+mirror, err)
}

// Presence marks this session as that of a runner that is alive for the mirror,
// whether it holds the lease or waits for it, until the session ends.
func Presence(ctx context.Context, conn *pgx.Conn, mirror string) error {
	_, err := conn.Exec(ctx, present, mirror)
	return wrap("presence for "+mirror, err)
}

// Runner is a process that keeps a mirror streaming.
type Runner struct {
	PID    int32 // of its session on the target
	Client string

	// Holds: it has the lease. Otherwise it waits for it.
	Holds bool
}

// Running returns a runner of the mirror, the one that holds the lease if there are
// several, or nil. A runner in this very session does not count.
func Running(ctx context.Context, conn *pgx.Conn, mirror string) (*Runner, error) {
	var r Runner
	err := conn.QueryRow(ctx, running, mirror).Scan(&r.PID, &r.Client, &r.Holds)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("runner of "+mirror, err)
	}
	return &r, nil
}

// Signals is what a runner looks at again and again.
type Signals struct {
	// Generation is 0 when the mirror is not, or no longer, in the ledger or does not
	// stream.
	Generation int64
	Phase      string
	Halted     bool
	Wanted     bool

	// Handed: the servers' own engine moves the rows; see SetHanded.
	Handed bool
}

// Look reads a mirror's signals.
func Look(ctx context.Context, conn *pgx.Conn, mirror string) (s Signals, err error) {
	err = conn.QueryRow(ctx, look, mirror).Scan(&s.Generation, &s.Phase, &s.Halted, &s.Handed, &s.Wanted)
	if session.Code(err) == undefinedTable { // the ledger went with its last mirror
		return Signals{}, nil
	}
	return s, wrap("look at "+mirror, err)
}

// undefinedTable is an SQLSTATE.
const undefinedTable = "42P01"

// Listen makes Await return early when another session calls Notify or Want.
func Listen(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "listen "+channel)
	return wrap("listen", err)
}

// Notify tells all who listen that something about the mirror has changed.
func Notify(ctx context.Context, conn *pgx.Conn, mirror string) error {
	_, err := conn.Exec(ctx, notify, mirror)
	return wrap("notify", err)
}

// Await returns nil when the mirror was notified of or the time is over; the cause of
// ctx when that ended, or the error of a connection that is lost.
//
// It waits by a deadline of the socket: a context that ends would have the server
// asked to cancel a query, and there is none.
func Await(ctx context.Context, conn *pgx.Conn, mirror string, atMost time.Duration) error {
	socket := conn.PgConn().Conn()
	if err := socket.SetReadDeadline(time.Now().Add(atMost)); err != nil {
		return fmt.Errorf("wait for a notification: %w", err)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = socket.SetReadDeadline(time.Now())
	})
	err := notified(conn, mirror)
	if !stop() {
		<-ended
	}
	_ = socket.SetReadDeadline(time.Time{}) // an error would be the next query's, too
	var slow net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &slow) && slow.Timeout():
		return nil
	}
	return wrap("wait for a notification", err)
}

// notified returns when the mirror was notified of, or with the socket's error.
func notified(conn *pgx.Conn, mirror string) error {
	for {
		n, err := conn.WaitForNotification(context.Background())
		if err != nil || n.Payload == mirror {
			return err
		}
	}
}

const want = `
	select pg_catalog.pg_advisory_lock_shared(1650553702, pg_catalog.hashtext($1)), pg_catalog.pg_notify('bascule', $1)`

const unwant = `
	select pg_catalog.pg_advisory_unlock_shared(1650553702, pg_catalog.hashtext($1)), pg_catalog.pg_notify('bascule', $1)`

const notify = `select pg_catalog.pg_notify('bascule', $1)`

const present = `select pg_catalog.pg_advisory_lock_shared(1650553703, pg_catalog.hashtext($1))`

// heldByOthers is a condition on pg_locks l: an advisory lock of the mirror $1 in
// this database, held by another session.
const heldByOthers = `
	l.locktype = 'advisory' and l.granted and l.pid <> pg_catalog.pg_backend_pid()
		and l.objid::bigint = pg_catalog.hashtext($1)::bigint & 4294967295
		and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())`

const isWanted = `
	select exists (select from pg_catalog.pg_locks l where l.classid = 1650553702 and ` + heldByOthers + `)`

const running = `
	select l.pid, coalesce(pg_catalog.host(a.client_addr), 'local'),
		exists (select from pg_catalog.pg_locks h
			where h.locktype = 'advisory' and h.granted and h.pid = l.pid and h.database = l.database
				and h.classid = 1650553700 and h.objid = l.objid) as holds
	from pg_catalog.pg_locks l
	left join pg_catalog.pg_stat_activity a on a.pid = l.pid
	where l.classid = 1650553703 and ` + heldByOthers + `
	order by holds desc, l.pid
	limit 1`

const look = `
	select coalesce((select generation from bascule.stream where mirror = $1), 0),
		coalesce((select phase from bascule.mirror where id = $1), ''),
		coalesce((select halt is not null from bascule.stream where mirror = $1), false),
		coalesce((select handed from bascule.stream where mirror = $1), false),
		exists (select from pg_catalog.pg_locks l where l.classid = 1650553702 and ` + heldByOthers + `)`
