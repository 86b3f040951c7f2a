package executor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/session"
	"bascule/state"
)

// adopt takes a complete mirror over into a new state.
func (a *apply) adopt(ctx context.Context, c *planner.Change) error {
	if err := a.Step(ctx, c.Address, "adopt", func() error { return a.adopted(ctx, c) }); err != nil {
		return err
	}
	return a.Settle(ctx, c.Address, resource(c, state.Ready))
}

// adopted records with the target which state the mirror is in from now on.
func (a *apply) adopted(ctx context.Context, c *planner.Change) error {
	peer := a.peers[c.Mirror.Target]
	if peer == nil {
		return fmt.Errorf("%s is not declared", c.Mirror.Target)
	}
	conn, err := ledger.Hold(ctx, peer, c.Address, c.Mirror.ID, func(text string) {
		a.cfg.Sink.Event(progress.Noted{Mirror: session.Label(c.Address), Text: text})
	})
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	m := ledger.Mirror{ID: c.Mirror.ID, Address: c.Address, Lineage: a.cfg.State.Lineage, Digest: c.Mirror.Digest}
	return ledger.Adopt(ctx, conn, m, c.Mirror.AdoptFrom)
}

// protects reports whether a change only records whether a mirror is protected.
func protects(c *planner.Change) bool {
	return slices.ContainsFunc(c.Steps, func(s planner.Step) bool { return s.ID == planner.StepProtect })
}

// protect records whether a mirror is protected. It takes nobody but the state: a target
// that is gone for good is let go by it.
func (a *apply) protect(ctx context.Context, c *planner.Change) error {
	return a.Save(ctx, func(f *state.File) {
		if r := f.Find(c.Address); r != nil && r.Mirror != nil {
			r.Mirror.Protect, r.Updated = c.Mirror.Protect, time.Now().UTC()
		}
	})
}
