// Package graph runs dependent pieces of work on a bounded pool of workers.
//
// There are no phases: a piece (Node) starts when everything it needs is done and
// nothing that runs conflicts with its locks, the one of highest priority first.
// Small pieces of one batch run together in one call, so that thousands of tiny
// statements do not cost thousands of round trips.
//
// Locks are ours, not the server's: they keep two workers from statements that
// would wait for each other there, or deadlock. A node takes all of its locks at
// once.
//
// When a node fails, what needs it is skipped and the rest goes on. An error that
// went through Fatal stops everything, and errors that come after it count for nothing.
package graph

import (
	"context"
	"errors"
)

// Fatal marks an error after which nothing else can succeed. Its text stays.
func Fatal(err error) error { return &fatalError{err} }

type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

func fatal(err error) bool {
	var f *fatalError
	return errors.As(err, &f)
}

// Lock is something that a node needs for itself, or shares with other nodes.
type Lock struct {
	Name      string
	Exclusive bool
}

// Node is a piece of work. Key and one of Run and Batch are required.
type Node[W any] struct {
	Key string

	// Needs are keys of nodes that must be done before.
	Needs []string

	// Priority decides between nodes that could start: the higher first.
	Priority int64

	Locks []Lock

	// Run does the work, on a worker that nobody else uses meanwhile.
	Run func(ctx context.Context, w W) error

	// Work is what the node is about, for Batch.
	Work any

	// Batch, when set, is run with this and other ready nodes of the same Batch. It
	// does all of them or, with an error, none; they are then run one by one by Run.
	Batch *Batch[W]

	// Weight counts towards the limit of the batch. Default 1.
	Weight int64

	waiting int
	users   []*Node[W]
	state   state
}

// Batch joins small nodes.
type Batch[W any] struct {
	// Limit is the greatest sum of weights of one call.
	Limit int64

	Run func(ctx context.Context, w W, nodes []*Node[W]) error
}

func (n *Node[W]) weight() int64 { return max(1, n.Weight) }

type state int

const (
	idle state = iota
	ready
	running
	done
	failed
	skipped
)

// Graph is a set of nodes. The zero value is ready for Add.
type Graph[W any] struct {
	nodes map[string]*Node[W]
	order []*Node[W]
}

// Add adds a node; its needs may be added later. A key is added once.
func (g *Graph[W]) Add(n *Node[W]) {
	if g.nodes == nil {
		g.nodes = map[string]*Node[W]{}
	}
	if g.nodes[n.Key] != nil {
		panic("graph: two nodes " + n.Key)
	}
	g.nodes[n.Key] = n
	g.order = append(g.order, n)
}

// Error is the failure of one node.
type Error struct {
	Key string
	Err error
}

func (e *Error) Error() string { return e.Key + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
