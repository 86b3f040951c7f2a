package executor

import (
	"context"
	"errors"
	"slices"

	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/executor/stream"
	"bascule/planner"
)

// publish changes replica identities and makes the publications. Tables that come to
// a mirror that streams join later, when they stand on the target. A table that is to
// be followed in another way leaves first: its changes are passed over until it is
// copied again. No table is ever published without the identity that it needs, for
// its own UPDATE and DELETE would fail.
func (f *following) publish(ctx context.Context) error {
	if f.streaming {
		if err := f.leaveLog(ctx); err != nil {
			return err
		}
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
	if err := f.dropLog(ctx); err != nil {
		return err
	}
	if err := slot.EnsureLog(ctx, f.control, *f.stream); err != nil {
		return err
	}
	return slot.TrimLog(ctx, f.control, *f.stream)
}

// dropLog takes away the log that a try before this one had: the one that is recorded,
// or one of which only the record is gone, for it goes first.
func (f *following) dropLog(ctx context.Context) error {
	was, err := ledger.ReadStream(ctx, f.conn, f.plan.ID)
	if err != nil || was == nil || was.Settings.Log != "" && was.Settings.Log == f.stream.Log {
		return err
	}
	if was.Settings.Log != "" {
		return slot.DropLog(ctx, f.control, was.Settings.Log)
	}
	if f.stream.Log != "" || !f.stream.OwnSlot {
		return nil
	}
	err = slot.DropLog(ctx, f.control, f.stream.Slot) // log and slot have one name
	var foreign *slot.ForeignError
	if errors.As(err, &foreign) {
		return nil // of no concern to who has no log
	}
	return err
}

// leaveLog takes the log away from a mirror that streams and is not to have it any more.
// All that is in it goes to the target before: nobody reads it afterwards. That the log
// is gone is recorded first, or whoever comes after a crash would look for it.
func (f *following) leaveLog(ctx context.Context) error {
	was, err := ledger.ReadStream(ctx, f.conn, f.plan.ID)
	if err != nil || was == nil || was.Settings.Log == "" || was.Settings.Log == f.stream.Log {
		return err
	}
	if f.stream.Paused {
		return &PausedLogError{Mirror: f.change.Address}
	}
	f.stage("stream what the log of DDL has")
	cfg := f.driven(was.Settings).Config()
	if err := f.streamOut(ctx, cfg); err != nil {
		return err
	}
	settings := was.Settings
	settings.DDL, settings.Log, settings.LogTables, settings.LogExclude = f.stream.DDL, f.stream.Log, f.stream.LogTables, f.stream.LogExclude
	if err := ledger.SetStream(ctx, f.conn, f.plan.ID, settings, was.Timeline); err != nil {
		return err
	}
	if err := slot.DropLog(ctx, f.control, was.Settings.Log); err != nil {
		return err
	}
	// What was run before the log went, and after the stream had come to its end. What
	// the check looks at was found right a moment ago, and is gone in part.
	cfg.Check = nil
	return f.streamOut(ctx, cfg)
}

// streamOut streams until the target has all that the source has now. A plan that was
// made for tables of which this has made something else is out of date.
func (f *following) streamOut(ctx context.Context, cfg stream.Config) error {
	now, err := drive.SourceNow(ctx, f.control)
	if err != nil {
		return err
	}
	if err := drive.To(ctx, cfg, now, func(err error) error { return f.halted(ctx, err) }); err != nil {
		return err
	}
	before := f.members
	f.members = map[uint32]ledger.Member{}
	if err := f.readMembers(ctx); err != nil {
		return err
	}
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		was, is := before[t.OID], f.members[t.OID]
		if t.Work != "" && (was.State != is.State || was.Follow != is.Follow || was.TargetSchema != is.TargetSchema || was.TargetName != is.TargetName || !slices.Equal(was.Key, is.Key)) {
			return &ChangedError{}
		}
	}
	return nil
}

// PausedLogError reports that the log of a mirror's DDL is to go while nobody may stream
// what is in it.
type PausedLogError struct{ Mirror string }

func (e *PausedLogError) Error() string {
	return "the log of DDL of " + e.Mirror + " cannot be taken away while it is paused: what is in it would never come to the target"
}

// Hint says what the operator can do about it.
func (e *PausedLogError) Hint() string {
	return "set paused = false and apply, or leave stream.ddl and engine as they were until then"
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
	begun, err := ledger.BegunDDL(ctx, f.conn, f.plan.ID)
	if err != nil {
		return err
	}
	c := slot.Checked{Address: f.change.Address, Stream: *f.stream}
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if m, known := f.members[t.OID]; known && t.Work == "" && m.State == ledger.Followed {
			c.Members = append(c.Members, m)
		}
	}
	c.Members = drive.Unawaited(c.Members, begun)
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
			list = append(list, ledger.MemberOf(t))
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
