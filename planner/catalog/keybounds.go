package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ReadKeyBounds returns values that cut a table into ranges of equal size by an
// integer column: the bounds of its histogram (pg_stats). There are none where the
// column is of another type, was never analysed, or does not lie on the disk in its
// order: then a range is no cheaper to read than the whole.
func ReadKeyBounds(ctx context.Context, conn *pgx.Conn, table uint32, column string) ([]int64, error) {
	var bounds []int64
	err := conn.QueryRow(ctx, selectKeyBounds, table, column).Scan(&bounds)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the bounds of %s: %w", column, err)
	}
	return bounds, nil
}

const selectKeyBounds = `
	select s.histogram_bounds::text::bigint[]
	from pg_catalog.pg_stats s
	join pg_catalog.pg_namespace n on n.nspname = s.schemaname
	join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = s.tablename
	join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = s.attname
	where c.oid = $1 and s.attname = $2 and not s.inherited
		and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
		and (s.correlation > 0.9 or s.correlation < -0.9) and s.histogram_bounds is not null`
