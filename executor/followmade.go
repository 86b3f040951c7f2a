package executor

import (
	"context"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/session"
)

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
		if err := f.maker.Clean(ctx, f.conn.PgConn(), f.choice.Own(added)); err != nil {
			return err
		}
		if err := f.dropMoved(ctx); err != nil {
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

// dropMoved drops what stands where tables that are made anew go in the end.
func (f *following) dropMoved(ctx context.Context) error {
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if t.Work != planner.WorkAdd || !t.Renamed() {
			continue
		}
		name := pgname.Qualified(t.FinalName())
		if err := f.maker.Run(ctx, f.conn.PgConn(), "drop "+name, "", []string{"drop table if exists " + name}); err != nil {
			return err
		}
	}
	return nil
}

const tableThere = `select pg_catalog.to_regclass($1) is not null`
