package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Key is a primary key, unique constraint or foreign key, with what it takes to
// make it in steps that do not hold up other work on its table.
type Key struct {
	OID, Table, Referenced uint32
	Kind                   rune // p u f
	Schema, TableName      string
	Name                   string

	// Index is the definition of a p or u's index.
	Index string

	// Definition of the constraint, as pg_get_constraintdef has it.
	Definition string

	Deferrable, Deferred       bool
	Clustered, ReplicaIdentity bool
	Validated                  bool
}

// ReadKeys returns the keys, by oid, of these tables and to these tables that
// PostgreSQL lets be made in steps: those of ordinary tables, which refer to
// ordinary tables, without periods.
func ReadKeys(ctx context.Context, conn *pgx.Conn, tables []uint32) (map[uint32]Key, error) {
	rows, err := conn.Query(ctx, readKeys, tables)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	keys := map[uint32]Key{}
	var k Key
	var kind string
	_, err = pgx.ForEachRow(rows, []any{&k.OID, &k.Table, &k.Referenced, &kind, &k.Schema, &k.TableName, &k.Name, &k.Index,
		&k.Definition, &k.Deferrable, &k.Deferred, &k.Clustered, &k.ReplicaIdentity, &k.Validated}, func() error {
		k.Kind = rune(kind[0])
		keys[k.OID] = k
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return keys, nil
}

const readKeys = `
	select c.oid, c.conrelid, c.confrelid, c.contype::text, n.nspname, t.relname, c.conname,
		case when c.contype in ('p', 'u') then pg_catalog.pg_get_indexdef(c.conindid) else '' end,
		pg_catalog.pg_get_constraintdef(c.oid),
		c.condeferrable, c.condeferred,
		coalesce(i.indisclustered, false), coalesce(i.indisreplident, false), c.convalidated
	from pg_catalog.pg_constraint c
	join pg_catalog.pg_class t on t.oid = c.conrelid and t.relkind = 'r'
	join pg_catalog.pg_namespace n on n.oid = t.relnamespace
	left join pg_catalog.pg_class r on r.oid = c.confrelid
	left join pg_catalog.pg_index i on i.indexrelid = c.conindid and c.contype in ('p', 'u')
	where (c.conrelid = any ($1::oid[]) or c.confrelid = any ($1::oid[]))
		and c.contype in ('p', 'u', 'f') and coalesce(r.relkind, 'r') = 'r'
		and coalesce(pg_catalog.to_jsonb(c) ->> 'conperiod', 'false') = 'false'
		and coalesce(pg_catalog.to_jsonb(c) ->> 'conenforced', 'true') = 'true'
	order by c.oid`
