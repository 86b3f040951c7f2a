package pglogical

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// ensureSubscriber makes the node of the target and the subscription, with no sets, and
// returns the name of the slot that it reads from.
func (e *Engine) ensureSubscriber(ctx context.Context) (string, error) {
	there, err := e.reusable(ctx)
	if err != nil {
		return "", err
	}
	if !there {
		if err := e.waitOut(ctx); err != nil {
			return "", err
		}
	}
	var name string
	err = pgx.BeginFunc(ctx, e.target, func(tx pgx.Tx) error {
		if err := session.Quiet(ctx, tx); err != nil {
			return err
		}
		if err := ensureExtension(ctx, tx); err != nil {
			return err
		}
		node, err := localNode(ctx, tx)
		if err != nil {
			return err
		}
		if node == "" {
			if err := session.Reaching(ctx, tx, e.subscriber, fmt.Sprintf(createNodeAt, pgname.Literal(e.targetNode()))); err != nil {
				return fmt.Errorf("create node %s: %w", e.targetNode(), e.masked(err))
			}
		}
		if there {
			err = e.reconnect(ctx, tx)
		} else {
			err = session.Reaching(ctx, tx, e.provider, fmt.Sprintf(createSubscription, pgname.Literal(e.subscription())))
		}
		if err != nil {
			return fmt.Errorf("subscription %s: %w", e.subscription(), e.masked(err))
		}
		return tx.QueryRow(ctx, selectSlotName, e.subscription()).Scan(&name)
	})
	if err != nil {
		return "", fmt.Errorf("prepare the target: %w", err)
	}
	return name, nil
}

// reusable reports whether there is a subscription that can go on. One whose slot is gone
// or lost cannot, and is dropped.
func (e *Engine) reusable(ctx context.Context) (bool, error) {
	s, err := e.subscribed(ctx)
	if err != nil || s == nil {
		return false, err
	}
	slots, _, err := catalog.ReadSlots(ctx, e.source)
	if err != nil {
		return false, err
	}
	for _, x := range slots {
		if x.Name == s.Slot && x.WALStatus != "lost" {
			return true, nil
		}
	}
	if !s.Synced { // its worker has not made the slot yet
		return true, nil
	}
	e.note(fmt.Sprintf("pglogical's slot %s is gone from the source: the subscription is made anew", s.Slot))
	return false, e.dropSubscription(ctx, s)
}

// reconnect has the subscription connect as we are told now, where that has changed: a
// new password, or another address.
func (e *Engine) reconnect(ctx context.Context, tx pgx.Tx) error {
	var node, was, next string
	var same bool
	if err := tx.QueryRow(ctx, selectInterface, e.subscription(), e.provider.Reveal()).Scan(&node, &was, &next, &same); err != nil || same {
		return err
	}
	if err := session.Reaching(ctx, tx, e.provider, fmt.Sprintf(addInterface, pgname.Literal(node), pgname.Literal(next))); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, useInterface, e.subscription(), next); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, dropInterface, node, was)
	return err
}

// subscribed is the subscription as it is, nil where there is none.
func (e *Engine) subscribed(ctx context.Context) (*catalog.PglogicalSubscription, error) {
	p, err := catalog.ReadPglogical(ctx, e.target)
	if err != nil || p == nil {
		return nil, err
	}
	if !p.Readable {
		return nil, fmt.Errorf("the role may not read the tables of schema pglogical on the target")
	}
	return p.Subscription(e.subscription()), nil
}

// awaitSlot has the subscription's worker make the slot, if it has not yet.
func (e *Engine) awaitSlot(ctx context.Context, name string) error {
	s, err := e.subscribed(ctx)
	if err != nil || s == nil || s.Synced {
		return err
	}
	doing := "have the subscription's worker make slot " + name
	if err := e.kick(ctx); err != nil {
		return err
	}
	for range waitsForSlot {
		alive, looked := false, time.Now()
		err = e.waits(ctx, doing, func() (bool, error) {
			s, err := e.subscribed(ctx)
			alive = err == nil && s != nil && s.PID != 0
			if alive && !s.Synced && time.Since(looked) > heldUp {
				// It waits for transactions of the source that began before it, as whoever
				// makes a slot does: who they are is told.
				err = e.waitOut(ctx)
				looked = time.Now()
			}
			return alive && s.Synced, err
		})
		if err == nil || !alive || ctx.Err() != nil {
			break
		}
	}
	return e.down(ctx, doing, err)
}

