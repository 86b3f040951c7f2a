package session

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
)

// Trying ends by itself on the server; the slack is for what comes of that to get here.
const (
	tryPatience = 30 * time.Second
	trySlack    = 5 * time.Second
)

// Try has the server of conn connect the way that r is, for replication, and is nil when
// it got in. It is CREATE SUBSCRIPTION, in a transaction that is rolled back: neither
// server keeps anything, nor is a password in a log or in an error. While it takes,
// nobody can drop a subscription there.
//
// Whether it is the right database that answers is not seen by this. A role that may not
// make subscriptions gets 42501 without anything having been tried. An answer that does
// not come is a *SilentError.
func (r Reach) Try(ctx context.Context, conn *pgx.Conn) error {
	r.Patience = cmp.Or(r.Patience, tryPatience)
	limited, cancel := context.WithTimeout(ctx, r.Patience+trySlack)
	defer cancel()
	err := r.try(limited, conn)
	if ctx.Err() == nil && (Code(err) == "57014" || limited.Err() != nil) {
		return &SilentError{Endpoint: r.Endpoint, After: r.Patience}
	}
	return r.Masked(err)
}

func (r Reach) try(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	err = r.subscribe(ctx, tx)
	// It must go also after a cancel; without a rollback the session goes.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), trySlack)
	defer cancel()
	if back := tx.Rollback(clean); err == nil && back != nil {
		return fmt.Errorf("roll back the subscription that was tried: %w", back)
	}
	return err
}

// subscribe names a publication that does not exist, of which the server warns: of one
// that does it would ask for the tables, which need not be there yet.
func (r Reach) subscribe(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, limitTry, fmt.Sprint(r.Patience.Milliseconds())); err != nil {
		return err
	}
	name := pgname.Quote(fmt.Sprintf("bascule_try_%d", tx.Conn().PgConn().PID()))
	return ReachingBetween(ctx, tx, r.Info, "create subscription "+name+" connection ", " publication "+name+tryOptions)
}

// SilentError reports that a server, which was asked to connect to another, did not come
// back with an answer.
type SilentError struct {
	Endpoint string // where it looked: host:port/database
	After    time.Duration
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("no answer from %s within %v", e.Endpoint, e.After)
}

// Hint says what the operator can do about it.
func (e *SilentError) Hint() string {
	return "a firewall that drops what it does not let through looks like this, and so does a host that is off, or a port on which something else listens"
}

const (
	limitTry = `select pg_catalog.set_config('statement_timeout', $1, true)`

	tryOptions = ` with (connect = true, create_slot = false, enabled = false, copy_data = false, slot_name = none)`
)
