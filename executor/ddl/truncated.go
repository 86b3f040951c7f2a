package ddl

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
)

// A TRUNCATE is counted nowhere, and takes back what was counted before it in the same
// transaction. In a function or a DO nobody sees it beforehand either. What shows it is
// the table's new file, which is empty: one that ALTER TABLE or CLUSTER has written has
// the rows.

// storage is where the rows of the tables were before a command: those of the mirrors,
// and their partitions. The slices are of one length.
type storage struct {
	tables []uint32
	files  []uint32
	kinds  []string // access method, tablespace, persistence: to change one is to rewrite
	live   []bool   // the server's statistics know of rows
}

// readStorage reads it, without a lock on any table.
func readStorage(ctx context.Context, tx pgx.Tx, followed []uint32) (storage, error) {
	var s storage
	rows, err := tx.Query(ctx, selectStorage, followed)
	if err != nil {
		return s, fmt.Errorf("look where the rows of the tables are: %w", err)
	}
	var table, file uint32
	var kind string
	var live bool
	_, err = pgx.ForEachRow(rows, []any{&table, &file, &kind, &live}, func() error {
		s.tables, s.files, s.kinds, s.live = append(s.tables, table), append(s.files, file), append(s.kinds, kind), append(s.live, live)
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("look where the rows of the tables are: %w", err)
	}
	return s, nil
}

// truncated returns which of the tables the transaction has truncated since, by name. A
// table that was empty by all that is known, and is then altered and truncated, is not
// told from one that is altered.
func (s storage) truncated(ctx context.Context, tx pgx.Tx) ([]Wrote, error) {
	rows, err := tx.Query(ctx, selectTruncated, s.tables, s.files, s.kinds, s.live)
	if err != nil {
		return nil, fmt.Errorf("look for tables that were truncated: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Wrote, error) {
		w := Wrote{Truncated: true}
		var schema, name string
		err := row.Scan(&w.Source, &schema, &name)
		w.Table = pgname.Shown(schema, name)
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for tables that were truncated: %w", err)
	}
	return list, nil
}

const (
	selectStorage = `
		with recursive tree as (
			select oid from pg_catalog.unnest($1::oid[]) o(oid)
			union
			select i.inhrelid
			from tree t
			join pg_catalog.pg_class p on p.oid = t.oid and p.relkind = 'p'
			join pg_catalog.pg_inherits i on i.inhparent = t.oid)
		select c.oid, c.relfilenode, pg_catalog.concat_ws(' ', c.relam, c.reltablespace, c.relpersistence::text), pg_catalog.pg_stat_get_live_tuples(c.oid) > 0
		from tree t
		join pg_catalog.pg_class c on c.oid = t.oid
		order by c.oid`

	// Only TRUNCATE makes a new file for a table whose definition stays, and leaves nobody
	// knowing how many rows are in it. Only what this transaction locks so has its file
	// from here, and can be looked at without waiting.
	selectTruncated = `
		select c.oid, n.nspname::text, c.relname::text
		from rows from (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::oid[]), pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::boolean[])) b(oid, file, kind, live)
		join pg_catalog.pg_class c on c.oid = b.oid and c.relfilenode <> b.file
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where exists (
				select
				from pg_catalog.pg_locks l
				where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.relation = c.oid and l.mode = 'AccessExclusiveLock' and l.granted
					and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()))
			and (b.live or c.reltuples < 0
				and b.kind = pg_catalog.concat_ws(' ', c.relam, c.reltablespace, c.relpersistence::text)
				and not exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and pg_catalog.age(a.xmin) <= 0))
			and pg_catalog.pg_relation_size(c.oid) = 0
		order by n.nspname, c.relname`
)
