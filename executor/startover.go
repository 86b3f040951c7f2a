package executor

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
)

// startOver takes away what a mirror that is replaced has on its source, and its
// records but for whose the tables of the target are: the rows that it copied are
// overwritten by the new one, in this try or in a later one.
func (f *following) startOver(ctx context.Context, was planner.Stream) error {
	control := f.control
	if old := f.formerSource(); old != nil && old != f.copying.source {
		conn, err := f.open(ctx, old, "apply", nil)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		control = conn
	}
	f.stage("take the old stream away")
	if err := leaveSource(ctx, control, was); err != nil {
		return err
	}
	return ledger.StartOver(ctx, f.conn, f.plan.ID)
}

// formerSource is the source that the state has for the mirror, or nil.
func (f *following) formerSource() *config.Peer {
	if r := f.cfg.State.Find(f.change.Address); r != nil && r.Mirror != nil {
		return f.peers[r.Mirror.Source]
	}
	return nil
}

// leaveSource takes away what a stream has on its source: first what holds WAL. Each
// step may be repeated.
func leaveSource(ctx context.Context, control *pgx.Conn, s planner.Stream) error {
	if s.OwnSlot {
		if err := slot.Drop(ctx, control, s.Slot, lockBudget); err != nil {
			return err
		}
	}
	if err := slot.DropLog(ctx, control, s.Log); err != nil {
		return err
	}
	if s.OwnPublications {
		if err := slot.DropPublications(ctx, control, s); err != nil {
			return err
		}
	}
	return slot.SetIdentities(ctx, control, s.Identities, true)
}

// forgetOthers forgets members that are not of the plan: an earlier try was of other
// tables.
func (f *following) forgetOthers(ctx context.Context) error {
	others := maps.Clone(f.members)
	for _, m := range f.planned() {
		delete(others, m.Source)
	}
	if len(others) == 0 {
		return nil
	}
	return ledger.DropMembers(ctx, f.conn, f.plan.ID, slices.Sorted(maps.Keys(others))...)
}
