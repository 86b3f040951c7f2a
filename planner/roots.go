package planner

import (
	"slices"

	"bascule/planner/catalog"
)

// throughRoots has the rows of partitions written to their root, where changes are
// and the target's tables are its own: it may be partitioned otherwise, or not at all.
func (d *draft) throughRoots() {
	if d.out.Stream == nil || !d.viaRoot() || d.decl.Schema.Copy {
		return
	}
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if root := d.top(t); root != t {
			t.RootSchema, t.RootName = root.FinalName()
		}
	}
}

// attachment says how a table of the target, which the mirror has made, differs from
// the source's in what it is a partition of, "" when it does not.
func (d *draft) attachment(t *Table, there *catalog.Relation) string {
	r := d.byOID[t.OID]
	switch {
	case !d.decl.Schema.Copy || r == nil || r.IsPartition == there.IsPartition:
		return ""
	case there.IsPartition:
		return "it is a partition, and on the source it is none any more"
	}
	return "it is no partition, and on the source it is one now"
}

// top is the topmost table of the mirror that this is a partition of, or itself.
func (d *draft) top(t *Table) *Table {
	for len(t.PartitionOf) > 0 {
		i := slices.IndexFunc(d.out.Tables, func(p Table) bool { return p.OID == t.PartitionOf[0] })
		if i < 0 {
			break
		}
		t = &d.out.Tables[i]
	}
	return t
}

// wholeRoots has a root and its partitions copied together, where changes of the
// partitions are published as those of the root: it has one point.
func (w *working) wholeRoots() {
	if !w.viaRoot() {
		return
	}
	moved := map[uint32]bool{}
	for i := range w.out.Tables {
		if t := &w.out.Tables[i]; t.Work != "" {
			moved[w.top(t).OID] = true
		}
	}
	for i := range w.out.Tables {
		if t := &w.out.Tables[i]; t.Work == "" && moved[w.top(t).OID] {
			t.Work = WorkAgain
		}
	}
}
