package ddl

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/planner/session"
)

// detached brings a partition's detaching to its end that an earlier Run began with, and
// reports whether it is that by which the server refuses to begin again: it is pending,
// and nothing but its end is possible, or it is through.
func (a Alone) detached(ctx context.Context, x Statement, refused error) (bool, error) {
	switch session.Code(refused) {
	case "55000":
		pending, err := a.pending(ctx, x)
		if err != nil || pending == "" {
			return false, err
		}
		x.Text, x.Queues = pending, true
		return true, a.execute(ctx, x)
	case "42P01":
		var apart bool
		if err := a.Control.QueryRow(ctx, selectApart, x.Tables).Scan(&apart); err != nil {
			return false, fmt.Errorf("look for the partition: %w", err)
		}
		return apart, nil
	}
	return false, nil
}

// pending is the statement that ends a detaching of the statement's tables, or "".
func (a Alone) pending(ctx context.Context, x Statement) (string, error) {
	rows, err := a.Control.Query(ctx, selectPending, x.Tables)
	if err != nil {
		return "", fmt.Errorf("look for the partition: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

const (
	// A table has one partition at most that is pending; a server of 13 knows none.
	selectPending = `
		select pg_catalog.format('alter table %s detach partition %s finalize', i.inhparent::pg_catalog.regclass, i.inhrelid::pg_catalog.regclass)
		from pg_catalog.pg_inherits i
		where (pg_catalog.to_jsonb(i) operator(pg_catalog.->>) 'inhdetachpending') operator(pg_catalog.=) 'true'
			and i.inhrelid operator(pg_catalog.=) any (select pg_catalog.to_regclass(t.name) from pg_catalog.unnest($1::pg_catalog.text[]) t(name))
			and i.inhparent operator(pg_catalog.=) any (select pg_catalog.to_regclass(t.name) from pg_catalog.unnest($1::pg_catalog.text[]) t(name))
		order by i.inhrelid`

	selectApart = `
		select pg_catalog.count(*) operator(pg_catalog.>) 1
			and pg_catalog.bool_and(pg_catalog.to_regclass(t.name) is not null)
			and not exists (
				select from pg_catalog.pg_inherits i
				where i.inhrelid operator(pg_catalog.=) any (select pg_catalog.to_regclass(u.name) from pg_catalog.unnest($1::pg_catalog.text[]) u(name))
					and i.inhparent operator(pg_catalog.=) any (select pg_catalog.to_regclass(u.name) from pg_catalog.unnest($1::pg_catalog.text[]) u(name)))
		from pg_catalog.unnest($1::pg_catalog.text[]) t(name)`
)
