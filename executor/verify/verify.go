package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// Options narrow and widen a comparison. The zero value compares all definitions
// and all rows, without owners, privileges, and what belongs to the database itself.
type Options struct {
	// Owners and Privileges are compared too. An owner's own privileges are the
	// owner's on either side, whatever the two are called.
	Owners, Privileges bool

	// Settings of the database, and of roles in it, are compared too.
	Settings bool

	// Created: the database was created as a copy, so its comment, and with
	// Privileges its grants, are compared too.
	Created bool

	// Tables are those that arrive otherwise than whole under their own name.
	Tables []Table

	// Only compares Tables, with all that belongs to them, and nothing else.
	Only bool

	// LeftOut are objects of the source that are not expected on the target.
	LeftOut []Object

	// MoreOnTarget: the target may have objects that the source has not.
	MoreOnTarget bool

	// SkipRows compares definitions alone: no rows, sequence values, large objects.
	// CountRows compares numbers of rows but not what is in them.
	SkipRows, CountRows bool
}

// Table is a table that arrives changed.
type Table struct {
	Schema, Name string // on the source

	// TargetSchema and TargetName on the target. Default the same.
	TargetSchema, TargetName string

	// ExcludeColumns are not on the target, nor is what depends on them.
	ExcludeColumns []string

	// Where is an SQL condition on the source: the rows that are on the target.
	Where string
}

// Object is an object of the source, as in pg_depend.
type Object struct{ Class, OID uint32 }

// Report is what a comparison found.
type Report struct {
	// Differences by kind, then name.
	Differences []Difference

	// Notes say what was not compared, and what differs as it may.
	Notes []string

	// Objects, Tables and Rows of the source were compared.
	Objects, Tables int
	Rows            int64
}

// Equal reports whether nothing differs.
func (r *Report) Equal() bool { return len(r.Differences) == 0 }

// Difference is one thing that is not the same on both sides.
type Difference struct {
	// Kind is "table", "index", "rows", "sequence value" and so on; Name the
	// object's, quoted where it must be.
	Kind, Name string

	// Detail says what differs, and never a password.
	Detail string
}

func (d Difference) String() string { return d.Kind + " " + d.Name + ": " + d.Detail }

// Compare compares the databases of two sessions. Neither may be in a transaction.
//
// A table that cannot be read is an error, not a difference. The sessions can be
// used again afterwards, unless ctx was cancelled.
func Compare(ctx context.Context, source, target *pgx.Conn, opts Options) (*Report, error) {
	s, t := newSide("source", source), newSide("target", target)
	if err := both(ctx, s, t, (*side).begin); err != nil {
		return nil, err
	}
	defer s.end(ctx)
	defer t.end(ctx)
	scope := newScope(opts, s.major != t.major)
	err := both(ctx, s, t, func(x *side, ctx context.Context) error { return x.readFacts(ctx, opts, scope.crossMajor) })
	if err != nil {
		return nil, err
	}
	scope.resolve(s.facts, t.facts)
	r := &Report{Notes: scope.notes(s, t)}
	scope.compareFacts(r, s.facts, t.facts)
	if !opts.SkipRows {
		if err := scope.compareData(ctx, r, s, t); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Detail, b.Detail))
	})
	return r, nil
}

// rows runs a query on both sides at once.
func rows(ctx context.Context, s, t *side, q string) (ours, theirs [][]string, err error) {
	err = both(ctx, s, t, func(x *side, ctx context.Context) error {
		got, err := x.query(ctx, q)
		if x == s {
			ours = got
		} else {
			theirs = got
		}
		return err
	})
	return ours, theirs, err
}

// both does the same on both sides at once.
func both(ctx context.Context, s, t *side, do func(*side, context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, x := range []*side{s, t} {
		g.Go(func() error {
			if err := do(x, ctx); err != nil {
				return fmt.Errorf("%s: %w", x.role, err)
			}
			return nil
		})
	}
	return g.Wait()
}
