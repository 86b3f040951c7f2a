package pglogical

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/slot"
)

// ensureProvider makes the node of the source, and the mirror's own sets where the node
// is not its own.
func (e *Engine) ensureProvider(ctx context.Context) (sets Sets, err error) {
	// By itself: its tables have to be there for everybody before anything is written to
	// them, for who decodes that looks for them as they are.
	if err = pgx.BeginFunc(ctx, e.source, func(tx pgx.Tx) error { return ensureExtension(ctx, tx) }); err != nil {
		return Sets{}, fmt.Errorf("prepare the source: %w", err)
	}
	err = pgx.BeginFunc(ctx, e.source, func(tx pgx.Tx) error {
		node, err := localNode(ctx, tx)
		if err != nil {
			return err
		}
		if node == "" {
			node = e.subscription()
			// Nobody connects by this: subscribers bring what they connect with.
			if _, err := tx.Exec(ctx, createNode, node, "dbname="+quotedValue(e.source.Config().Database)); err != nil {
				return fmt.Errorf("create node %s: %w", node, err)
			}
		}
		sets = e.sets(node)
		return ensureSets(ctx, tx, sets)
	})
	if err != nil {
		return Sets{}, fmt.Errorf("prepare the source: %w", err)
	}
	return sets, nil
}

func ensureSets(ctx context.Context, tx pgx.Tx, sets Sets) error {
	for _, s := range []struct {
		name   string
		change bool // UPDATE and DELETE are sent too
	}{{sets.All, true}, {sets.Inserts, false}} {
		if _, err := tx.Exec(ctx, createSet, s.name, s.change); err != nil {
			return fmt.Errorf("create replication set %s: %w", s.name, err)
		}
	}
	return nil
}

// setMembers makes the sets have exactly these members, and reports whether the slot has
// to be moved behind that.
func (e *Engine) setMembers(ctx context.Context, sets Sets, members []ledger.Member) (owed bool, err error) {
	wanted, err := e.wanted(ctx, e.source, sets, members)
	if err != nil {
		return false, err
	}
	now, err := entries(ctx, e.source, sets)
	if err != nil {
		return false, err
	}
	leaving, joining := differ(now, wanted)
	for _, x := range leaving {
		err := slot.Locking(ctx, e.source, "take "+x.shown+" out of its replication set", []uint32{x.oid}, func(tx pgx.Tx) error {
			if err := e.owe(ctx, tx); err != nil {
				return err
			}
			if err := lock(ctx, tx, x); err != nil {
				return err
			}
			if err := leave(ctx, tx, x); err != nil {
				return err
			}
			w, stays := wanted[x.oid]
			if !stays {
				return nil
			}
			return join(ctx, tx, w)
		})
		if err != nil {
			return false, err
		}
	}
	for _, x := range joining {
		if _, done := now[x.oid]; done {
			continue
		}
		err := slot.Locking(ctx, e.source, "put "+x.shown+" into its replication set", []uint32{x.oid}, func(tx pgx.Tx) error {
			if err := e.owe(ctx, tx); err != nil {
				return err
			}
			if err := lock(ctx, tx, x); err != nil {
				return err
			}
			return join(ctx, tx, x)
		})
		if err != nil {
			return false, err
		}
	}
	err = e.source.QueryRow(ctx, hasSet, e.joined()).Scan(&owed)
	return owed, err
}

// lock waits for those who write to a table that joins or leaves: of what they wrote
// before it joins nothing would be sent, and of what they wrote before it leaves
// everything, though they commit behind that. The extension takes the same lock itself,
// but only where it makes the table's trigger.
func lock(ctx context.Context, tx pgx.Tx, x entry) error {
	_, err := tx.Exec(ctx, "lock table only "+x.name+" in share row exclusive mode")
	return err
}

// owe notes that the slot has to be moved. Where the slot is moved to is then behind a
// commit that is on the disk.
func (e *Engine) owe(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, commitDurably); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, createSet, e.joined(), false)
	return err
}

// moveSlot moves the slot behind the last change of the sets. What is before must come
// by other means, so that it is refused to go on from there.
func (e *Engine) moveSlot(ctx context.Context, name string) error {
	if _, err := e.source.Exec(ctx, advanceSlot, name); err != nil {
		return fmt.Errorf("move slot %s: %w", name, err)
	}
	_, err := e.source.Exec(ctx, dropSet, e.joined())
	return err
}

// quotedValue is a value of a connection string.
func quotedValue(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// waitOut waits for the transactions that would hold up the slot that is to be made.
func (e *Engine) waitOut(ctx context.Context) error {
	return slot.WaitOut(ctx, e.source, e.note)
}

const (
	hasSet = `
		select exists (select from pglogical.replication_set s
			join pglogical.local_node l on l.node_id = s.set_nodeid where s.set_name = $1)`

	createSet = `
		select pglogical.create_replication_set($1::text, true, $2::boolean, $2::boolean, true)
		where not exists (select from pglogical.replication_set s
			join pglogical.local_node l on l.node_id = s.set_nodeid where s.set_name = $1::text)`

	dropSet = `
		select pglogical.drop_replication_set($1::text, true)`

	advanceSlot = `select pg_catalog.pg_replication_slot_advance($1, pg_catalog.pg_current_wal_flush_lsn())`
)