const (
	// waitsForSlot is how often a worker that lives is waited for.
	waitsForSlot = 5

	// heldUp is how long a worker takes for a slot at most that waits for nobody.
	heldUp = 2 * time.Second
)

// kick enables the subscription, and starts its worker at once.
func (e *Engine) kick(ctx context.Context) error {
	if _, err := e.target.Exec(ctx, enable, e.subscription()); err != nil {
		return fmt.Errorf("enable subscription %s: %w", e.subscription(), err)
	}
	return nil
}

// gone is how many looks in a row must find no worker: one that was being started while
// the subscription was disabled still comes, and is ended by the manager.
const gone = 5

// stop ends the subscription's worker, and waits until it is gone from both servers.
func (e *Engine) stop(ctx context.Context) (*catalog.PglogicalSubscription, error) {
	s, err := e.subscribed(ctx)
	if err != nil || s == nil {
		return nil, err
	}
	looks := 1
	if s.Enabled {
		looks = gone
		if _, err := e.target.Exec(ctx, disable, e.subscription()); err != nil {
			return nil, fmt.Errorf("disable subscription %s: %w", e.subscription(), err)
		}
	}
	free := 0
	err = e.waits(ctx, "wait until subscription "+e.subscription()+" has stopped", func() (bool, error) {
		now, err := e.subscribed(ctx)
		if err != nil || now == nil || now.PID != 0 {
			free = 0
			return false, err
		}
		if active, err := e.slotActive(ctx, now.Slot); err != nil || active {
			free = 0
			return false, err
		}
		free++
		s = now
		return free >= looks, nil
	})
	return s, err
}

// slotActive reports whether somebody reads the slot. Where the source cannot be reached
// nobody is known to.
func (e *Engine) slotActive(ctx context.Context, name string) (active bool, err error) {
	if e.source == nil {
		return false, nil
	}
	err = e.source.QueryRow(ctx, selectActive, name).Scan(&active)
	return active, err
}

// confirmed is what the slot's reader has confirmed; 0 where there is no slot.
func (e *Engine) confirmed(ctx context.Context, name string) (at catalog.LSN, err error) {
	err = e.source.QueryRow(ctx, selectConfirmed, name).Scan(&at)
	return at, err
}

// applied is how far the subscription has applied what it was sent, made durable.
func (e *Engine) applied(ctx context.Context, name string) (at catalog.LSN, err error) {
	err = e.target.QueryRow(ctx, selectApplied, name).Scan(&at)
	return at, err
}

const (
	createNodeAt = `select pglogical.create_node(%s, $1)`

	createSubscription = `
		select pglogical.create_subscription(subscription_name := %s, provider_dsn := $1, replication_sets := '{}',
			synchronize_structure := false, synchronize_data := false, forward_origins := '{}')`

	selectSlotName = `select sub_slot_name::text from pglogical.subscription where sub_name = $1`

	// The next interface's name is none that there is.
	selectInterface = `
		select n.node_name::text, i.if_name::text, $1 || '_' || (select pg_catalog.max(if_id::bigint) from pglogical.node_interface), i.if_dsn = $2
		from pglogical.subscription s
		join pglogical.node n on n.node_id = s.sub_origin
		join pglogical.node_interface i on i.if_id = s.sub_origin_if
		where s.sub_name = $1`

	addInterface  = `select pglogical.alter_node_add_interface(%s, %s, $1)`
	useInterface  = `select pglogical.alter_subscription_interface($1, $2)`
	dropInterface = `
		select pglogical.alter_node_drop_interface(n.node_name, i.if_name)
		from pglogical.node n
		join pglogical.node_interface i on i.if_nodeid = n.node_id
		where n.node_name = $1 and i.if_name = $2
			and not exists (select from pglogical.subscription s where i.if_id in (s.sub_origin_if, s.sub_target_if))`

	enable  = `select pglogical.alter_subscription_enable($1, true)`
	disable = `select pglogical.alter_subscription_disable($1, true)`

	selectActive = `
		select exists (select from pg_catalog.pg_replication_slots where slot_name = $1 and active)`

	selectConfirmed = `
		select (select confirmed_flush_lsn from pg_catalog.pg_replication_slots where slot_name = $1)::text`

	selectApplied = `
		select (select pg_catalog.pg_replication_origin_progress(roname, true)
			from pg_catalog.pg_replication_origin where roname = $1)::text`
)
