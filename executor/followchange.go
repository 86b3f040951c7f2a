package executor

import (
	"context"
	"slices"

	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/catalog"
)

// sideStream is the name of the position of a stream beside the main one.
const sideStream = "side"

// changeTables brings a mirror that streams to what the plan says of its tables.
func (f *following) changeTables(ctx context.Context) error {
	if err := f.leaveTables(ctx); err != nil {
		return err
	}
	if err := f.quiet(ctx); err != nil {
		return err
	}
	var todo []*planner.Table
	worked := false
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		coming := t.Work == planner.WorkAdd || t.Work == planner.WorkAgain
		worked = worked || coming
		if coming && t.Kind != "partitioned" {
			todo = append(todo, t)
		}
	}
	if err := f.setAside(ctx, todo); err != nil {
		return err
	}
	switch {
	case worked:
		return f.drive(ctx, func(ctx context.Context, s *stream.Stream) error { return f.addTables(ctx, s, todo) })
	case !f.complete:
		// What an earlier try had left to build.
		return f.drive(ctx, func(ctx context.Context, _ *stream.Stream) error {
			defer f.release(ctx)
			return f.load(ctx, nil)
		})
	}
	return f.drive(ctx, nil)
}

// leaveTables takes tables out of the mirror. What still arrives of them is passed
// over; their rows stay on the target.
func (f *following) leaveTables(ctx context.Context) error {
	var gone []ledger.Member
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if known, ok := f.members[t.OID]; ok && (t.Work == planner.WorkRemove || !followed(t)) && known.State != ledger.Removed {
			known.State = ledger.Removed
			gone = append(gone, known)
			f.members[t.OID] = known
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := ledger.PutMembers(ctx, f.conn, f.plan.ID, gone...); err != nil {
		return err
	}
	if !f.stream.OwnPublications {
		return nil
	}
	return slot.DropTables(ctx, f.control, *f.stream, gone...)
}

// addTables brings tables into a mirror that goes on streaming: they are copied at a
// point of their own, catch up over the slot that gave the point, and are handed
// over to the main stream.
func (f *following) addTables(ctx context.Context, s *stream.Stream, todo []*planner.Table) error {
	if err := f.announce(ctx, todo); err != nil {
		return err
	}
	defer f.release(ctx)
	if err := f.load(ctx, todo); err != nil {
		return err
	}
	for _, work := range []func(context.Context) error{f.sequences, f.privileges, f.move} {
		if err := work(ctx); err != nil {
			return err
		}
	}
	if f.copied == nil {
		return nil
	}
	return f.catchUp(ctx, s)
}

// setAside has the changes of tables that are to be copied passed over from here on:
// none is applied, and none met unknown. It comes before anything is streamed, for one
// of them may be what the mirror is halted by.
func (f *following) setAside(ctx context.Context, todo []*planner.Table) error {
	members := f.coming(todo)
	if len(members) == 0 {
		return nil
	}
	return ledger.PutMembers(ctx, f.conn, f.plan.ID, members...)
}

// coming are the members that tables become which are to be copied.
func (f *following) coming(todo []*planner.Table) []ledger.Member {
	var members []ledger.Member
	for _, t := range f.joining(todo) {
		members = append(members, ledger.MemberOf(t))
	}
	return members
}

// announce makes the tables arrive in the stream, and waits until nobody writes to
// them who began before.
func (f *following) announce(ctx context.Context, todo []*planner.Table) error {
	members := f.coming(todo)
	if len(members) == 0 || !f.stream.OwnPublications {
		return nil
	}
	if err := slot.AddTables(ctx, f.control, *f.stream, members...); err != nil {
		return err
	}
	f.cfg.Log.DebugContext(ctx, "wait out begins", "mirror", f.name)
	return slot.WaitOut(ctx, f.control, f.note)
}

// catchUp streams the tables alone until they are where the main stream is.
func (f *following) catchUp(ctx context.Context, main *stream.Stream) error {
	id, ours := f.plan.ID, map[uint32]bool{}
	for i := range f.plan.Tables {
		if t := &f.plan.Tables[i]; followed(t) && t.Work != "" && t.Work != planner.WorkRemove {
			ours[t.OID] = true
		}
	}
	if err := ledger.StartPosition(ctx, f.conn, id, sideStream, f.copied.point); err != nil {
		return err
	}
	cfg := f.streamConfig()
	cfg.Name, cfg.Slot, cfg.Check = sideStream, f.copySlotName(), nil
	cfg.Replication, f.copied.conn = f.copied.conn, nil
	cfg.Members = func(all []ledger.Member) []ledger.Member {
		all = slices.DeleteFunc(slices.Clone(all), func(m ledger.Member) bool { return !ours[m.Source] })
		for i := range all {
			all[i].State = ledger.Followed
		}
		return all
	}
	side, inner := drive.Start(ctx, stream.New(cfg))
	err := f.handOver(ctx, inner, main, side, ours)
	if failed := side.End(); failed != nil {
		return failed // who waited for it knows only that it has ended
	}
	return err
}

// handOver gives the tables to the main stream: it stands still at its position while
// they come to the same one or beyond, which is their point from then on.
func (f *following) handOver(ctx, running context.Context, main *stream.Stream, side *drive.Beside, ours map[uint32]bool) error {
	for {
		p := main.Progress().Position
		if err := side.CatchUp(running, p); err != nil {
			return err
		}
		if main.Progress().Position <= p+smallLag {
			break
		}
	}
	return main.Between(ctx, func(ctx context.Context, position catalog.LSN) error {
		f.cfg.Log.DebugContext(ctx, "hand-over begins", "mirror", f.name, "lsn", position.String())
		if err := side.CatchUp(running, position); err != nil {
			return err
		}
		if err := side.End(); err != nil {
			return err
		}
		at, err := ledger.TakePosition(ctx, f.conn, f.plan.ID, sideStream)
		if err != nil {
			return err
		}
		return f.followFrom(ctx, ours, at.LSN)
	})
}

// followFrom makes the tables members of the main stream from a point on.
func (f *following) followFrom(ctx context.Context, ours map[uint32]bool, point catalog.LSN) error {
	var members []ledger.Member
	for oid := range ours {
		m := f.members[oid]
		m.State, m.Point = ledger.Followed, point
		f.members[oid] = m
		members = append(members, m)
	}
	if err := ledger.PutMembers(ctx, f.conn, f.plan.ID, members...); err != nil {
		return err
	}
	return ledger.DropPosition(ctx, f.conn, f.plan.ID, sideStream)
}
