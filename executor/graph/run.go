package graph

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Run runs all nodes, len(workers) at once, and returns when nothing of it is left
// running. The error joins an *Error for each node that failed before ctx ended or one
// failed fatally; where none did, it is the cause of ctx. Needs that were never added are
// an error before anything starts, and so is a cycle after all that could run has.
func (g *Graph[W]) Run(ctx context.Context, workers []W) error {
	r, err := g.start()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.stop = stop
	unwatch := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.wake.Broadcast()
	})
	defer unwatch()

	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() { r.work(ctx, w) })
	}
	all.Wait()
	if len(r.errs) == 0 && r.left > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%d pieces of work need each other: %s", r.left, r.stuck())
	}
	return errors.Join(r.errs...)
}

// run is the state of one Run. mu guards all of it.
type run[W any] struct {
	mu     sync.Mutex
	wake   *sync.Cond
	ready  queue[W]
	parked []*Node[W] // ready, but for a lock
	locks  locks
	left   int
	active int
	errs   []error
	nodes  []*Node[W]
	stop   context.CancelCauseFunc
}

// group is what one worker runs in one go. Its nodes share its locks.
type group[W any] struct {
	nodes []*Node[W]
	held  map[string]bool // exclusively?
}

func (g *Graph[W]) start() (*run[W], error) {
	r := &run[W]{locks: locks{}, left: len(g.order), nodes: g.order}
	r.wake = sync.NewCond(&r.mu)
	for _, n := range g.order {
		for _, key := range n.Needs {
			need := g.nodes[key]
			if need == nil {
				return nil, fmt.Errorf("%s needs %s, which is not there", n.Key, key)
			}
			need.users = append(need.users, n)
			n.waiting++
		}
	}
	for _, n := range g.order {
		if n.waiting == 0 {
			r.enqueue(n)
		}
	}
	return r, nil
}

func (r *run[W]) enqueue(n *Node[W]) {
	n.state = ready
	heap.Push(&r.ready, n)
}

func (r *run[W]) work(ctx context.Context, w W) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		g := r.take(ctx)
		if g == nil {
			return
		}
		r.mu.Unlock()
		errs := perform(ctx, w, g.nodes)
		r.mu.Lock()
		r.locks.release(g.held)
		for i, n := range g.nodes {
			r.finish(ctx, n, errs[i])
		}
		r.active--
		for _, n := range r.parked {
			heap.Push(&r.ready, n)
		}
		r.parked = r.parked[:0]
		r.wake.Broadcast()
	}
}

// take waits for work and returns it with its locks taken, or nil at the end.
func (r *run[W]) take(ctx context.Context) *group[W] {
	for r.left > 0 && ctx.Err() == nil {
		g := &group[W]{held: map[string]bool{}}
		if n := r.next(g, nil); n != nil {
			r.active++
			r.fill(g)
			return g
		}
		if r.active == 0 {
			return nil // a cycle
		}
		r.wake.Wait()
	}
	return nil
}

// next moves the best node that can start into the group: of the batch, when one
// is given.
func (r *run[W]) next(g *group[W], batch *Batch[W]) *Node[W] {
	for r.ready.Len() > 0 {
		if batch != nil && r.ready[0].Batch != batch {
			return nil
		}
		n := heap.Pop(&r.ready).(*Node[W])
		if r.locks.take(g.held, n.Locks) {
			n.state = running
			g.nodes = append(g.nodes, n)
			return n
		}
		r.parked = append(r.parked, n)
	}
	return nil
}

// fill adds to the group what can run in the batch of its first node.
func (r *run[W]) fill(g *group[W]) {
	batch := g.nodes[0].Batch
	if batch == nil {
		return
	}
	for sum := g.nodes[0].weight(); r.ready.Len() > 0 && sum+r.ready[0].weight() <= batch.Limit; {
		n := r.next(g, batch)
		if n == nil {
			return
		}
		sum += n.weight()
	}
}

// perform runs the nodes and returns an error for each.
func perform[W any](ctx context.Context, w W, nodes []*Node[W]) []error {
	errs := make([]error, len(nodes))
	if batch := nodes[0].Batch; batch != nil && len(nodes) > 1 {
		err := batch.Run(ctx, w, nodes)
		if err == nil {
			return errs
		}
		if ctx.Err() != nil || fatal(err) {
			for i := range errs {
				errs[i] = err
			}
			return errs
		}
	}
	for i, n := range nodes {
		if errs[i] = ctx.Err(); errs[i] == nil {
			errs[i] = n.Run(ctx, w)
		}
	}
	return errs
}

// finish notes how a node ended. One that ends with an error after ctx did was
// stopped, and has not failed: what its statement says of the cancel, which the server
// calls an error of its own, gives way to the cause of ctx.
func (r *run[W]) finish(ctx context.Context, n *Node[W], err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	r.left--
	if err != nil {
		n.state = failed
		r.errs = append(r.errs, &Error{Key: n.Key, Err: err})
		r.skip(n.users)
		if fatal(err) {
			r.stop(err)
		}
		return
	}
	n.state = done
	for _, u := range n.users {
		if u.waiting--; u.waiting == 0 && u.state == idle {
			r.enqueue(u)
		}
	}
}

func (r *run[W]) skip(nodes []*Node[W]) {
	for _, n := range nodes {
		if n.state == idle {
			n.state = skipped
			r.left--
			r.skip(n.users)
		}
	}
}

func (r *run[W]) stuck() []string {
	var keys []string
	for _, n := range r.nodes {
		if n.state == idle || n.state == ready {
			keys = append(keys, n.Key)
		}
	}
	slices.Sort(keys)
	return keys[:min(len(keys), 5)]
}

// locks counts the groups that share a lock; -1 is one that has it for itself.
type locks map[string]int

// take takes all wanted locks into held, or none.
func (l locks) take(held map[string]bool, want []Lock) bool {
	for _, w := range want {
		exclusive, have := held[w.Name]
		switch n := l[w.Name]; {
		case exclusive, have && (!w.Exclusive || n == 1):
		case have, n < 0, n > 0 && w.Exclusive:
			return false
		}
	}
	for _, w := range want {
		exclusive, have := held[w.Name]
		switch {
		case w.Exclusive:
			l[w.Name], held[w.Name] = -1, true
		case !have && !exclusive:
			l[w.Name]++
			held[w.Name] = false
		}
	}
	return true
}

func (l locks) release(held map[string]bool) {
	for name, exclusive := range held {
		if l[name]--; exclusive || l[name] == 0 {
			delete(l, name)
		}
	}
}

// queue is a heap of nodes: the highest priority first, then by key.
type queue[W any] []*Node[W]

func (q queue[W]) Len() int      { return len(q) }
func (q queue[W]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue[W]) Less(i, j int) bool {
	if q[i].Priority != q[j].Priority {
		return q[i].Priority > q[j].Priority
	}
	return q[i].Key < q[j].Key
}
func (q *queue[W]) Push(x any) { *q = append(*q, x.(*Node[W])) }
func (q *queue[W]) Pop() any {
	old := *q
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return n
}
