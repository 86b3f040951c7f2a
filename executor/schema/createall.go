package schema

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/graph"
)

// Batch limits of one transaction: its locks must fit the server's lock table.
const (
	batchItems = 64
	batchBytes = 256 << 10
)

// Connect gives each of several workers its connection to the target.
type Connect func(ctx context.Context) (*pgconn.PgConn, error)

// together are kinds of entry whose dependencies the archive has in full, so that
// they can be made on several connections at once. Of others the archive's order
// says more than its dependencies: they are made one after the other.
var together = []string{"TABLE", "SEQUENCE", "SEQUENCE OWNED BY", "DEFAULT", "COMMENT", "TABLE ATTACH"}

// CreateAll makes the items, in an order that their dependencies and the archive's
// allow, except those that the ledger has already. It goes on after an error with
// what does not depend on the failed item, and returns all errors.
func (m *Maker) CreateAll(ctx context.Context, workers []Connect, items []*Item, done map[string]bool) error {
	c := &creation{Maker: m, failed: map[int]bool{}}
	todo := slices.DeleteFunc(slices.Clone(items), func(it *Item) bool { return done[it.Object.Key] })
	for len(todo) > 0 && ctx.Err() == nil {
		parallel := slices.Contains(together, todo[0].Desc)
		end := slices.IndexFunc(todo, func(it *Item) bool { return slices.Contains(together, it.Desc) != parallel })
		if end < 0 {
			end = len(todo)
		}
		crew := workers
		if !parallel {
			crew = workers[:1]
		}
		if err := c.run(ctx, crew, todo[:end]); err != nil {
			return err
		}
		todo = todo[end:]
	}
	if err := c.again(ctx, workers[:1], items); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(c.errs...)
}

// again makes what failed for a name that was not found once more, as long as that
// makes it fewer: a function's text names things that the archive does not know of,
// and may have put after what calls it.
func (c *creation) again(ctx context.Context, worker []Connect, items []*Item) error {
	for left := len(items) + 1; ctx.Err() == nil; {
		rest := slices.DeleteFunc(slices.Clone(items), func(it *Item) bool { return !c.failed[it.DumpID] })
		if len(rest) == 0 || len(rest) >= left || !slices.ContainsFunc(c.errs, notFound) {
			return nil
		}
		left = len(rest)
		c.failed, c.errs = map[int]bool{}, nil
		if err := c.run(ctx, worker, rest); err != nil {
			return err
		}
	}
	return nil
}

// creation is one CreateAll at work. mu guards failed and errs.
type creation struct {
	*Maker
	mu     sync.Mutex
	failed map[int]bool // by dump id
	errs   []error
}

// run makes items in batches, which are the nodes of a graph. An error of run is
// one of connecting; those of items are collected.
func (c *creation) run(ctx context.Context, workers []Connect, items []*Item) error {
	var g graph.Graph[Connect]
	where := map[int]string{} // dump id to the key of its batch
	for i, batch := range batches(items) {
		key := fmt.Sprintf("batch %06d", i)
		n := &graph.Node[Connect]{Key: key, Priority: int64(-i), Run: func(ctx context.Context, connect Connect) error {
			conn, err := connect(ctx)
			if err != nil {
				return graph.Fatal(err)
			}
			c.batch(ctx, conn, batch)
			return nil
		}}
		for _, it := range batch {
			where[it.DumpID] = key
		}
		for _, it := range batch {
			for _, id := range it.Dependencies {
				if on := where[id]; on != "" && on != key && !slices.Contains(n.Needs, on) {
					n.Needs = append(n.Needs, on)
				}
			}
		}
		if len(workers) == 1 && i > 0 {
			n.Needs = []string{fmt.Sprintf("batch %06d", i-1)}
		}
		g.Add(n)
	}
	return g.Run(ctx, workers)
}

// batches cuts items, in order, into what fits one transaction.
func batches(items []*Item) [][]*Item {
	var list [][]*Item
	size := 0
	for i, it := range items {
		if i == 0 || size > batchBytes || len(list[len(list)-1]) == batchItems {
			list, size = append(list, nil), 0
		}
		list[len(list)-1] = append(list[len(list)-1], it)
		size += len(it.SQL)
	}
	return list
}

// batch makes items in one transaction or, when that fails, one by one.
func (c *creation) batch(ctx context.Context, conn *pgconn.PgConn, batch []*Item) {
	if len(batch) > 1 && !slices.ContainsFunc(batch, c.hopeless) && c.Create(ctx, conn, batch...) == nil {
		return
	}
	for _, it := range batch {
		if ctx.Err() != nil {
			return
		}
		if c.hopeless(it) {
			c.fail(it, nil) // said once, at what it depends on
			continue
		}
		if err := c.CreateOne(ctx, conn, it); err != nil {
			c.fail(it, err)
		}
	}
}

// hopeless reports whether something that the item depends on failed.
func (c *creation) hopeless(it *Item) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(it.Dependencies, func(id int) bool { return c.failed[id] })
}

func (c *creation) fail(it *Item, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed[it.DumpID] = true
	if err != nil {
		c.errs = append(c.errs, err)
	}
}
