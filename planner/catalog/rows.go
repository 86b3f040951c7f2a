package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
)

// lookBatch is how many tables one statement looks into. Each holds a lock until
// the statement ends, and a server may have room for a few thousand.
const lookBatch = 250

// lookForRows fills in HasRows, outside a transaction so that no lock is kept. A
// table that cannot be looked into (no right to, row security, another session
// alters it) counts as having rows; one without a block of storage has none.
func (r *reader) lookForRows(ctx context.Context, conn *pgx.Conn) error {
	var look []*Relation
	for i := range r.db.Relations {
		t := &r.db.Relations[i]
		switch {
		case t.Kind != Table, r.empty[t.OID]:
		case r.unseen[t.OID]:
			t.HasRows = true
		default:
			look = append(look, t)
		}
	}
	for batch := range slices.Chunk(look, lookBatch) {
		err := lookInto(ctx, conn, batch)
		if gone(err) {
			err = lookApart(ctx, conn, batch)
		}
		if err != nil {
			return fmt.Errorf("look for rows in the tables: %w", err)
		}
	}
	return nil
}

// lookApart looks into tables of which somebody dropped or renamed one since they were
// listed. That one counts as having rows.
func lookApart(ctx context.Context, conn *pgx.Conn, tables []*Relation) error {
	for _, t := range tables {
		err := lookInto(ctx, conn, []*Relation{t})
		if gone(err) {
			t.HasRows, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gone reports whether an error is that a table or its schema is not there.
func gone(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "42P01" || refused.Code == "3F000")
}

func lookInto(ctx context.Context, conn *pgx.Conn, tables []*Relation) error {
	var b strings.Builder
	for i, t := range tables {
		if i > 0 {
			b.WriteString(unionAll)
		}
		fmt.Fprintf(&b, selectExists, i, pgname.Qualified(t.Schema, t.Name))
	}
	rows, err := conn.Query(ctx, b.String())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var exists bool
		if err := rows.Scan(&i, &exists); err != nil {
			return err
		}
		tables[i].HasRows = exists
	}
	return rows.Err()
}

const (
	selectExists = `select %d as n, exists(select from only %s) as found`

	unionAll = ` union all `
)
