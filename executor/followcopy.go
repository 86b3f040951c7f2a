package executor

import (
	"context"
	"slices"

	"bascule/executor/ledger"
	"bascule/executor/snapshot"
	"bascule/executor/trigger"
	"bascule/planner"
	"bascule/planner/session"
)

// initial makes the schema and copies every table that no earlier try has finished,
// and goes over to streaming.
func (f *following) initial(ctx context.Context) error {
	if err := f.findCopied(ctx); err != nil {
		return err
	}
	todo := f.unfinished()
	if err := f.load(ctx, todo); err != nil {
		return err
	}
	defer f.release(ctx)
	for _, work := range []func(context.Context) error{f.sequences, f.privileges, f.move, f.settings, f.quiet} {
		if err := work(ctx); err != nil {
			return err
		}
	}
	members := f.planned()
	for i := range members {
		members[i].State, members[i].Point = ledger.Followed, f.members[members[i].Source].Point
	}
	if err := ledger.PutMembers(ctx, f.conn, f.plan.ID, members...); err != nil {
		return err
	}
	if err := f.forgetOthers(ctx); err != nil {
		return err
	}
	if err := ledger.Streaming(ctx, f.conn, f.plan.ID); err != nil {
		return err
	}
	f.release(ctx)
	return f.drive(ctx, nil)
}

// quiet switches the target's own triggers off, where changes cannot be written in the
// role in which they do not fire. What they were is recorded first.
func (f *following) quiet(ctx context.Context) error {
	switch {
	case len(f.stream.DisableTriggers) > 0:
	case len(f.stream.Silenced) > 0: // they need not be off any more
		if err := trigger.Restore(ctx, f.conn, f.stream.Silenced); err != nil {
			return err
		}
		f.stream.Silenced = nil
		return f.recordStream(ctx)
	default:
		return nil
	}
	list, err := trigger.Find(ctx, f.conn, f.stream.DisableTriggers, f.stream.Silenced)
	if err != nil {
		return err
	}
	f.stream.Silenced = list
	if err := f.recordStream(ctx); err != nil {
		return err
	}
	return trigger.Silence(ctx, f.conn, list)
}

// attach follows tables that are equal already, from the slot's point on.
func (f *following) attach(ctx context.Context) error {
	members := f.planned()
	for i := range members {
		members[i].State, members[i].Point = ledger.Followed, f.slot
	}
	if err := f.quiet(ctx); err != nil {
		return err
	}
	if err := ledger.PutMembers(ctx, f.conn, f.plan.ID, members...); err != nil {
		return err
	}
	if err := ledger.Streaming(ctx, f.conn, f.plan.ID); err != nil {
		return err
	}
	return f.drive(ctx, nil)
}

// findCopied finds the tables that an earlier try has copied whole: they stay, each
// with the point of its own copy.
func (f *following) findCopied(ctx context.Context) error {
	rec, err := ledger.Find(ctx, f.conn, f.plan.ID)
	if err != nil || rec == nil {
		return err
	}
	whole := map[[2]string]bool{}
	for _, t := range rec.Tables {
		whole[[2]string{t.Schema, t.Name}] = t.State == "copied"
	}
	f.have = map[uint32]bool{}
	for j := range f.plan.Tables {
		t := &f.plan.Tables[j]
		in, name := f.place(t)
		known := f.members[t.OID].Point != 0 || !followed(t)
		f.have[t.OID] = whole[[2]string{in, name}] && known && t.Kind != "partitioned"
	}
	f.keepFamilies()
	return nil
}

// keepFamilies has the partitions of a root whose changes are published as its own be
// copied together: they have one point.
func (f *following) keepFamilies() {
	copiedAgain := map[uint32]bool{}
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if root := f.rootOf(t); root != nil && t.Kind != "partitioned" && (!f.have[t.OID] || f.members[root.OID].Point == 0) {
			copiedAgain[root.OID] = true
		}
	}
	for i := range f.plan.Tables {
		if root := f.rootOf(&f.plan.Tables[i]); root != nil && copiedAgain[root.OID] {
			f.have[f.plan.Tables[i].OID] = false
		}
	}
}

// rootOf returns the followed table that the changes of a partition are published as
// changes of, or nil.
func (f *following) rootOf(t *planner.Table) *planner.Table {
	for i := 0; len(t.PartitionOf) > 0 && i < len(f.plan.Tables); {
		if f.plan.Tables[i].OID == t.PartitionOf[0] {
			t, i = &f.plan.Tables[i], 0
			continue
		}
		i++
	}
	if t.Kind == "partitioned" && followed(t) {
		return t
	}
	return nil
}

