package removal

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/journal"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/trigger"
	"bascule/planner"
	"bascule/planner/session"
	"bascule/state"
)

// Config sets up a Run. All is required.
type Config struct {
	Peers map[string]*config.Peer // those that are declared, by address
	State *state.File

	// Journal changes State, and saves it.
	Journal *journal.Journal

	Sink progress.Sink
	Log  *slog.Logger
}

// Run carries out the change that removes a mirror. It returns what the operator has to do
// next, or "".
func Run(ctx context.Context, cfg Config, c *planner.Change) (remark string, err error) {
	old := cfg.State.Find(c.Address)
	err = cfg.Journal.Save(ctx, func(*state.File) {
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
	r := &removal{cfg: cfg, change: c}
	if r.has("ledger") {
		err = r.onTarget(ctx)
	} else {
		err = r.run(ctx, nil) // the target has no record, is gone, or cannot be reached
	}
	if err != nil {
		return "", err
	}
	if !r.has(planner.StepStay) {
		return "", cfg.Journal.Settle(ctx, c.Address, nil)
	}
	var kept *state.Resource
	if old != nil {
		resource := *old
		kept = &resource
	}
	return fmt.Sprintf("it is removed from its source; what it has on %s stays until an apply reaches that. If it is gone for good: bascule state rm '%s'",
		c.Mirror.Target, c.Address), cfg.Journal.Settle(ctx, c.Address, kept)
}

// removal is one Run at work.
type removal struct {
	cfg    Config
	change *planner.Change
	source *pgx.Conn // while what is there is taken away
}

// has reports whether the plan has a step.
func (r *removal) has(id string) bool {
	return slices.ContainsFunc(r.change.Steps, func(s planner.Step) bool { return s.ID == id })
}

// reachesSource reports whether the plan has something to do on the source, which it has not
// where that is gone or cannot be reached.
func (r *removal) reachesSource() bool {
	return slices.ContainsFunc(r.change.Steps, func(s planner.Step) bool { return s.Peer == r.change.Mirror.Source })
}

func (r *removal) note(text string) {
	r.cfg.Sink.Event(progress.Noted{Mirror: session.Label(r.change.Address), Text: text})
}

func (r *removal) step(ctx context.Context, id string, work func() error) error {
	return r.cfg.Journal.Step(ctx, r.change.Address, id, work)
}

// onTarget does everything, as the only one who works on the mirror.
func (r *removal) onTarget(ctx context.Context) error {
	m := r.change.Mirror
	peer := r.cfg.Peers[m.Target]
	if peer == nil {
		return fmt.Errorf("%s is not declared", m.Target)
	}
	conn, err := ledger.Hold(ctx, peer, r.change.Address, m.ID, r.note)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return r.run(ctx, conn)
}

// run does everything, on a session of the target that holds the mirror; nil where
// the target has nothing of it.
func (r *removal) run(ctx context.Context, target *pgx.Conn) error {
	made := r.change.Mirror.Stream
	if target != nil && made != nil {
		recorded, err := r.halt(ctx, target)
		if err != nil {
			return err
		}
		if recorded != nil {
			recorded.Log = cmp.Or(recorded.Log, made.Log) // made before it was recorded
			made = recorded
		}
	}
	if err := r.engine(ctx, made, target); err != nil {
		return err
	}
	if err := r.onSource(ctx, made); err != nil {
		return err
	}
	if target == nil {
		return nil
	}
	if made != nil && len(made.Silenced) > 0 {
		if err := r.step(ctx, "triggers", func() error { return trigger.Restore(ctx, target, made.Silenced) }); err != nil {
			return err
		}
	}
	return r.step(ctx, "ledger", func() error { return ledger.Remove(ctx, target, r.change.Mirror.ID) })
}

// halt makes sure that nobody streams the mirror any more, not even when this removal
// is interrupted, and returns what the ledger knows of it, or nil.
func (r *removal) halt(ctx context.Context, target *pgx.Conn) (*planner.Stream, error) {
	id := r.change.Mirror.ID
	recorded, err := ledger.ReadStream(ctx, target, id)
	if err != nil || recorded == nil {
		return nil, err
	}
	if !recorded.Settings.Paused {
		paused := recorded.Settings
		paused.Paused = true
		if err := ledger.SetStream(ctx, target, id, paused, recorded.Timeline); err != nil {
			return nil, err
		}
	}
	_, err = ledger.EndLeftovers(ctx, target, id)
	return &recorded.Settings, err
}
