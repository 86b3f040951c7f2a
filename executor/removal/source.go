package removal

import (
	"context"
	"fmt"
	"slices"

	"bascule/config/pgname"
	"bascule/executor/pglogical"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/session"
	"bascule/state"
)

// onSource takes away what the plan says is on the source.
func (r *removal) onSource(ctx context.Context, made *planner.Stream) error {
	if made == nil || !r.reachesSource() {
		return nil
	}
	peer := r.cfg.Peers[r.change.Mirror.Source]
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
	if err := r.step(ctx, id, work); err != nil {
		return err
	}
	r.note(id + ": done")
	return r.cfg.Journal.Save(ctx, func(f *state.File) {
		if old := f.Find(address); old != nil && old.Mirror != nil && old.Mirror.OnSource != nil {
			forget(old.Mirror.OnSource)
		}
	})
}
