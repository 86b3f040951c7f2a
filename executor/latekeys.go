package executor

import (
	"context"

	"github.com/jackc/pgx/v5"

	"bascule/executor/graph"
	"bascule/executor/schema"
	"bascule/planner"
)

// Parts of a table that were copied at different points are not one moment of it: a
// value that moved from a row of one to a row of the other meanwhile may be in both,
// or in neither. That is over when the stream has passed the last of the points, so
// what is unique beyond the column that the table is cut by is built then, beside the
// stream, and with it what stands on that.

// unequal is what must not be built on such tables while they are that: class and oid
// on the source of indexes, and of constraints.
type unequal map[[2]uint32]bool

// findUnequal finds it for the tables of this try.
func (f *following) findUnequal(ctx context.Context) error {
	f.unequal = unequal{}
	for i := range f.plan.Tables {
		t := &f.plan.Tables[i]
		if !f.apart(t) {
			continue
		}
		if err := f.addUnequal(ctx, f.unequal, t); err != nil {
			return err
		}
	}
	return nil
}

// apart reports whether parts of a table have different points.
func (f *following) apart(t *planner.Table) bool {
	if len(t.Key) != 1 || f.complete {
		return false
	}
	parts := f.members[t.OID].Parts
	for i := range parts {
		if parts[i].Point != parts[0].Point {
			return true
		}
	}
	return len(f.partsDone[t.OID]) > 0
}

// addUnequal adds what is unique on a table in another way than by the column that it
// is cut by.
func (f *following) addUnequal(ctx context.Context, to unequal, t *planner.Table) error {
	rows, err := f.control.Query(ctx, selectUnequal, t.OID, t.Key[0])
	if err != nil {
		return err
	}
	var class, oid uint32
	_, err = pgx.ForEachRow(rows, []any{&class, &oid}, func() error {
		to[[2]uint32{class, oid}] = true
		return nil
	})
	return err
}

// late reports whether an entry is built beside the stream because tables have parts
// of different points.
func (b *build) late(it *schema.Item) bool {
	if len(b.unequal) == 0 || b.made[it.Object.Key] {
		return false
	}
	return b.unequal[[2]uint32{it.Class, it.OID}] || len(b.lateNeeds(it)) > 0
}

// lateNeeds are the nodes of what an entry stands on that is late itself.
func (b *build) lateNeeds(it *schema.Item) (keys []string) {
	for _, id := range it.Dependencies {
		if on := b.posts[id]; on != nil && b.late(on) {
			keys = append(keys, objectKey(id))
		}
	}
	return keys
}

// addLate adds such an entry.
func (b *build) addLate(it *schema.Item, n *graph.Node[*worker]) {
	n.Needs = b.lateNeeds(it)
	for i := range n.Locks {
		n.Locks[i].Exclusive = true
	}
	if key, stepwise := b.keys[it.OID]; stepwise && it.Class == classConstraint && key.Kind == 'f' && key.Validated {
		b.addForeignKey(it, n, key, &b.beside)
		return
	}
	b.beside.Add(n)
}

const selectUnequal = `
	with alike as (
		select i.indexrelid
		from pg_catalog.pg_index i
		where i.indrelid = $1 and (i.indisexclusion or i.indisunique and not exists (
			select from pg_catalog.pg_attribute a
			where a.attrelid = i.indrelid and a.attname = $2 and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]))))
	select 'pg_catalog.pg_class'::regclass::oid, indexrelid from alike
	union all
	select 'pg_catalog.pg_constraint'::regclass::oid, c.oid from alike join pg_catalog.pg_constraint c on c.conindid = indexrelid and c.conrelid = $1
	order by 1, 2`