// joining are the tables that are followed from the point of this copy on: those that
// it fills, and the roots that their changes are published as.
func (f *following) joining(todo []*planner.Table) []*planner.Table {
	var list []*planner.Table
	add := func(t *planner.Table) {
		if t != nil && followed(t) && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	for _, t := range todo {
		add(t)
		add(f.rootOf(t))
	}
	for i := range f.plan.Tables { // roots without partitions
		t := &f.plan.Tables[i]
		if t.Kind == "partitioned" && f.members[t.OID].Point == 0 && (!f.streaming || t.Work == planner.WorkAdd) {
			add(t)
		}
	}
	return list
}

// place is where a table stands on the target while it is filled: it is moved when
// it is full.
func (at *attempt) place(t *planner.Table) (in, name string) {
	if at.plan.Options.SchemaCopy && t.Work != planner.WorkAgain {
		return t.Schema, t.Name
	}
	return t.FinalName()
}

// ReshapedError reports that a definition on the source is not the one that an
// interrupted copy began with.
type ReshapedError struct{ Object string }

func (e *ReshapedError) Error() string {
	return e.Object + " was changed on the source since the copy began (DDL was run there)"
}

// Hint says what the operator can do about it.
func (e *ReshapedError) Hint() string {
	return "begin again: remove the mirror from the configuration and apply, put it back, and apply; or undo the change on the source"
}

// unfinished are the tables that are to be copied.
func (f *following) unfinished() []*planner.Table {
	var list []*planner.Table
	for i := range f.plan.Tables {
		if t := &f.plan.Tables[i]; t.Kind != "partitioned" && !f.have[t.OID] {
			list = append(list, t)
		}
	}
	return list
}

// load makes what of the schema is missing, fills the tables under one new snapshot,
// and builds what stands on them, except what takes a look at all rows: that is
// built beside the stream.
func (f *following) load(ctx context.Context, todo []*planner.Table) error {
	f.live, f.streams, f.maker = true, f.streaming, f.newMaker()
	if err := f.prepareRoles(ctx); err != nil {
		return err
	}
	if err := f.hold(ctx, todo); err != nil {
		return err
	}
	for range f.plan.Options.Workers {
		f.workers = append(f.workers, &worker{snapshot.NewWorker(f.opener(), f.holder.Name)})
	}
	if err := f.prepare(ctx, todo); err != nil {
		f.release(ctx)
		return err
	}
	if err := f.fill(ctx); err != nil {
		f.release(ctx)
		return err
	}
	return nil
}

// prepare brings the target to where rows can be written: objects that come before
// rows are there, the tables to fill are empty, and the ledger says under which
// point they are being filled.
func (f *following) prepare(ctx context.Context, todo []*planner.Table) error {
	if err := f.definitions(ctx, todo); err != nil {
		return err
	}
	if !f.plan.Options.SchemaCopy { // the target's triggers are there already
		if err := f.quiet(ctx); err != nil {
			return err
		}
	}
	if err := f.cutByKey(ctx, todo); err != nil {
		return err
	}
	var members []ledger.Member
	for _, t := range f.joining(todo) {
		m := ledger.MemberOf(t)
		m.Point = f.copied.point
		f.members[m.Source] = m
		members = append(members, m)
	}
	if err := ledger.PutMembers(ctx, f.conn, f.plan.ID, members...); err != nil {
		return err
	}
	return f.emptied(ctx, todo)
}

// emptied empties the tables that are about to be filled, if anything is in them. A
// table that foreign keys refer to is not truncated but deleted from, under the role
// in which keys are not looked at: they stay, and are right again when it is filled.
func (f *following) emptied(ctx context.Context, todo []*planner.Table) error {
	for _, t := range todo {
		if len(f.partsDone[t.OID]) > 0 {
			continue
		}
		name, only := f.into(t), "only "
		if t.RootName != "" {
			only = ""
		}
		full, err := f.hasRows(ctx, only+name)
		if err != nil {
			return err
		}
		if !full {
			continue
		}
		remove := "delete from " + only + name
		if t.Kind == "config" {
			remove = "delete from " + t.SourceName() + " " + t.Condition
		} else {
			err = f.maker.Run(ctx, f.conn.PgConn(), "empty "+name, "", []string{"truncate " + only + name})
			if err == nil {
				continue
			}
			if session.Code(err) != "0A000" {
				return err
			}
		}
		sqls := []string{remove}
		if f.stream.ReplicaRole {
			sqls = []string{"set local session_replication_role = replica", remove}
		}
		if err := f.maker.Run(ctx, f.conn.PgConn(), "empty "+name, "", sqls); err != nil {
			return err
		}
	}
	return nil
}
