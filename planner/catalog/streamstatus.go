package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// SourceNow is where a source stands, for saying how far a stream is behind it.
type SourceNow struct {
	Clock time.Time
	End   LSN // of its WAL

	Slots   []Slot
	Senders []StreamSender
}

// StreamSender is a walsender that streams. LSNs that the role may not see are 0.
type StreamSender struct {
	PID         int32
	Application string
	State       string // startup, catchup, streaming

	// Sent is how far the server has sent. Received is what its client says to have
	// taken in, Flushed what it acknowledged.
	Sent, Received, Flushed LSN

	// FlushLag is how long it took until what the client last acknowledged newly was
	// acknowledged; nil where that is not known.
	FlushLag *time.Duration

	// Replied is when the client was last heard of; zero for never.
	Replied time.Time
}

// Slot returns the slot of this name, or nil.
func (s *SourceNow) Slot(name string) *Slot {
	for i := range s.Slots {
		if s.Slots[i].Name == name {
			return &s.Slots[i]
		}
	}
	return nil
}

// Sender returns the walsender of a session, or nil.
func (s *SourceNow) Sender(pid int32) *StreamSender {
	for i := range s.Senders {
		if s.Senders[i].PID == pid {
			return &s.Senders[i]
		}
	}
	return nil
}

// ReadSourceNow reads it. It needs no transaction and takes no lock.
func ReadSourceNow(ctx context.Context, conn *pgx.Conn) (*SourceNow, error) {
	s := new(SourceNow)
	var err error
	if s.Slots, _, err = ReadSlots(ctx, conn); err == nil {
		s.Senders, err = readStreamSenders(ctx, conn)
	}
	if err == nil { // last: a reading may not seem to be ahead of its source
		err = conn.QueryRow(ctx, selectSourceEnd).Scan(&s.Clock, &s.End)
	}
	if err != nil {
		return nil, fmt.Errorf("read the source's replication: %w", err)
	}
	return s, nil
}

func readStreamSenders(ctx context.Context, conn *pgx.Conn) ([]StreamSender, error) {
	rows, err := conn.Query(ctx, selectStreamSenders)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s StreamSender, err error) {
		var replied *time.Time
		err = row.Scan(&s.PID, &s.Application, &s.State, &s.Sent, &s.Received, &s.Flushed, &s.FlushLag, &replied)
		if replied != nil {
			s.Replied = *replied
		}
		return s, err
	})
}

// MirrorLock is one of the advisory locks by which processes that work on a mirror
// find each other.
type MirrorLock struct {
	Mirror      string // its ID in the ledger
	Kind        string // one of the constants below
	PID         int32
	Client      string // its address; "local" over a socket
	Application string
}

// Kinds of a MirrorLock.
const (
	LockLease  = "lease"  // works on it
	LockWant   = "want"   // wants it from a runner
	LockRunner = "runner" // a runner that is alive, whether it works on it or waits
)

// ReadMirrorLocks returns the locks of mirrors in the connection's database, and what
// the server's clock says.
func ReadMirrorLocks(ctx context.Context, conn *pgx.Conn, mirrors []string) (list []MirrorLock, clock time.Time, err error) {
	rows, err := conn.Query(ctx, selectMirrorLocks, mirrors)
	if err == nil {
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[MirrorLock])
	}
	if err == nil {
		err = conn.QueryRow(ctx, selectClock).Scan(&clock)
	}
	if err != nil {
		return nil, clock, fmt.Errorf("read who works on mirrors: %w", err)
	}
	return list, clock, nil
}

// Activity is what one session of this program does on a server, in any database.
// Sessions of another role show no more than their pid and name.
type Activity struct {
	PID         int32
	Application string
	Database    string // "" for a walsender that is not of one
	User        string
	State       string // active, idle, idle in transaction
	Query       string // its first 80 characters, in one line

	// Since is when the state began, or the query where it is active.
	Since time.Time

	Waiting   string // type and name of what it waits for, or ""
	BlockedBy []int32
}

// ReadActivity returns the sessions of this program on the server, by pid.
func ReadActivity(ctx context.Context, conn *pgx.Conn) ([]Activity, error) {
	rows, err := conn.Query(ctx, selectActivity)
	if err != nil {
		return nil, fmt.Errorf("read our sessions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a Activity, err error) {
		var since *time.Time
		err = row.Scan(&a.PID, &a.Application, &a.Database, &a.User, &a.State, &a.Query, &since, &a.Waiting, &a.BlockedBy)
		if since != nil {
			a.Since = *since
		}
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("read our sessions: %w", err)
	}
	return list, nil
}

const (
	selectSourceEnd = `
		select pg_catalog.clock_timestamp(), (case when pg_catalog.pg_is_in_recovery()
			then coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
			else pg_catalog.pg_current_wal_lsn() end)::text`

	selectClock = `select pg_catalog.clock_timestamp()`

	selectStreamSenders = `
		select pid, coalesce(application_name, ''), coalesce(state, ''), sent_lsn::text, write_lsn::text, flush_lsn::text,
			flush_lag, reply_time
		from pg_catalog.pg_stat_replication
		order by pid`

	// The numbers are those that executor/ledger locks.
	selectMirrorLocks = `
		select m.id, k.kind, l.pid, coalesce(pg_catalog.host(a.client_addr), 'local'), coalesce(a.application_name, '')
		from pg_catalog.unnest($1::text[]) m(id)
		cross join (values (1650553700, 'lease'), (1650553702, 'want'), (1650553703, 'runner')) k(class, kind)
		join pg_catalog.pg_locks l on l.locktype = 'advisory' and l.granted and l.classid::bigint = k.class
			and l.objid::bigint = pg_catalog.hashtext(m.id)::bigint & 4294967295
			and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
		left join pg_catalog.pg_stat_activity a on a.pid = l.pid
		order by m.id, k.kind, l.pid`

	selectActivity = `
		select a.pid, a.application_name, coalesce(a.datname, ''), coalesce(a.usename, ''), coalesce(a.state, ''),
			pg_catalog.left(pg_catalog.regexp_replace(coalesce(a.query, ''), '\s+', ' ', 'g'), 80),
			case a.state when 'active' then a.query_start else a.state_change end,
			coalesce(a.wait_event_type || ': ' || a.wait_event, ''), pg_catalog.pg_blocking_pids(a.pid)
		from pg_catalog.pg_stat_activity a
		where a.application_name like 'bascule/%' and a.pid <> pg_catalog.pg_backend_pid()
		order by a.pid`
)
