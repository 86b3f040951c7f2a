package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
)

// Format is the version of the ledger's tables that this build reads and writes.
const Format = catalog.LedgerFormat

// FormatError reports a ledger made by a newer build.
type FormatError struct{ Found int }

func (e *FormatError) Error() string {
	return fmt.Sprintf("schema bascule has format %d, this build knows formats up to %d", e.Found, Format)
}

// Hint says what the operator can do about it.
func (e *FormatError) Hint() string { return "use the newer build that wrote it" }

// ID is a mirror's key in the ledger.
func ID(lineage, address string) string { return lineage[:min(8, len(lineage))] + "/" + address }

// Ensure creates the ledger where it is missing and checks its format. Mirrors
// that start at once on one target may call it together.
func Ensure(ctx context.Context, conn *pgx.Conn) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockLedger); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, createLedger); err != nil {
			return err
		}
		var format int
		if err := tx.QueryRow(ctx, readFormat).Scan(&format); err != nil {
			return err
		}
		if format > Format {
			return &FormatError{Found: format}
		}
		return addColumns(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// Mirror is what Begin records.
type Mirror struct {
	ID, Address, Lineage, Digest string
}

// Begin records that an attempt at the mirror begins and returns its number, from 1.
func Begin(ctx context.Context, conn *pgx.Conn, m Mirror) (int, error) {
	var attempt int
	err := conn.QueryRow(ctx, beginMirror, m.ID, m.Address, m.Lineage, m.Digest).Scan(&attempt)
	if err != nil {
		return 0, fmt.Errorf("ledger: begin %q: %w", m.ID, err)
	}
	return attempt, nil
}

// SetError records why the mirror stopped; "" clears it.
func SetError(ctx context.Context, conn *pgx.Conn, mirror, text string) error {
	_, err := conn.Exec(ctx, setError, mirror, text)
	return wrap("set error", err)
}

// Finish records that a one-off mirror is complete and deletes what was only
// needed to go on after a crash.
func Finish(ctx context.Context, conn *pgx.Conn, mirror string) error {
	return wrap("finish", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, sql := range []string{dropChunks, dropObjects, finishMirror} {
			if _, err := tx.Exec(ctx, sql, mirror); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Adopt takes over the mirror's complete record under a new lineage, after the state
// file was lost. What is recorded of its tables and its stream stays as it is.
func Adopt(ctx context.Context, conn *pgx.Conn, m Mirror, from string) error {
	if m.ID == from {
		return nil // the state alone did not know of it
	}
	return wrap("adopt", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, adoptMirror, m.ID, m.Lineage, from); err != nil {
			return err
		}
		for _, table := range adoptRecords {
			if _, err := tx.Exec(ctx, "update bascule."+table+" set mirror = $1 where mirror = $2", m.ID, from); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, removeMirror, from)
		return err
	}))
}

// Remove deletes the mirror's records, and the whole schema with the last mirror.
// It does nothing when there is no ledger.
func Remove(ctx context.Context, conn *pgx.Conn, mirror string) error {
	return wrap("remove", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockLedger); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, ledgerThere).Scan(&there); err != nil || !there {
			return err
		}
		if _, err := tx.Exec(ctx, removeMirror, mirror); err != nil {
			return err
		}
		var left int
		if err := tx.QueryRow(ctx, countMirrors).Scan(&left); err != nil || left > 0 {
			return err
		}
		_, err := tx.Exec(ctx, dropLedger)
		return err
	}))
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("ledger: %s: %w", what, err)
	}
	return nil
}

const lockLedger = `select pg_catalog.pg_advisory_xact_lock(1650553699, 1)`

const readFormat = `select format from bascule.ledger`

const beginMirror = `
	with complete as ( -- what a whole copy before this one filled says nothing of this one
		delete from bascule.relation
		where mirror = $1 and exists (select from bascule.mirror where id = $1 and phase = 'copied'))
	insert into bascule.mirror as m (id, address, lineage, digest, phase, attempt)
	values ($1, $2, $3, $4, 'schema', 1)
	on conflict (id) do update set digest = excluded.digest, phase = 'schema',
		attempt = m.attempt + 1, error = '', finished = null, updated = pg_catalog.now()
	returning attempt`

const setError = `
	update bascule.mirror set error = $2, updated = pg_catalog.now() where id = $1`

const dropChunks = `delete from bascule.chunk where mirror = $1`

const dropObjects = `delete from bascule.object where mirror = $1`

const finishMirror = `
	update bascule.mirror
	set phase = 'copied', error = '', finished = pg_catalog.now(), updated = pg_catalog.now()
	where id = $1`

const adoptMirror = `
	insert into bascule.mirror (id, address, lineage, digest, phase, attempt, objects_total, started, updated, finished)
	select $1, address, $2, digest, phase, attempt, objects_total, started, pg_catalog.now(), finished
	from bascule.mirror where id = $3`

// adoptRecords are all that refer to a mirror, but the parts of a copy under way.
var adoptRecords = []string{"relation", "object", "stream", "position", "member", "part", "ddl"}

const ledgerThere = `select pg_catalog.to_regclass('bascule.mirror') is not null`

const removeMirror = `delete from bascule.mirror where id = $1`

const countMirrors = `select pg_catalog.count(*) from bascule.mirror`

const dropLedger = `drop schema bascule cascade`
