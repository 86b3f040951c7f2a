package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"bascule/bench/server"
)

// Backlog is changes that are made while nobody applies them.
type Backlog struct {
	// Name is what a flag calls it, Title what the report does. Unit is what its rate
	// counts.
	Name, Title, Unit string

	// Bar is our rate at least, as a share of the server's own apply.
	Bar float64

	// units is how many of Unit there are at full size.
	units int

	// seed makes the tables in an empty database and the rows that are there before,
	// load the backlog: that many units. Both know the scale.
	seed func(ctx context.Context, url string, scale int) error
	load func(ctx context.Context, url string, units, scale int) error
}

// Backlogs are those that contenders drain, in the report's order.
func Backlogs() []Backlog { return []Backlog{tpcb(), bulk(), updates(), inserts(), mixed()} }

// EngineBacklogs are those that follow an initial copy worth timing: databases with rows
// in them.
func EngineBacklogs() []Backlog { return []Backlog{accounts(), orders(), mixed()} }

// FindBacklog is the one of that name in a list.
func FindBacklog(all []Backlog, name string) (Backlog, error) {
	i := slices.IndexFunc(all, func(b Backlog) bool { return b.Name == name })
	if i < 0 {
		return Backlog{}, fmt.Errorf("no backlog %q", name)
	}
	return all[i], nil
}

// Units is how many of its unit a backlog has. It is a multiple of 400, so that it
// can be divided over sessions and transactions.
func (b Backlog) Units(scale int) int { return max(1, b.units/scale/400) * 400 }

// Seed creates a database on the source with the backlog's tables and the rows that
// are there before.
func (b Backlog) Seed(ctx context.Context, source *server.Cluster, database string, scale int) error {
	if err := source.Exec(ctx, "postgres", "create database "+database); err != nil {
		return err
	}
	if err := b.seed(ctx, source.URL(database), scale); err != nil {
		return fmt.Errorf("seed of %s: %w", b.Name, err)
	}
	return source.Exec(ctx, database, makeMarker, "vacuum (freeze, analyze)")
}

// Load makes the backlog. Its last transaction writes the marker, and is the only one
// that ends after the position that is returned.
func (b Backlog) Load(ctx context.Context, url string, scale int) (pglogrepl.LSN, error) {
	if err := b.load(ctx, url, b.Units(scale), scale); err != nil {
		return 0, fmt.Errorf("load of %s: %w", b.Name, err)
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var end pglogrepl.LSN
	if err := conn.QueryRow(ctx, endOfLoad).Scan(&end); err != nil {
		return 0, err
	}
	_, err = conn.Exec(ctx, writeMarker)
	return end, err
}

// Arrived says whether the marker is there, and all that was written before it
// therefore too.
func Arrived(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var there bool
	err := conn.QueryRow(ctx, markerArrived).Scan(&there)
	return there, err
}

// Sums are, by table, the count of its rows and a checksum of all their values that
// does not depend on their order; and how many indexes there are.
type Sums map[string]string

// Sum reads the tables of schema public.
func Sum(ctx context.Context, url string) (Sums, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, listPublic)
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	sums := Sums{}
	for _, table := range tables {
		var sum string
		if err := conn.QueryRow(ctx, fmt.Sprintf(sumTable, table), pgx.QueryExecModeSimpleProtocol).Scan(&sum); err != nil {
			return nil, err
		}
		sums[table] = sum
	}
	if len(sums) == 0 {
		return nil, errors.New("no tables in schema public")
	}
	var indexes string
	err = conn.QueryRow(ctx, countIndexes).Scan(&indexes)
	sums["indexes"] = indexes
	return sums, err
}

// Differ says how a copy differs from the original, or "".
func (s Sums) Differ(copied Sums) string {
	for _, table := range sortedKeys(s) {
		if copied[table] != s[table] {
			return fmt.Sprintf("%s is %q and not %q", table, copied[table], s[table])
		}
	}
	if len(copied) != len(s) {
		return fmt.Sprintf("%d tables of %d", len(copied)-1, len(s)-1)
	}
	return ""
}

func sortedKeys(s Sums) []string {
	var keys []string
	for k := range s {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

const makeMarker = `create table public.marker (id integer primary key)`

const writeMarker = `insert into public.marker values (1)`

const markerArrived = `select exists (select from public.marker)`

const endOfLoad = `select pg_catalog.pg_current_wal_insert_lsn()::text`

const listPublic = `
	select pg_catalog.format('%I.%I', n.nspname, c.relname)
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where c.relkind = 'r' and n.nspname = 'public'
	order by c.relname`

const countIndexes = `
	select pg_catalog.count(*)::text
	from pg_catalog.pg_index i
	join pg_catalog.pg_class c on c.oid = i.indexrelid
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where i.indisvalid and n.nspname = 'public'`

const sumTable = `
	select pg_catalog.concat_ws(' rows, ', pg_catalog.count(*),
		coalesce(pg_catalog.sum(pg_catalog.hashtextextended(t::text, 0)), 0))
	from %s t`
