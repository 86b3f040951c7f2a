package schema

import (
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
// already is passed over.
func (m *Maker) Undo(ctx context.Context, conn *pgconn.PgConn, objects []ledger.Object) error {
	for group := range slices.Chunk(backwards(objects), batchItems) {
		if err := m.undo(ctx, conn, group); err == nil {
			continue
		}
		for _, o := range group {
			if err := m.undo(ctx, conn, []ledger.Object{o}); gone(err) {
				o.Drop = ""
				if err := m.undo(ctx, conn, []ledger.Object{o}); err != nil {
					return err
				}
			} else if err != nil {
				return err
			}
		}
	}
	return nil
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
// first. Schemas and extensions stay.
func (m *Maker) Clean(ctx context.Context, conn *pgconn.PgConn, items []*Item) error {
	for _, it := range slices.Backward(items) {
		drop := strings.TrimSpace(it.Drop)
		if drop == "" || slices.Contains(keptByClean, it.Desc) {
			continue
		}
		err := m.Run(ctx, conn, "drop "+it.Name(), "", []string{drop})
		switch {
		case err == nil, gone(err):
		case session.Code(err) == "2BP01":
			return &BlockedError{Name: it.Name(), Err: errors.Unwrap(err)}
		default:
			return err
		}
	}
	return nil
}

var keptByClean = []string{"SCHEMA", "EXTENSION", "PROCEDURAL LANGUAGE", "DEFAULT ACL", "ACL", "COMMENT"}
