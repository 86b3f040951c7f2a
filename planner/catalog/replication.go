package catalog

import (
	"time"

	"github.com/jackc/pgx/v5"
)

// Sender is a session of the server that sends WAL: a standby's, a logical stream's, a
// base backup's.
type Sender struct {
	PID         int32
	Application string

	// Client is its address, "" where it is local or the role may not know it.
	Client string
}

// WALRate is how much WAL a server writes.
type WALRate struct {
	// Bytes written since Since, which was Span ago. Span is 0 where the server does not
	// count (before 14).
	Bytes int64
	Since time.Time
	Span  time.Duration
}

func (r *reader) senders() question {
	return question{about: "sessions that send WAL", sql: selectSenders, row: func(rows pgx.Rows) error {
		var s Sender
		err := rows.Scan(&s.PID, &s.Application, &s.Client)
		r.db.Senders = append(r.db.Senders, s)
		return err
	}}
}

func (r *reader) walRate() question {
	return question{about: "the rate of WAL", sql: selectWALRate, row: func(rows pgx.Rows) error {
		var seconds float64
		err := rows.Scan(&r.db.WAL.Bytes, &r.db.WAL.Since, &seconds)
		r.db.WAL.Since = r.db.WAL.Since.UTC()
		r.db.WAL.Span = time.Duration(seconds * float64(time.Second))
		return err
	}}
}

const (
	selectSenders = `
		select r.pid, coalesce(r.application_name, ''), coalesce(pg_catalog.host(r.client_addr), '')
		from pg_catalog.pg_stat_replication r
		order by r.pid`

	selectWALRate = `
		select wal_bytes::bigint, stats_reset, extract(epoch from pg_catalog.now() - stats_reset)::float8
		from pg_catalog.pg_stat_wal
		where stats_reset is not null`
)
