package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/pglogical"
	"bascule/executor/slot"
	"bascule/executor/subscription"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// TakeBack stops the servers' engine, and records where it stands as the mirror's
// position. It may be repeated.
func (h *Handover) TakeBack(ctx context.Context) error {
	e, err := h.engine(ctx)
	if err != nil {
		return err
	}
	position, err := ledger.TakePosition(ctx, h.cfg.Conn, h.cfg.ID, ledger.Main)
	if err != nil {
		return err
	}
	if position == nil {
		return fmt.Errorf("%s has no position in the ledger of its target any more", h.cfg.Address)
	}
	at, err := h.take(ctx, e)
	var gone *subscription.GoneError
	var gap *pglogical.GapError
	if errors.As(err, &gone) || errors.As(err, &gap) {
		return &slot.TerminalError{Halt: ledger.Halt{Code: "engine_lost", Terminal: true, Text: err.Error(),
			Remedy: "copy everything again: bascule apply -replace='" + h.cfg.Address + "'"}}
	}
	if err != nil {
		return fmt.Errorf("stop the %s engine: %w", h.cfg.Settings.Engine, err)
	}
	h.cfg.Log.InfoContext(ctx, "mirror taken back", "mirror", h.cfg.Address, "engine", h.cfg.Settings.Engine, "lsn", at.String())
	// Also after a cancel: an engine that is stopped is given back only where this is
	// recorded. What it has carried comes first: once the mirror is taken back, nobody asks
	// for that again.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), drive.RecordTime)
	defer cancel()
	return errors.Join(h.settleCarried(recording, e, max(at, position.LSN)), ledger.TakeBack(recording, h.cfg.Conn, h.cfg.ID, at))
}

// take stops the engine, and returns where it stands. From there on there is a slot that
// Bascule can stream from: it is made before anything is stopped, and what is in it that
// the engine still applies is passed over.
func (h *Handover) take(ctx context.Context, e engine) (catalog.LSN, error) {
	if carrier, carries := e.(*pglogical.Engine); carries {
		if err := h.ownSlot(ctx, carrier); err != nil {
			return 0, err
		}
	}
	return e.Take(ctx)
}

// apart reports whether the engine reads another slot than the one that Bascule streams
// from: of the two, each is made before the other ends.
func (h *Handover) apart() bool { return h.cfg.Settings.Engine == planner.EnginePglogical }

// settleCarried records the commands that the engine has carried to the target, and that
// an apply which was killed did not record: what they made of the members is known from
// then on.
func (h *Handover) settleCarried(ctx context.Context, e engine, at catalog.LSN) error {
	carrier, carries := e.(*pglogical.Engine)
	if !carries {
		return nil
	}
	begun, err := ledger.BegunDDL(ctx, h.cfg.Conn, h.cfg.ID)
	if err != nil {
		return err
	}
	for i := range begun {
		if err := h.RecordCarried(ctx, carrier, &begun[i], at); err != nil {
			return err
		}
	}
	return nil
}

// RecordCarried records that the engine has run a command on the target, if it has.
func (h *Handover) RecordCarried(ctx context.Context, carrier *pglogical.Engine, row *ledger.DDL, lsn catalog.LSN) error {
	done, err := carrier.Applied(ctx, row.ID)
	if err != nil || !done {
		return err
	}
	return pgx.BeginFunc(ctx, h.cfg.Conn, func(tx pgx.Tx) error { return ledger.ApplyDDL(ctx, tx, h.cfg.ID, row, lsn) })
}

// ownSlot finds or makes the slot that Bascule streams from, at or before where the
// engine stands. What the engine has not applied is in its own slot alone, so ours is a
// copy of that one: nothing is waited for, however far behind the engine is, or for what
// reason it cannot go on.
func (h *Handover) ownSlot(ctx context.Context, carrier *pglogical.Engine) error {
	slots, _, err := catalog.ReadSlots(ctx, h.cfg.Control)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(slots, func(s catalog.Slot) bool { return s.Name == h.cfg.Settings.Slot })
	if i >= 0 && slots[i].Confirmed != 0 && slots[i].WALStatus != "lost" && slots[i].Invalidation == "" {
		return h.failover(ctx, slots[i].Failover)
	}
	from, err := carrier.Slot(ctx)
	if err != nil {
		return err
	}
	if i >= 0 { // it is of no use, or its making was interrupted
		if err := slot.Drop(ctx, h.cfg.Control, h.cfg.Settings.Slot, slot.Patience); err != nil {
			return err
		}
	}
	if err := slot.Copy(ctx, h.cfg.Control, from, h.cfg.Settings.Slot); err != nil {
		return err
	}
	return h.failover(ctx, false)
}

// failover has standbys keep a copy of our slot, where that is wanted: a copied slot has
// that not from the one that it is a copy of.
func (h *Handover) failover(ctx context.Context, has bool) error {
	if has || !h.cfg.Settings.Failover {
		return nil
	}
	conn, err := session.Open(ctx, h.cfg.Source, session.Options{Application: session.Application(h.cfg.Address, "slot"), Replication: true})
	if err != nil {
		return err
	}
	defer session.Close(ctx, conn)
	return slot.SetFailover(ctx, conn.PgConn(), h.cfg.Settings.Slot)
}
