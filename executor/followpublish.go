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
	for _, m := range f.planned() {
		known := f.members[m.Source]
		switch {
		case !f.streaming || known.State == ledger.Followed && known.Follow == m.Follow:
			staying = append(staying, m)
		case known.State == ledger.Followed:
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
	if f.stream.OwnPublications {
		if err := slot.EnsurePublications(ctx, f.control, *f.stream, staying); err != nil {
			return err
		}
	}
	return slot.SetIdentities(ctx, f.control, f.formerIdentities(), true)
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

// followed reports whether changes of a table arrive by the stream.
func followed(t *planner.Table) bool {
	return t.Follow == planner.FollowAll || t.Follow == planner.FollowInserts
}

func memberOf(t *planner.Table) ledger.Member {
	schema, name := t.FinalName()
	return ledger.Member{Source: t.OID, Schema: t.Schema, Name: t.Name, TargetSchema: schema, TargetName: name,
		Follow: t.Follow, Key: t.Key, Dropped: t.Dropped, State: ledger.Copying}
}
