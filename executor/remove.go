package executor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/session"
	"bascule/state"
)

// remove takes away what was made for a mirror. Its tables and their rows stay.
//
// What it does can be done again: until all is gone the mirror stays in the state, as
// removing, with what is left. So it does where the plan knows that its target cannot be
// reached, which is what the operator is told then.
func (a *apply) remove(ctx context.Context, c *planner.Change) (remark string, err error) {
	old := a.cfg.State.Find(c.Address)
	err = a.Save(ctx, func(*state.File) {
		if old == nil {
			return
		}
		old.Status = state.Removing
		if made := c.Mirror.State().OnSource; made != nil && old.Mirror != nil {
			old.Mirror.OnSource = made
		}
	})
	if err != nil {
		return "", err
	}
	r := &removal{apply: a, change: c}
	if r.has("ledger") {
		err = a.onTarget(ctx, c, func(conn *pgx.Conn) error { return r.run(ctx, conn) })
	} else {
		err = r.run(ctx, nil) // the target has no record, is gone, or cannot be reached
	}
	if err != nil {
		return "", err
	}
	if !r.has(planner.StepStay) {
		return "", a.Settle(ctx, c.Address, nil)
	}
	var kept *state.Resource
	if old != nil {
		resource := *old
		kept = &resource
	}
	return fmt.Sprintf("it is removed from its source; what it has on %s stays until an apply reaches that. If it is gone for good: bascule state rm '%s'",
		c.Mirror.Target, c.Address), a.Settle(ctx, c.Address, kept)
}

// adopt takes a complete mirror over into a new state.
func (a *apply) adopt(ctx context.Context, c *planner.Change) error {
	if err := a.Step(ctx, c.Address, "adopt", func() error {
		return a.onTarget(ctx, c, func(conn *pgx.Conn) error {
			m := ledger.Mirror{ID: c.Mirror.ID, Address: c.Address, Lineage: a.cfg.State.Lineage, Digest: c.Mirror.Digest}
			return ledger.Adopt(ctx, conn, m, c.Mirror.AdoptFrom)
		})
	}); err != nil {
		return err
	}
	return a.Settle(ctx, c.Address, resource(c, state.Ready))
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

// onTarget works on a session of the mirror's target, which nobody else then works
// on for this mirror.
func (a *apply) onTarget(ctx context.Context, c *planner.Change, work func(conn *pgx.Conn) error) error {
	peer := a.peers[c.Mirror.Target]
	if peer == nil {
		return fmt.Errorf("%s is not declared", c.Mirror.Target)
	}
	conn, err := session.Open(ctx, peer, session.Options{Application: session.Application(c.Address, "apply")})
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	waiting := func(text string) {
		a.cfg.Sink.Event(progress.Noted{Mirror: session.Label(c.Address), Text: text})
	}
	if err := ledger.LeaseFrom(ctx, conn, c.Mirror.ID, waiting); err != nil {
		return err
	}
	return work(conn)
}
