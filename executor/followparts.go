package executor

import (
	"context"

	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
)

// rangesFrom is how many chunks a table has at least that is cut by ranges of its
// key. A range outlives the snapshot that it was copied under, which ranges of blocks
// do not; it is also somewhat slower to read.
const rangesFrom = 4

// cutByKey cuts large tables by ranges of their key, so that a crash costs the ranges
// that were on their way, and no more. Ranges that an earlier try has copied stay,
// each with its point; the others get that of this try.
func (f *following) cutByKey(ctx context.Context, todo []*planner.Table) error {
	f.partsDone = map[uint32]map[int]bool{}
	recorded, err := ledger.Parts(ctx, f.conn, f.plan.ID)
	if err != nil {
		return err
	}
	for _, t := range todo {
		t.Bounds = nil
		parts, err := f.parts(ctx, t)
		switch {
		case err != nil:
			return err
		case parts != nil:
			t.Parts = len(parts)
			for _, p := range parts[1:] {
				t.Bounds = append(t.Bounds, *p.Low)
			}
			err = ledger.PutParts(ctx, f.conn, f.plan.ID, t.OID, parts)
		case recorded[t.OID] != nil: // of another copy, whose points are not those of this one
			err = ledger.DropParts(ctx, f.conn, f.plan.ID, t.OID)
		}
		if err != nil {
			return err
		}
	}
	return f.findUnequal(ctx)
}

// parts returns the ranges that a table is copied by, or nil where it is not.
func (f *following) parts(ctx context.Context, t *planner.Table) ([]ledger.Part, error) {
	if f.streaming || len(t.Key) != 1 || t.Follow != planner.FollowAll || t.Kind != "table" {
		return nil, nil
	}
	parts, err := f.earlierParts(ctx, t)
	if err != nil || parts != nil || t.Parts < rangesFrom {
		return parts, err
	}
	return f.newParts(ctx, t)
}

// earlierParts returns the parts of a table of which some are copied, with the points
// that they have now, or nil.
func (f *following) earlierParts(ctx context.Context, t *planner.Table) ([]ledger.Part, error) {
	parts := f.members[t.OID].Parts
	if len(parts) < 2 {
		return nil, nil
	}
	in, name := f.place(t)
	done, err := ledger.PartsDone(ctx, f.conn, f.plan.ID, in, name)
	if err != nil || len(done) == 0 {
		return nil, err
	}
	for i := range parts {
		if !done[parts[i].Number] {
			parts[i].Point = f.copied.point
		}
	}
	f.partsDone[t.OID] = done
	return parts, nil
}

// newParts cuts a table anew, or returns nil where its key does not lend itself to it.
func (f *following) newParts(ctx context.Context, t *planner.Table) ([]ledger.Part, error) {
	bounds, err := catalog.ReadKeyBounds(ctx, f.control, t.OID, t.Key[0])
	if err != nil || len(bounds) < 2*t.Parts {
		return nil, err
	}
	if t.Renamed() { // definitions say its first name, and it would have its last by then
		late := unequal{}
		if err := f.addUnequal(ctx, late, t); err != nil || len(late) > 0 {
			return nil, err
		}
	}
	parts := []ledger.Part{{Point: f.copied.point}}
	for i := 1; i < t.Parts; i++ {
		low := bounds[i*(len(bounds)-1)/t.Parts]
		parts[i-1].High = &low
		parts = append(parts, ledger.Part{Number: i, Low: &low, Point: f.copied.point})
	}
	return parts, nil
}
