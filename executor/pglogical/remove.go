package pglogical

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/slot"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// Remove takes away what the engine has made on either server: subscription and origin,
// slot, sets, nodes, and the extension where that is ours and nobody uses it any more. A
// side whose session is nil is not touched, and what is left there is returned as
// sentences. It may be repeated, and begins wherever something was left half-way.
func (e *Engine) Remove(ctx context.Context) (left []string, err error) {
	slotName, err := e.slotName(ctx)
	if err != nil {
		return nil, err
	}
	if e.target == nil {
		left = append(left, fmt.Sprintf("on the target of %s: pglogical's subscription %s; there, SELECT pglogical.drop_subscription('%[2]s')", e.label, e.subscription()))
	} else if err := e.removeTarget(ctx, slotName); err != nil {
		return left, fmt.Errorf("on the target: %w", err)
	}
	if e.source == nil {
		if e.cleaned {
			return left, nil
		}
		shown, named := "slot "+slotName, pgname.Literal(slotName)
		if slotName == "" {
			shown, named = "slot", fmt.Sprintf(slotNameThere, pgname.Literal(e.database), pgname.Literal(e.subscription()))
		}
		left = append(left, fmt.Sprintf("on the source of %s: pglogical's %s, which holds its WAL, and node %s; there, SELECT pg_drop_replication_slot(%s), then SELECT pglogical.drop_node('%[3]s')",
			e.label, shown, e.subscription(), named))
	} else if err := e.removeSource(ctx, slotName); err != nil {
		return left, fmt.Errorf("on the source: %w", err)
	}
	return left, nil
}

// slotName is that of the subscription. Where that is gone it is what the extension would
// call it, and "" where it is nowhere to be asked.
func (e *Engine) slotName(ctx context.Context) (string, error) {
	for _, conn := range []*pgx.Conn{e.target, e.source} {
		if conn == nil {
			continue
		}
		there, err := hasExtension(ctx, conn)
		if err != nil {
			return "", err
		}
		if !there {
			continue
		}
		if conn == e.target {
			s, err := e.subscribed(ctx)
			if err != nil {
				return "", err
			}
			if s != nil {
				return s.Slot, nil
			}
		}
		var name string
		node := e.subscription()
		if conn == e.source {
			local, err := localNode(ctx, conn)
			if err != nil {
				return "", err
			}
			if local != "" {
				node = local
			}
		}
		if e.target == nil {
			f := Found{Name: e.subscription()}
			if err := f.readSlots(ctx, conn, node); err != nil || len(f.Slots) > 0 {
				return strings.Join(f.Slots[:min(1, len(f.Slots))], ""), err
			}
		}
		if conn == e.source || e.source == nil {
			err := conn.QueryRow(ctx, generateSlotName, e.database, node, e.subscription()).Scan(&name)
			return name, err
		}
	}
	return "", nil
}

func (e *Engine) removeTarget(ctx context.Context, slotName string) error {
	there, err := hasExtension(ctx, e.target)
	if err != nil {
		return err
	}
	if there {
		s, err := e.stop(ctx)
		if err != nil {
			return err
		}
		if s != nil {
			if err := e.dropSubscription(ctx, s); err != nil {
				return err
			}
		}
	}
	// A subscription that went with its extension leaves its origin.
	if _, err := e.target.Exec(ctx, dropOrigin, slotName); err != nil {
		return fmt.Errorf("drop replication origin %s: %w", slotName, err)
	}
	if !there {
		return nil
	}
	return e.leaveNode(ctx, e.target)
}

