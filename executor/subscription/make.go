package subscription

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// anew makes the subscription, stopped and without its slot, in place of the one that
// there is, if any, whose processes have ended.
func (e *Engine) anew(ctx context.Context, there *catalog.Subscription) error {
	name := pgname.Quote(e.cfg.Stream.Subscription)
	return e.changes(ctx, func(tx pgx.Tx) error {
		if there != nil {
			if err := drop(ctx, tx, name); err != nil {
				return err
			}
		}
		return e.create(ctx, tx, name)
	})
}

// changes does work in a transaction, and does it once more where that was ended for a
// deadlock: the lists of subscriptions and of origins, which the server locks until the
// end of the transaction, are those of all its databases.
func (e *Engine) changes(ctx context.Context, work func(tx pgx.Tx) error) error {
	for {
		err := pgx.BeginFunc(ctx, e.cfg.Target, work)
		if err == nil || !session.Locked(err) {
			return err
		}
		e.cfg.Note("once more: " + err.Error())
		if ended := session.Pause(ctx, poll); ended != nil {
			return errors.Join(err, ended)
		}
	}
}

// drop drops a subscription that is disabled, without a word to the source. name is
// quoted.
func drop(ctx context.Context, tx pgx.Tx, name string) error {
	for _, sql := range []string{fmt.Sprintf(forgetSlot, name), fmt.Sprintf(dropSubscription, name)} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("drop subscription %s: %w", name, err)
		}
	}
	return nil
}

// create makes the subscription, in a transaction that the caller ends: the server
// connects to the source for it, and copies nothing. name is quoted. Its error is a
// *ReachError and holds no password.
func (e *Engine) create(ctx context.Context, tx pgx.Tx, name string) error {
	_, version, err := catalog.ReadIdentity(ctx, tx.Conn())
	if err != nil {
		return err
	}
	head := "create subscription " + name + " connection "
	tail := " publication " + strings.Join(e.publications(), ", ") + " with (" + e.options(version.Major()) + ")"
	if err := session.ReachingBetween(ctx, tx, e.cfg.Reach.Info, head, tail); err != nil {
		return e.unreached(err)
	}
	return nil
}

func (e *Engine) unreached(err error) error {
	return &ReachError{From: e.cfg.TargetPeer, To: e.cfg.SourcePeer, Endpoint: e.cfg.Reach.Endpoint, Err: e.cfg.Reach.Masked(err)}
}

// options of the subscription on a server of this version. What is not said is the
// server's default: two_phase off, synchronous_commit off (what is acknowledged waits
// for the flush), origin any (as our own stream has it), run_as_owner off,
// disable_on_error off, password_required on, which does not concern superusers.
func (e *Engine) options(major int) string {
	list := []string{"connect = true", "enabled = false", "create_slot = false", "slot_name = none", "copy_data = false",
		fmt.Sprintf("binary = %t", e.cfg.Stream.Binary)}
	streaming := "on"
	if major >= 16 {
		streaming = "parallel"
	}
	list = append(list, "streaming = "+streaming)
	if major >= 17 { // the slot's own word for it stays as it is
		list = append(list, fmt.Sprintf("failover = %t", e.cfg.Stream.Failover))
	}
	return strings.Join(list, ", ")
}

// start has a subscription that was just made stream from a position. It is all there
// or not at all, but for the origin's position, which is right either way.
func (e *Engine) start(ctx context.Context, s *catalog.Subscription, position catalog.LSN) error {
	name := pgname.Quote(s.Name)
	err := e.changes(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(nameSlot, name, pgname.Literal(e.cfg.Stream.Slot))); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, moveOrigin, origin(s), position); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(enable, name)) // gives the transaction an id, so that its end is flushed
		return err
	})
	if err != nil {
		return fmt.Errorf("start subscription %s from %s: %w", s.Name, position, err)
	}
	return nil
}

// origin is the name that the server gives to that of a subscription.
func origin(s *catalog.Subscription) string { return fmt.Sprintf("pg_%d", s.OID) }

const (
	forgetSlot       = `alter subscription %s set (slot_name = none)`
	dropSubscription = `drop subscription %s`
	nameSlot         = `alter subscription %s set (slot_name = %s)`
	enable           = `alter subscription %s enable`
	disable          = `alter subscription %s disable`

	moveOrigin = `select pg_catalog.pg_replication_origin_advance($1, $2::text::pg_lsn)`
)
