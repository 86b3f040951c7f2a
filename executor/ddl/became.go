package ddl

import (
	"context"
	"fmt"
	"time"

	"bascule/planner/session"
)

// What became of a transaction.
const (
	Committed = "committed"
	Aborted   = "aborted"

	// Unknown: it is so old that the server has forgotten, or of another timeline.
	Unknown = "unknown"
)

// Times for the end of a session.
const (
	endTime = 30 * time.Second
	endPoll = 100 * time.Millisecond
)

// Became returns what became of the transaction with this xid, as pg_current_xact_id
// wrote it: Committed, Aborted or Unknown. One that still runs belongs to a process
// that died: its session is ended, and waited for.
func (s Source) Became(ctx context.Context, xid string) (string, error) {
	for deadline := time.Now().Add(endTime); ; {
		var status *string
		err := s.Control.QueryRow(ctx, xactStatus, xid).Scan(&status)
		switch {
		case session.Code(err) == "22023", err == nil && status == nil:
			return Unknown, nil
		case err != nil:
			return "", fmt.Errorf("ask what became of transaction %s: %w", xid, err)
		case *status == Committed, *status == Aborted:
			return *status, nil
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("transaction %s of a killed apply still runs on the source", xid)
		}
		if _, err := s.Control.Exec(ctx, endXact, xid); err != nil {
			return "", fmt.Errorf("end transaction %s of a killed apply: %w", xid, err)
		}
		if err := session.Pause(ctx, endPoll); err != nil {
			return "", err
		}
	}
}

const (
	xactStatus = `select pg_catalog.pg_xact_status($1::text::xid8)`

	// Only a session of ours runs a transaction that a ledger names.
	endXact = `
		select pg_catalog.pg_terminate_backend(a.pid)
		from pg_catalog.pg_stat_activity a
		where a.backend_xid = $1::text::xid8::xid and a.datname = pg_catalog.current_database()
			and a.application_name like 'bascule%' and a.pid <> pg_catalog.pg_backend_pid()`
)
