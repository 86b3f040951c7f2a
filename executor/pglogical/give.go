package pglogical

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
)

// Give has the subscription go on from position, with these members, and returns when
// its worker streams. Everything has to be as Prepare left it, and position not before
// what that returned: otherwise the error is a *GapError, and nothing was started.
//
// Where it had been given already and has gone on since, it goes on from there.
func (e *Engine) Give(ctx context.Context, position catalog.LSN, members []ledger.Member) error {
	s, err := e.stop(ctx)
	if err == nil && s == nil {
		err = &GapError{Text: "the target has no subscription " + e.subscription()}
	}
	if err != nil {
		return err
	}
	sets, err := e.Sets(ctx, e.source)
	if err != nil {
		return err
	}
	if err := e.unchanged(ctx, sets, members); err != nil {
		return err
	}
	at, err := e.startable(ctx, s, position)
	if err != nil {
		return err
	}
	if err := e.start(ctx, s, sets, at); err != nil {
		return fmt.Errorf("start subscription %s at %s: %w", s.Name, at, err)
	}
	doing := "start subscription " + s.Name
	err = e.waits(ctx, doing, func() (bool, error) {
		now, err := e.subscribed(ctx)
		if err != nil || now == nil || now.PID == 0 {
			return false, err
		}
		return e.streams(ctx, s.Slot, at)
	})
	return e.down(ctx, doing, err)
}

// unchanged checks that the sets have these members, and that the slot is behind all that
// changed them.
func (e *Engine) unchanged(ctx context.Context, sets Sets, members []ledger.Member) error {
	wanted, err := e.wanted(ctx, e.source, sets, members)
	if err != nil {
		return err
	}
	now, err := entries(ctx, e.source, sets)
	if err != nil {
		return err
	}
	if leaving, joining := differ(now, wanted); len(leaving)+len(joining) > 0 {
		return &GapError{Text: fmt.Sprintf("the replication sets %s and %s are not what was prepared: %s", sets.All, sets.Inserts, append(leaving, joining...)[0].shown)}
	}
	var owed bool
	if err := e.source.QueryRow(ctx, hasSet, e.joined()).Scan(&owed); err != nil {
		return err
	}
	if owed {
		return &GapError{Text: "slot " + e.subscription() + " was not moved behind the last change of its replication sets"}
	}
	return nil
}

// startable is where the subscription goes on: at position, or at what it has applied
// itself behind that.
func (e *Engine) startable(ctx context.Context, s *catalog.PglogicalSubscription, position catalog.LSN) (catalog.LSN, error) {
	applied, err := e.applied(ctx, s.Slot)
	if err != nil {
		return 0, fmt.Errorf("read the progress of replication origin %s: %w", s.Slot, err)
	}
	confirmed, err := e.confirmed(ctx, s.Slot)
	if err != nil {
		return 0, err
	}
	at := max(position, applied)
	if confirmed == 0 {
		return 0, &GapError{Text: "the source has no slot " + s.Slot}
	}
	if at < confirmed {
		return 0, &GapError{Text: fmt.Sprintf("slot %s sends what is behind %s, and the target is at %s: what is between would be lost", s.Slot, confirmed, at)}
	}
	return at, nil
}

// start gives the subscription its sets and its position, and enables it, all in one
// transaction: a subscription that has sets has a position.
func (e *Engine) start(ctx context.Context, s *catalog.PglogicalSubscription, sets Sets, at catalog.LSN) error {
	err := pgx.BeginFunc(ctx, e.target, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(commitDurably)
		for _, name := range s.Sets {
			if name != sets.All && name != sets.Inserts {
				batch.Queue(removeSet, s.Name, name)
			}
		}
		for _, name := range sets.names() {
			batch.Queue(addSet, s.Name, name)
		}
		batch.Queue(advanceOrigin, s.Slot, at.String())
		batch.Queue(enableLater, s.Name)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return err
	}
	return e.kick(ctx) // it may not be told so within a transaction
}

// streams reports whether the slot is read, and its reader is behind at.
func (e *Engine) streams(ctx context.Context, name string, at catalog.LSN) (bool, error) {
	if active, err := e.slotActive(ctx, name); err != nil || !active {
		return false, err
	}
	confirmed, err := e.confirmed(ctx, name)
	return confirmed >= at, err
}

// down makes an error of what did not come to an end one that says what may be wrong.
func (e *Engine) down(ctx context.Context, doing string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	var gap *GapError
	if errors.As(err, &gap) {
		return err
	}
	return e.downed(ctx, doing, err)
}

func (e *Engine) downed(ctx context.Context, doing string, err error) *DownError {
	past, _ := e.Skip(ctx) // what cannot be looked up is not told
	return &DownError{Subscription: e.subscription(), Doing: doing, Causes: e.causes(ctx), Skip: past, Err: err}
}

// causes are what can be found of why the worker does not run; none where that cannot be
// looked for.
func (e *Engine) causes(ctx context.Context) []string {
	source, err := catalog.Read(ctx, e.source, catalog.ReadOptions{})
	if err != nil {
		return nil
	}
	target, err := catalog.Read(ctx, e.target, catalog.ReadOptions{})
	if err != nil {
		return nil
	}
	p, err := catalog.ReadPglogical(ctx, e.source)
	if err != nil || p == nil {
		return nil
	}
	var tables []catalog.PglogicalTable
	for _, name := range e.sets(p.Node).names() {
		if set := p.Set(name); set != nil {
			tables = append(tables, set.Tables...)
		}
	}
	return catalog.Causes(source, target, tables, source.Role.Name)
}

const (
	commitDurably = `select pg_catalog.set_config('synchronous_commit', 'on', true)`

	addSet    = `select pglogical.alter_subscription_add_replication_set($1, $2)`
	removeSet = `select pglogical.alter_subscription_remove_replication_set($1, $2)`

	enableLater = `select pglogical.alter_subscription_enable($1, false)`

	advanceOrigin = `select pg_catalog.pg_replication_origin_advance($1, $2::text::pg_lsn)`
)