// dropSubscription drops it with its origin, and its slot where the target's server
// reaches the source; otherwise that is dropped by us.
func (e *Engine) dropSubscription(ctx context.Context, s *catalog.PglogicalSubscription) error {
	err := pgx.BeginFunc(ctx, e.target, func(tx pgx.Tx) error {
		if err := session.Quiet(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, dropSubscription, s.Name)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop subscription %s: %w", s.Name, e.masked(err))
	}
	if e.source == nil {
		return nil
	}
	return e.dropSlot(ctx, s.Slot)
}

func (e *Engine) removeSource(ctx context.Context, slotName string) error {
	if err := e.dropSlot(ctx, slotName); err != nil {
		return err
	}
	there, err := hasExtension(ctx, e.source)
	if err != nil || !there {
		return err
	}
	node, err := localNode(ctx, e.source)
	if err != nil {
		return err
	}
	if node != "" {
		if err := e.emptySets(ctx, e.sets(node), node != e.subscription()); err != nil {
			return err
		}
	}
	return e.leaveNode(ctx, e.source)
}

// dropSlot drops pglogical's slot, if it is there, and waits for the walsender of a
// target that died.
func (e *Engine) dropSlot(ctx context.Context, name string) error {
	var last error
	err := e.waits(ctx, "drop slot "+name, func() (bool, error) {
		_, last = e.source.Exec(ctx, dropSlot, name)
		switch session.Code(last) {
		case "55006": // in use
			return false, nil
		case "42704": // gone meanwhile
			return true, nil
		}
		return true, last
	})
	if err != nil && last != nil {
		return fmt.Errorf("drop slot %s: %w", name, last)
	}
	return err
}

// emptySets takes all tables out of the mirror's sets, and what the extension has left on
// them. Sets of the mirror's own go.
func (e *Engine) emptySets(ctx context.Context, sets Sets, own bool) error {
	list, err := entries(ctx, e.source, sets)
	if err != nil {
		return err
	}
	out, _ := differ(list, nil)
	for _, x := range out {
		err := slot.Locking(ctx, e.source, "take "+x.shown+" out of its replication set", []uint32{x.oid}, func(tx pgx.Tx) error {
			if err := leave(ctx, tx, x); err != nil {
				return err
			}
			return dropTriggers(ctx, tx, x)
		})
		if err != nil {
			return err
		}
	}
	drop := []string{e.joined()}
	if own {
		drop = append(drop, sets.names()...)
	}
	for _, name := range drop {
		if _, err := e.source.Exec(ctx, dropSet, name); err != nil {
			return fmt.Errorf("drop replication set %s: %w", name, err)
		}
	}
	return nil
}

// dropTriggers drops the trigger by which the extension sends a TRUNCATE: it stays on a
// table that is in no set any more.
func dropTriggers(ctx context.Context, tx pgx.Tx, x entry) error {
	rows, err := tx.Query(ctx, selectTriggers, x.oid)
	if err != nil {
		return err
	}
	triggers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range triggers {
		if _, err := tx.Exec(ctx, fmt.Sprintf("drop trigger %s on %s", name, x.name)); err != nil {
			return err
		}
	}
	return nil
}

// leaveNode drops the database's node where it is one of ours that nobody uses, and then
// the extension if that is ours too.
func (e *Engine) leaveNode(ctx context.Context, conn *pgx.Conn) error {
	node, err := localNode(ctx, conn)
	if err != nil {
		return err
	}
	if node != "" && e.ours(node) {
		var used bool
		if err := conn.QueryRow(ctx, selectUsed).Scan(&used); err != nil || used {
			return err
		}
		if _, err := conn.Exec(ctx, dropNode, node); err != nil {
			return fmt.Errorf("drop node %s: %w", node, err)
		}
	}
	if e.keep {
		return nil
	}
	behind, err := Leave(ctx, conn)
	if len(behind) > 0 {
		e.note(fmt.Sprintf("extension pglogical stays for now: replication slots %s have yet to read past what it wrote", strings.Join(behind, ", ")))
	}
	return err
}

// ours reports whether a node's name is one that this mirror, or another of ours, gives.
func (e *Engine) ours(node string) bool {
	return node == e.subscription() || node == e.targetNode() || strings.HasPrefix(node, slot.Prefix) && slot.Named(node)
}

const (
	generateSlotName = `select pglogical.pglogical_gen_slot_name($1, $2, $3)::text`

	// What the extension of the source calls it, in SQL.
	slotNameThere = `pglogical.pglogical_gen_slot_name(%s, (SELECT node_name FROM pglogical.local_node JOIN pglogical.node USING (node_id)), %s)`

	dropSubscription = `select pglogical.drop_subscription($1, true)`

	dropNode = `select pglogical.drop_node($1, true)`

	dropOrigin = `
		select pg_catalog.pg_replication_origin_drop(roname)
		from pg_catalog.pg_replication_origin
		where roname = $1`

	dropSlot = `
		select pg_catalog.pg_drop_replication_slot(slot_name)
		from pg_catalog.pg_replication_slots
		where slot_name = $1 and plugin = 'pglogical_output' and database = pg_catalog.current_database()`

	selectTriggers = `
		select pg_catalog.quote_ident(t.tgname)
		from pg_catalog.pg_trigger t
		where t.tgrelid = $1 and t.tgfoid = 'pglogical.queue_truncate()'::regprocedure
			and not exists (select from pglogical.replication_set_table s where s.set_reloid = t.tgrelid)
		order by t.tgname`

	// A node is used by subscriptions of either direction, and by tables that somebody has
	// put into a set.
	selectUsed = `
		select exists (select from pglogical.subscription)
			or exists (select from pglogical.replication_set_table)
			or exists (select from pglogical.replication_set_seq)
			or exists (select from pg_catalog.pg_replication_slots
				where plugin = 'pglogical_output' and database = pg_catalog.current_database())`
)
