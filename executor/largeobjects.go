package executor

import (
	"context"
	"fmt"
	"slices"

	"bascule/executor/graph"
	"bascule/executor/snapshot"
)

// largeObjectsAtOnce are copied in one transaction.
const largeObjectsAtOnce = 500

// addLargeObjects adds the copying of large objects.
func (b *build) addLargeObjects() {
	o := b.plan.Options
	opts := snapshot.LargeObjectOptions{Mirror: b.plan.ID, Owners: o.Owners, Privileges: o.Privileges, Comments: !o.SkipComments}
	i := 0
	for group := range slices.Chunk(b.largeObjects, largeObjectsAtOnce) {
		name := fmt.Sprintf("large objects %d", i)
		i++
		b.graph.Add(&graph.Node[*worker]{Key: name, Priority: smallTable, Run: func(ctx context.Context, w *worker) error {
			return b.retry(ctx, w, func() error {
				return endedBy(ctx, snapshot.CopyLargeObjects(ctx, w.Worker, group, opts))
			}, name)
		}})
	}
}
