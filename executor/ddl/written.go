package ddl

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
)

// Wrote is how many rows of a table a command wrote.
type Wrote struct {
	Source                     uint32 // oid
	Table                      string
	Inserted, Updated, Deleted int64

	// Truncated: the counts say nothing.
	Truncated bool
}

// WroteRowsError reports a command that wrote rows of tables that a mirror follows, or
// would follow from then on. It was rolled back.
type WroteRowsError struct {
	Address string
	Tables  []Wrote

	// New: the command made the tables, and what it wrote into them is not sent.
	New bool
}

func (e *WroteRowsError) Error() string {
	var list []string
	for _, t := range e.Tables {
		var counts []string
		for _, c := range []struct {
			n    int64
			what string
		}{{t.Inserted, "inserted"}, {t.Updated, "updated"}, {t.Deleted, "deleted"}} {
			if c.n > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", c.n, c.what))
			}
		}
		if t.Truncated {
			counts = append(counts, "truncated")
		}
		list = append(list, fmt.Sprintf("%s (%s)", t.Table, strings.Join(counts, ", ")))
	}
	if e.New {
		return fmt.Sprintf("%s was rolled back on the source: it fills tables that it makes: %s; run again on the target it could write other rows", e.Address, strings.Join(list, ", "))
	}
	return fmt.Sprintf("%s was rolled back on the source: it wrote rows of tables that are mirrored: %s; they would arrive by the stream, and be written again by the command",
		e.Address, strings.Join(list, ", "))
}

// Hint says what the operator can do about it.
func (e *WroteRowsError) Hint() string {
	if e.New {
		return "make the table empty (CREATE TABLE ... AS ... WITH NO DATA), and fill it on the source when the block is applied: the stream carries the rows"
	}
	return "take what writes rows out of the block, and run it on the source by itself: the stream carries the rows"
}

// Written returns which of these tables the transaction has written rows of, by name.
// What rewrites a table is not counted.
func Written(ctx context.Context, tx pgx.Tx, oids []uint32) ([]Wrote, error) {
	rows, err := tx.Query(ctx, selectWritten, oids)
	if err != nil {
		return nil, fmt.Errorf("count the rows that were written: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w Wrote, err error) {
		var schema, name string
		err = row.Scan(&w.Source, &schema, &name, &w.Inserted, &w.Updated, &w.Deleted)
		w.Table = pgname.Shown(schema, name)
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("count the rows that were written: %w", err)
	}
	return list, nil
}

// A partition's rows are those of its own entry.
const selectWritten = `
	select relid, schemaname::text, relname::text, n_tup_ins, n_tup_upd, n_tup_del
	from pg_catalog.pg_stat_xact_all_tables
	where relid = any ($1::oid[]) and (n_tup_ins > 0 or n_tup_upd > 0 or n_tup_del > 0)
	order by schemaname, relname`
