package executor

import (
	"slices"

	"bascule/config/pgname"
	"bascule/planner"
)

// carried are the tables that are followed whose rows these hold: themselves, or the
// root that changes of partitions are published as those of.
func (f *following) carried(todo []*planner.Table) []*planner.Table {
	var list []*planner.Table
	for _, t := range todo {
		if t = f.followedAs(t); t != nil && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// followedAs is the table as a change of which a change of t arrives, or nil.
func (f *following) followedAs(t *planner.Table) *planner.Table {
	for t != nil && !followed(t) {
		t = f.parent(t)
	}
	return t
}

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

// wholeRoots has the partitions of a root that is followed copied again, all of them,
// where some are not copied yet: the root has one point.
func (f *following) wholeRoots() {
	torn := map[uint32]bool{}
	for _, t := range f.unfinished() {
		if root := f.followedAs(t); root != nil && root != t {
			torn[root.OID] = true
		}
	}
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if root := f.followedAs(t); root != nil && torn[root.OID] {
			f.have[t.OID] = false
		}
	}
}

// into is the quoted name of the table that rows are written to while they are copied.
func (at *attempt) into(t *planner.Table) string {
	if t.RootName != "" {
		return pgname.Qualified(t.RootSchema, t.RootName)
	}
	return pgname.Qualified(at.place(t))
}
