// Package workload makes the databases that are moved, on the source server.
//
// What a workload holds is a function of its scale alone, so that a source that
// was kept can be used again.
package workload

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/bench/server"
)

// Workload is one database to move.
type Workload struct {
	// Name is what a flag calls it, Title what the report does.
	Name, Title string

	// Table is the one big table, or "" if there are many small ones.
	Table string

	// Bare creates Table with no key and no index; Indexes, each in its own
	// statement, are what is built on it once it is filled. Both for the raw limit.
	Bare    string
	Indexes []string

	// create makes everything on the source, given the scale.
	create func(scale int) []string
}

// All are the workloads of the benchmark, in the report's order.
func All() []Workload { return []Workload{narrow(), wide(), small(), toast()} }

// Find is the workload of that name.
func Find(name string) (Workload, error) {
	for _, w := range All() {
		if w.Name == name {
			return w, nil
		}
	}
	return Workload{}, fmt.Errorf("no workload %q", name)
}

// Database is the name of the workload's database on the source.
func (w Workload) Database(scale int) string { return fmt.Sprintf("%s_%d", w.Name, scale) }

// Make creates the workload's database on the source unless it is there. It
// bears a provisional name until it is whole.
func (w Workload) Make(ctx context.Context, source *server.Cluster, scale int) error {
	name := w.Database(scale)
	found, err := source.Exists(ctx, name)
	if err != nil || found {
		return err
	}
	if err := source.Exec(ctx, "postgres", "drop database if exists unfinished", "create database unfinished"); err != nil {
		return err
	}
	// The vacuum leaves nothing for the first reader to write.
	steps := append(w.create(scale), "vacuum (freeze, analyze)")
	if err := source.Exec(ctx, "unfinished", steps...); err != nil {
		return fmt.Errorf("workload %s: %w", w.Name, err)
	}
	return source.Exec(ctx, "postgres", "alter database unfinished rename to "+name, "checkpoint")
}

// Contents is what a copy must have: the rows of every table, and how many
// indexes and constraints there are.
type Contents struct {
	Rows                 map[string]int64
	Indexes, Constraints int64
}

// Differ says how a copy differs from the original, or "".
func (c Contents) Differ(copied Contents) string {
	for _, table := range slices.Sorted(maps.Keys(c.Rows)) {
		if n, found := copied.Rows[table]; !found || n != c.Rows[table] {
			return fmt.Sprintf("%s has %d rows of %d", table, n, c.Rows[table])
		}
	}
	if len(c.Rows) != len(copied.Rows) || c.Indexes != copied.Indexes || c.Constraints != copied.Constraints {
		return fmt.Sprintf("%d tables, %d indexes and %d constraints of %d, %d and %d",
			len(copied.Rows), copied.Indexes, copied.Constraints, len(c.Rows), c.Indexes, c.Constraints)
	}
	return ""
}

// Count reads what a database holds, outside the system's schemas and ours.
func Count(ctx context.Context, url string) (Contents, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return Contents{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	c := Contents{Rows: map[string]int64{}}
	if err := conn.QueryRow(ctx, countObjects).Scan(&c.Indexes, &c.Constraints); err != nil {
		return Contents{}, err
	}
	rows, err := conn.Query(ctx, listTables)
	if err != nil {
		return Contents{}, err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return Contents{}, err
	}
	for _, table := range tables {
		var n int64
		if err := conn.QueryRow(ctx, countRows+table, pgx.QueryExecModeSimpleProtocol).Scan(&n); err != nil {
			return Contents{}, err
		}
		c.Rows[table] = n
	}
	return c, nil
}

const listTables = `
	select pg_catalog.format('%I.%I', n.nspname, c.relname)
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'bascule')
	order by n.nspname, c.relname`

// The table's name, quoted, follows.
const countRows = `select pg_catalog.count(*) from `

const countObjects = `
	select (select pg_catalog.count(*)
	        from pg_catalog.pg_index i
	        join pg_catalog.pg_class c on c.oid = i.indrelid
	        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	        where i.indisvalid
	          and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'bascule')),
	       (select pg_catalog.count(*)
	        from pg_catalog.pg_constraint o
	        join pg_catalog.pg_namespace n on n.oid = o.connamespace
	        where o.convalidated
	          and n.nspname not in ('pg_catalog', 'information_schema', 'bascule'))`
