package executor

import (
	"context"
	"slices"

	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
)

// publish changes replica identities and makes the publications. Tables that come to
// a mirror that streams join later, when they stand on the target. A table that is to
// be followed in another way leaves first: its changes are passed over until it is
// copied again. No table is ever published without the identity that it needs, for
// its own UPDATE and DELETE would fail.
func (f *following) publish(ctx context.Context) error {
	if f.streaming {
		if err := f.leaveTables(ctx); err != nil {
			return err
		}
		if err := f.checkPublished(ctx); err != nil {
			return err
		}
	}
	var staying, turning []ledger.Member
	working := f.working()
	for _, m := range f.planned() {
		known := f.members[m.Source]
		switch {
		case !f.streaming || known.State == ledger.Followed && known.Follow == m.Follow:
			staying = append(staying, m)
		case known.State == ledger.Followed && working[m.Source]:
			turning = append(turning, m)
		}
	}
	if len(turning) > 0 {
		if err := ledger.PutMembers(ctx, f.conn, f.plan.ID, turning...); err != nil {
			return err
		}
	}
	if err := f.recordIdentities(ctx); err != nil {
		return err
	}
	if err := slot.SetIdentities(ctx, f.control, f.stream.Identities, false); err != nil {
		return err
	}
	if err := f.publishMembers(ctx, staying); err != nil {
		return err
	}
	if err := f.log(ctx); err != nil {
		return err
	}
	return slot.SetIdentities(ctx, f.control, f.formerIdentities(), true)
}

// publishMembers makes the publications hold these members. Where DDL is logged, the
// event triggers do that, in the transaction that changed a table, and members become
// what the publications show when the stream comes to that place: so what is in them
// stays, and only what they publish is put right.
func (f *following) publishMembers(ctx context.Context, staying []ledger.Member) error {
	switch {
	case !f.stream.OwnPublications:
		return nil
	case f.streaming && f.stream.Log != "":
		return slot.AddTables(ctx, f.control, *f.stream)
	}
	return slot.EnsurePublications(ctx, f.control, *f.stream, staying)
}

// log makes the log of DDL that the mirror is to have, takes away one that it is no
// longer to have, and frees what the stream is through with.
func (f *following) log(ctx context.Context) error {
	was, err := ledger.ReadStream(ctx, f.conn, f.plan.ID)
	if err != nil {
		return err
	}
	if was != nil && was.Settings.Log != f.stream.Log {
		if err := slot.DropLog(ctx, f.control, was.Settings.Log); err != nil {
			return err
		}
	}
	if err := slot.EnsureLog(ctx, f.control, *f.stream); err != nil {
		return err
	}
	return slot.TrimLog(ctx, f.control, *f.stream)
}

// recordIdentities records, before replica identities are changed, what they were: who
// comes after a crash finds them changed.
func (f *following) recordIdentities(ctx context.Context) error {
	settings := *f.stream
	former := f.formerIdentities()
	if len(settings.Identities)+len(former) == 0 {
		return nil
	}
	if f.streaming {
		was, err := ledger.ReadStream(ctx, f.conn, f.plan.ID)
		if err != nil {
			return err
		}
		settings = was.Settings
	}
	settings.Identities = slices.Concat(f.stream.Identities, former)
	timeline, err := f.timeline(ctx)
	if err != nil {
		return err
	}
	return ledger.SetStream(ctx, f.conn, f.plan.ID, settings, timeline)
}

// checkPublished finds out, before the publications are made what they should be,
// whether they were all along: what was written to a table while it was in none is
// lost. Tables that are copied again or leave have none of that to fear.
func (f *following) checkPublished(ctx context.Context) error {
	c := slot.Checked{Address: f.change.Address, Stream: *f.stream}
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if m, known := f.members[t.OID]; known && t.Work == "" && m.State == ledger.Followed {
			c.Members = append(c.Members, m)
		}
	}
	return slot.CheckPublished(ctx, f.control, c)
}

// formerIdentities are those that the mirror had changed and no longer needs so.
func (f *following) formerIdentities() []planner.ReplicaIdentity {
	return slices.DeleteFunc(slices.Clone(f.identities), func(was planner.ReplicaIdentity) bool {
		return slices.ContainsFunc(f.stream.Identities, func(is planner.ReplicaIdentity) bool {
			return is.Schema == was.Schema && is.Name == was.Name
		})
	})
}

// planned are the members as the plan has them.
func (f *following) planned() []ledger.Member {
	var list []ledger.Member
	for i := range f.plan.Tables {
		if t := &f.plan.Tables[i]; followed(t) && t.Work != planner.WorkRemove {
			list = append(list, memberOf(t))
		}
	}
	return list
}

// working are the tables that something is done to. What else differs from the members
// is for the stream to bring.
func (f *following) working() map[uint32]bool {
	set := map[uint32]bool{}
	for i := range f.plan.Tables {
		set[f.plan.Tables[i].OID] = f.plan.Tables[i].Work != ""
	}
	return set
}

// followed reports whether changes of a table arrive by the stream.
func followed(t *planner.Table) bool {
	return t.Follow == planner.FollowAll || t.Follow == planner.FollowInserts
}

func memberOf(t *planner.Table) ledger.Member {
	schema, name := t.FinalName()
	return ledger.Member{Source: t.OID, Schema: t.Schema, Name: t.Name, TargetSchema: schema, TargetName: name,
		Follow: t.Follow, Key: t.Key, Dropped: t.Dropped, State: ledger.Copying}
}
