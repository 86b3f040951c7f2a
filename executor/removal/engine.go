package removal

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"bascule/executor/drive"
	"bascule/executor/engine"
	"bascule/planner"
	"bascule/planner/session"
)

// engine takes away what the servers' own engine has on either side, before the slot
// that it reads. A side that the plan has nothing of is not reachable, or is gone.
//
// Without the target's ledger nobody knows what an apply that changed the engine, and was
// interrupted, has left of another on the source: that is looked for.
func (r *removal) engine(ctx context.Context, made *planner.Stream, target *pgx.Conn) error {
	if made == nil || made.Engine == "" && target != nil {
		return nil
	}
	m := r.change.Mirror
	cfg := engine.Config{Conn: target, Note: r.note}
	cfg.Mirror = drive.Mirror{ID: m.ID, Address: r.change.Address, Settings: *made, Source: r.cfg.Peers[m.Source], Target: r.cfg.Peers[m.Target],
		Sink: r.cfg.Sink, Log: r.cfg.Log}
	if r.reachesSource() && cfg.Source != nil {
		conn, err := session.Open(ctx, cfg.Source, session.Options{Application: session.Application(r.change.Address, "remove")})
		var away *session.ConnectError
		switch {
		case err == nil:
			defer session.Close(ctx, conn)
			cfg.Control = conn
		case !errors.As(err, &away): // else the target is left in order, and the source said to be away behind it
			return err
		}
	}
	cfg.Cleaned = cfg.Control == nil && r.cfg.State.Find(r.change.Address).Left()
	h := engine.New(cfg)
	return r.step(ctx, "engine", func() error {
		if made.Engine != "" {
			if err := h.Remove(ctx); err != nil {
				return err
			}
		}
		if target != nil || cfg.Control == nil || made.Engine == planner.EnginePglogical {
			return nil
		}
		return h.RemoveProvider(ctx, cmp.Or(made.Subscription, made.Slot))
	})
}
