package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/drive"
	"bascule/executor/engine"
	"bascule/executor/ledger"
	"bascule/executor/pglogical"
	"bascule/executor/progress"
	"bascule/executor/slot"
	"bascule/executor/trigger"
	"bascule/planner"
	"bascule/planner/session"
	"bascule/state"
)

// removal is the carrying out of one removal.
//
// The source comes first: the slot, for it holds WAL, then what the slot needs, then
// replica identities. The ledger goes last, for it says what was made. Whatever is
// taken away leaves the state at once, so what is there after an error is what is
// left.
type removal struct {
	*apply
	change *planner.Change
	source *pgx.Conn
}

// has reports whether the plan has a step.
func (r *removal) has(id string) bool {
	return slices.ContainsFunc(r.change.Steps, func(s planner.Step) bool { return s.ID == id })
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
		if err := r.Step(ctx, r.change.Address, "triggers", func() error { return trigger.Restore(ctx, target, made.Silenced) }); err != nil {
			return err
		}
	}
	return r.Step(ctx, r.change.Address, "ledger", func() error { return ledger.Remove(ctx, target, r.change.Mirror.ID) })
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
	cfg := engine.Config{Conn: target, Note: func(text string) {
		r.cfg.Sink.Event(progress.Noted{Mirror: session.Label(r.change.Address), Text: text})
	}}
	cfg.Mirror = drive.Mirror{ID: m.ID, Address: r.change.Address, Settings: *made, Source: r.peers[m.Source], Target: r.peers[m.Target],
		Sink: r.cfg.Sink, Log: r.cfg.Log}
	if slices.ContainsFunc(r.change.Steps, func(s planner.Step) bool { return s.Peer == m.Source }) && cfg.Source != nil {
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
	return r.Step(ctx, r.change.Address, "engine", func() error {
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

// onSource takes away what the plan says is on the source.
func (r *removal) onSource(ctx context.Context, made *planner.Stream) error {
	planned := slices.ContainsFunc(r.change.Steps, func(s planner.Step) bool { return s.Peer == r.change.Mirror.Source })
	if made == nil || !planned {
		return nil
	}
	peer := r.peers[r.change.Mirror.Source]
	if peer == nil {
		return fmt.Errorf("%s is not declared", r.change.Mirror.Source)
	}
	var err error
	r.source, err = session.Open(ctx, peer, session.Options{Application: session.Application(r.change.Address, "remove")})
	if err != nil {
		return err
	}
	defer r.source.Close(context.WithoutCancel(ctx))
	if made.OwnSlot {
		if err := r.dropSlot(ctx, made.Slot); err != nil {
			return err
		}
	}
	if made.Log != "" {
		if err := r.dropLog(ctx, made.Log); err != nil {
			return err
		}
	}
	if made.OwnPublications {
		if err := r.dropPublications(ctx, made); err != nil {
			return err
		}
	}
	for _, id := range made.Identities {
		if err := r.putBack(ctx, id); err != nil {
			return err
		}
	}
	// An engine that the mirror once had may have had to leave it behind.
	_, err = pglogical.Leave(ctx, r.source)
	return err
}

func (r *removal) dropSlot(ctx context.Context, name string) error {
	if err := r.ours("replication slot", name); err != nil {
		return err
	}
	work := func() error { return slot.Drop(ctx, r.source, name, slot.Patience) }
	return r.gone(ctx, "drop slot", work, func(on *state.OnSource) { on.Slot = "" })
}

func (r *removal) dropLog(ctx context.Context, log string) error {
	if err := r.ours("schema", log); err != nil {
		return err
	}
	work := func() error { return slot.DropLog(ctx, r.source, log) }
	return r.gone(ctx, "drop log", work, func(on *state.OnSource) { on.Log = "" })
}

func (r *removal) dropPublications(ctx context.Context, made *planner.Stream) error {
	for _, name := range []string{made.Publication, made.Inserts} {
		if name == "" {
			continue
		}
		if err := r.ours("publication", name); err != nil {
			return err
		}
	}
	work := func() error { return slot.DropPublications(ctx, r.source, *made) }
	return r.gone(ctx, "drop publications", work, func(on *state.OnSource) { on.Publications = nil })
}

func (r *removal) putBack(ctx context.Context, id planner.ReplicaIdentity) error {
	work := func() error { return slot.SetIdentities(ctx, r.source, []planner.ReplicaIdentity{id}, true) }
	return r.gone(ctx, "put back "+pgname.Shown(id.Schema, id.Name), work, func(on *state.OnSource) {
		on.Identities = slices.DeleteFunc(on.Identities, func(x state.ReplicaIdentity) bool { return x == state.ReplicaIdentity(id) })
	})
}

// ours refuses a name that is not what this mirror's would be, whatever a record says.
// The lineage in it is another where the mirror was adopted.
func (r *removal) ours(kind, name string) error {
	if !slot.Named(name) || slot.Whose(name, slot.Lineage(name), []string{r.change.Address}) == "" {
		return &slot.ForeignError{Kind: kind, Name: name}
	}
	return nil
}

// gone does one step, after which the state no longer has what it took away.
func (r *removal) gone(ctx context.Context, id string, work func() error, forget func(on *state.OnSource)) error {
	address := r.change.Address
	if err := r.Step(ctx, address, id, work); err != nil {
		return err
	}
	r.cfg.Sink.Event(progress.Noted{Mirror: session.Label(address), Text: id + ": done"})
	return r.Save(ctx, func(f *state.File) {
		if old := f.Find(address); old != nil && old.Mirror != nil && old.Mirror.OnSource != nil {
			forget(old.Mirror.OnSource)
		}
	})
}

// left says what removals that did not end keep on their sources.
func left(f *state.File) []string {
	var list []string
	for _, r := range f.Resources {
		if r.Left() {
			list = append(list, r.Mirror.Target+": what "+r.Address+" has made there, and its records in schema bascule")
		}
		if r.Status != state.Removing || r.Mirror == nil || r.Mirror.OnSource == nil {
			continue
		}
		on, source := r.Mirror.OnSource, r.Mirror.Source
		if on.Slot != "" {
			list = append(list, source+": "+planner.HeldBy(r.Mirror.Engine, on.Slot)+", and the WAL that it keeps")
		}
		if on.Log != "" {
			list = append(list, source+": schema "+on.Log+", and the event triggers that log DDL into it")
		}
		if names := strings.Trim(strings.Join(on.Publications, ", "), ", "); names != "" {
			list = append(list, source+": publications "+names)
		}
		for _, x := range on.Identities {
			list = append(list, fmt.Sprintf("%s: replica identity %s of %s, which was %s", source, x.Is, pgname.Shown(x.Schema, x.Name), x.Was))
		}
	}
	return list
}
