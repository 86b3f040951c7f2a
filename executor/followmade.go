package executor

import (
	"context"
	"slices"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/schema"
	"bascule/executor/schema/archive"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// definitions reads the source's and makes what is missing.
func (f *following) definitions(ctx context.Context, todo []*planner.Table) error {
	if !f.plan.Options.SchemaCopy {
		return nil
	}
	f.stage("read the schema")
	dump, err := f.settledDefinitions(ctx)
	if err != nil {
		return err
	}
	done, err := f.settleObjects(ctx, dump, todo)
	if err != nil {
		return err
	}
	f.stage("create the schema")
	return f.maker.CreateAll(ctx, f.connects(), f.choice.Pre, done)
}

// settledDefinitions reads definitions that did not move meanwhile, and that are those
// of the plan but for the replica identities that it changes itself, for this mirror
// or for another.
func (f *following) settledDefinitions(ctx context.Context) (*archive.Archive, error) {
	for range 3 {
		before, err := catalog.Fingerprint(ctx, f.control)
		if err != nil {
			return nil, err
		}
		dump, err := f.readDefinitions(ctx)
		if err != nil {
			return nil, err
		}
		after, err := catalog.Fingerprint(ctx, f.control)
		switch {
		case err != nil:
			return nil, err
		case after == before && (after == f.plannedFingerprint() || f.changesIdentities()):
			return dump, nil
		case !f.changesIdentities():
			return nil, &ChangedError{}
		}
	}
	return nil, &ChangedError{}
}

// settleObjects chooses what is made, and returns the keys of what is made already.
func (f *following) settleObjects(ctx context.Context, dump *archive.Archive, todo []*planner.Table) (map[string]bool, error) {
	recorded, err := ledger.Objects(ctx, f.conn, f.plan.ID)
	if err != nil {
		return nil, err
	}
	present, err := schema.Present(ctx, f.conn)
	if err != nil {
		return nil, err
	}
	made := map[string]string{}
	f.made = map[string]bool{}
	for _, o := range recorded {
		made[o.Key], f.made[o.Key] = o.Checksum, true
	}
	f.choice = schema.Choose(dump, f.plan, func(e *archive.Entry) bool {
		_, ours := made[e.Identity()]
		return !ours && present(e.Desc, e.Tag)
	})
	if f.streaming {
		if err := f.remake(ctx, made); err != nil {
			return nil, err
		}
	}
	if len(todo) > 0 && f.streaming {
		var oids []uint32
		for _, t := range todo {
			oids = append(oids, t.OID)
		}
		for i := range f.plan.Tables {
			if t := &f.plan.Tables[i]; t.Kind == "partitioned" && t.Work == planner.WorkAdd {
				oids = append(oids, t.OID)
			}
		}
		f.choice.Narrow(oids)
		f.choice.AttachLate(f.joiners())
	}
	if f.streaming {
		if err := f.findStanding(ctx); err != nil {
			return nil, err
		}
	}
	if f.plan.Clean && len(recorded) == 0 {
		if err := f.clean(ctx, f.conn.PgConn()); err != nil {
			return nil, err
		}
	}
	for _, it := range slices.Concat(f.choice.Pre, f.choice.Post) {
		if sum, there := made[it.Object.Key]; there && sum != it.Object.Checksum && !f.streaming {
			return nil, &ReshapedError{Object: it.Name()}
		}
	}
	return f.made, nil
}

// joiners are the tables that become partitions of ones that stand already.
func (f *following) joiners() []uint32 {
	var oids []uint32
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if parent := f.parent(t); t.Work == planner.WorkAdd && parent != nil && parent.Work != planner.WorkAdd {
			oids = append(oids, t.OID)
		}
	}
	return oids
}

// parent is the table of the mirror that this is a partition of, or nil.
func (f *following) parent(t *planner.Table) *planner.Table {
	if len(t.PartitionOf) == 0 {
		return nil
	}
	for i := range f.plan.Tables {
		if f.plan.Tables[i].OID == t.PartitionOf[0] {
			return &f.plan.Tables[i]
		}
	}
	return nil
}

// remake prepares that tables which come to a mirror that streams are made: what
// stands in their place is dropped where the plan says so, and what is recorded of
// an earlier copy that is gone is forgotten. made and f.made then lack it.
func (f *following) remake(ctx context.Context, made map[string]string) error {
	var added, gone []uint32
	var keys []string
	for i := range f.plan.Tables {
		if t := &f.plan.Tables[i]; t.Work == planner.WorkAdd {
			added = append(added, t.OID)
		}
	}
	if f.plan.Clean {
		if err := f.dropAdded(ctx); err != nil {
			return err
		}
		if err := f.maker.Clean(ctx, f.conn.PgConn(), f.choice.Own(added)); err != nil {
			return err
		}
	}
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if t.Work != planner.WorkAdd {
			continue
		}
		var there bool
		if err := f.conn.QueryRow(ctx, tableThere, pgname.Qualified(f.place(t))).Scan(&there); err != nil {
			return err
		}
		if !there {
			gone = append(gone, t.OID)
			keys = append(keys, "MOVE "+t.SourceName())
		}
	}
	for _, it := range f.choice.Own(gone) {
		keys = append(keys, it.Object.Key)
	}
	for _, key := range keys {
		if _, known := made[key]; !known {
			continue
		}
		if err := session.Exec(ctx, f.conn.PgConn(), ledger.ForgetObject(f.plan.ID, key)); err != nil {
			return err
		}
		delete(made, key)
		delete(f.made, key)
	}
	return nil
}

// dropAdded drops what stands where tables that are made anew are made, and where they
// go in the end. What others depend on is left to those who know them.
func (f *following) dropAdded(ctx context.Context) error {
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if t.Work != planner.WorkAdd {
			continue
		}
		for _, name := range []string{pgname.Qualified(f.place(t)), pgname.Qualified(t.FinalName())} {
			err := f.maker.Run(ctx, f.conn.PgConn(), "drop "+name, "", []string{"drop table if exists " + name})
			if err != nil && (session.Code(err) != dependedOn || name != pgname.Qualified(f.place(t))) {
				return err
			}
		}
	}
	return nil
}

const dependedOn = "2BP01"

const tableThere = `select pg_catalog.to_regclass($1) is not null`
