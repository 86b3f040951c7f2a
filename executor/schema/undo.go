package schema

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/ledger"
	"bascule/planner/session"
)

// Undo drops recorded objects, the youngest first, with their records. What is gone
// already is passed over. What something older still needs, such as the index of a
// partition that was attached to its parent's, comes after that.
func (m *Maker) Undo(ctx context.Context, conn *pgconn.PgConn, objects []ledger.Object) error {
	left := backwards(objects)
	for len(left) > 0 {
		needed, err := m.undoFree(ctx, conn, left)
		if err != nil && len(needed) == len(left) || len(needed) == 0 {
			return err
		}
		left = needed
	}
	return nil
}

// undoFree drops the objects that nothing needs. It returns the others, with the
// error of the first; an error that comes with none is another one.
func (m *Maker) undoFree(ctx context.Context, conn *pgconn.PgConn, objects []ledger.Object) (needed []ledger.Object, first error) {
	for group := range slices.Chunk(objects, batchItems) {
		if err := m.undo(ctx, conn, group); err == nil {
			continue
		}
		for _, o := range group {
			err := m.undo(ctx, conn, []ledger.Object{o})
			if gone(err) {
				o.Drop = ""
				err = m.undo(ctx, conn, []ledger.Object{o})
			}
			switch {
			case err == nil:
			case isNeeded(err):
				needed = append(needed, o)
				first = cmp.Or(first, err)
			default:
				return nil, err
			}
		}
	}
	return needed, first
}

// isNeeded reports whether something else stands on what was to be dropped.
func isNeeded(err error) bool {
	return slices.Contains([]string{"2BP01", "42P16"}, session.Code(err))
}

func (m *Maker) undo(ctx context.Context, conn *pgconn.PgConn, objects []ledger.Object) error {
	var sqls []string
	for _, o := range objects {
		if drop := strings.TrimSpace(o.Drop); drop != "" {
			sqls = append(sqls, drop)
		}
		sqls = append(sqls, ledger.ForgetObject(m.Mirror, o.Key))
	}
	name := "drop " + objects[0].Key
	if len(objects) > 1 {
		name = fmt.Sprintf("drop %d objects from %s", len(objects), objects[0].Key)
	}
	return m.Run(ctx, conn, name, "", sqls)
}

func backwards(objects []ledger.Object) []ledger.Object {
	list := slices.Clone(objects)
	slices.Reverse(list)
	return list
}

// gone reports whether what was to be dropped is not there.
func gone(err error) bool {
	return slices.Contains([]string{"42704", "42P01", "42883", "3F000", "42703", "42809"}, session.Code(err))
}

// BlockedError reports that something on the target, which is not the mirror's,
// depends on what is to be replaced.
type BlockedError struct {
	Name string
	Err  error
}

func (e *BlockedError) Error() string { return fmt.Sprintf("drop %s: %v", e.Name, e.Err) }
func (e *BlockedError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *BlockedError) Hint() string {
	return "drop what depends on it on the target (the message names it), or take another target"
}

// Clean drops what stands on the target under the names of the items, the last
// first, and what others of them need after those. Schemas and extensions stay.
func (m *Maker) Clean(ctx context.Context, conn *pgconn.PgConn, items []*Item) error {
	var left []*Item
	for _, it := range slices.Backward(items) {
		if strings.TrimSpace(it.Drop) != "" && !slices.Contains(keptByClean, it.Desc) {
			left = append(left, it)
		}
	}
	for len(left) > 0 {
		needed, err := m.cleanFree(ctx, conn, left)
		if err != nil && len(needed) == len(left) || len(needed) == 0 {
			return err
		}
		left = needed
	}
	return nil
}

// cleanFree is to Clean as undoFree to Undo.
func (m *Maker) cleanFree(ctx context.Context, conn *pgconn.PgConn, items []*Item) (needed []*Item, first error) {
	for _, it := range items {
		err := m.Run(ctx, conn, "drop "+it.Name(), "", []string{strings.TrimSpace(it.Drop)})
		switch {
		case err == nil, gone(err):
		case isNeeded(err):
			needed = append(needed, it)
			first = cmp.Or[error](first, &BlockedError{Name: it.Name(), Err: errors.Unwrap(err)})
		default:
			return nil, err
		}
	}
	return needed, first
}

var keptByClean = []string{"SCHEMA", "EXTENSION", "PROCEDURAL LANGUAGE", "DEFAULT ACL", "ACL", "COMMENT"}
