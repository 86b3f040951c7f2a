package pglogical

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
)

// RunDDL runs a command on the source, within an open transaction, and queues it for the
// subscriptions of these sets, at this place among the rows. On a target it is run by the
// role of the same name. It is tagged with the id, which Applied looks for.
//
// What a command sets for its session is put back here, on the source; in the worker of a
// target it stays until that ends.
func (e *Engine) RunDDL(ctx context.Context, tx pgx.Tx, id, command string, sets []string) error {
	var path, timeout string
	if err := tx.QueryRow(ctx, selectSession).Scan(&path, &timeout); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, replicateDDL, tag(id)+" "+command, sets); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, resetSession, path, timeout)
	return err
}

// tag is what a command is known by on the subscriber.
func tag(id string) string { return "/* bascule:" + strings.ReplaceAll(id, "*/", "* /") + " */" }

// SetsOf are the sets whose subscribers a command has to reach: those that its tables are
// in, or both of the mirror's where none is in any, as for a table that it makes.
func (e *Engine) SetsOf(ctx context.Context, q queryer, tables []uint32) ([]string, error) {
	sets, err := e.Sets(ctx, q)
	if err != nil {
		return nil, err
	}
	now, err := entries(ctx, q, sets)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, oid := range tables {
		if x, ok := now[oid]; ok {
			found[x.set] = true
		}
	}
	var list []string
	for _, name := range sets.names() {
		if found[name] || len(found) == 0 {
			list = append(list, name)
		}
	}
	return list, nil
}

// Applied reports whether the command with this id has been run on the target.
func (e *Engine) Applied(ctx context.Context, id string) (done bool, err error) {
	if err := e.target.QueryRow(ctx, selectQueued, tag(id)).Scan(&done); err != nil {
		return false, fmt.Errorf("look for %s in pglogical's queue: %w", id, err)
	}
	return done, nil
}

// Queued reports whether the source has queued the command with this id for the mirror's
// subscription. One that it ran without that is not brought by it.
func (e *Engine) Queued(ctx context.Context, id string) (done bool, err error) {
	sets, err := e.Sets(ctx, e.source)
	if err != nil {
		return false, err
	}
	if err := e.source.QueryRow(ctx, selectQueuedFor, tag(id), sets.names()).Scan(&done); err != nil {
		return false, fmt.Errorf("look for %s in the source's queue of pglogical: %w", id, err)
	}
	return done, nil
}

// Reached reports whether all that committed before lsn on the source is on the target.
func (e *Engine) Reached(ctx context.Context, lsn catalog.LSN) (bool, error) {
	s, err := e.subscribed(ctx)
	if err != nil || s == nil {
		return false, err
	}
	at, err := e.position(ctx, s.Slot)
	return at >= lsn, err
}

// Alive reports whether the subscription's worker runs.
func (e *Engine) Alive(ctx context.Context) (bool, error) {
	s, err := e.subscribed(ctx)
	return err == nil && s != nil && s.PID != 0, err
}

// Kick has a worker that is down try again at once, and not after three minutes. In the
// first five seconds after it went down the server does not.
func (e *Engine) Kick(ctx context.Context) error { return e.kick(ctx) }

// Down is the error of something that did not come to an end because the worker is down,
// with the causes that were found.
func (e *Engine) Down(ctx context.Context, doing string) error {
	return e.downed(ctx, doing, nil)
}

// Skip says how an operator gets past a transaction that can never be applied: it is lost
// for the target, all of it. "" where the subscription applies nothing.
func (e *Engine) Skip(ctx context.Context) (string, error) {
	s, err := e.subscribed(ctx)
	if err != nil || s == nil || len(s.Sets) == 0 {
		return "", err
	}
	return fmt.Sprintf(skip, s.Name, s.Slot), nil
}

const (
	replicateDDL = `select pglogical.replicate_ddl_command($1, $2::text[])`

	selectSession = `select pg_catalog.current_setting('search_path'), pg_catalog.current_setting('lock_timeout')`

	resetSession = `
		select pg_catalog.set_config('role', 'none', true), pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('lock_timeout', $2, true)`

	// The message is a JSON string, in which a tag is written as it is.
	selectQueued = `
		select exists (select from pglogical.queue where message_type = 'Q' and pg_catalog.strpos(message::text, $1) > 0)`

	selectQueuedFor = `
		select exists (select from pglogical.queue
			where message_type = 'Q' and pg_catalog.strpos(message::text, $1) > 0 and replication_sets && $2::text[])`

	// The LSN in the log is the transaction's commit; the next position is behind it.
	skip = `The server's log on the target has a line "apply ... in commit before X" with the LSN X of the transaction. To pass over that whole transaction, on the target:
SELECT pglogical.alter_subscription_disable('%[1]s', true);
SELECT pg_replication_origin_advance('%[2]s', 'X'::pg_lsn + 1);
SELECT pglogical.alter_subscription_enable('%[1]s', true);
Its rows are missing on the target from then on: copy its tables again with -replace.`
)
