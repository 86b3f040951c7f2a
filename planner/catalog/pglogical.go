package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Pglogical is what the extension pglogical has in a database. Connection strings are
// not read: passwords are in them.
type Pglogical struct {
	Version string
	Comment string // of the extension

	// Readable: the role may read its tables. Otherwise nothing below is known.
	Readable bool

	// Node is the database's own, "" where it has none.
	Node string

	Sets          []PglogicalSet          // of its node, by name
	Subscriptions []PglogicalSubscription // by name

	// Queued counts the commands and truncations that were sent, or have arrived.
	Queued int64
}

// PglogicalSet is a replication set.
type PglogicalSet struct {
	Name                             string
	Insert, Update, Delete, Truncate bool
	Tables                           []PglogicalTable // by name
}

// PglogicalTable is a table of a set.
type PglogicalTable struct {
	OID          uint32
	Schema, Name string

	// Columns are those that are sent, nil for all. Filtered: not all rows are.
	Columns  []string
	Filtered bool
}

// PglogicalSubscription is one of the database's node.
type PglogicalSubscription struct {
	Name     string
	Enabled  bool
	Provider string // node
	Slot     string // on the provider, and the replication origin here
	Sets     []string

	// PID of the worker that applies, 0 where none runs.
	PID int32

	// Synced: it has no synchronisation left to do.
	Synced bool

	// Origin is how far it has applied what it was sent, 0 where the role may not know
	// that or nothing was.
	Origin LSN
}

// Set returns the set of this name, or nil.
func (p *Pglogical) Set(name string) *PglogicalSet {
	for i := range p.Sets {
		if p.Sets[i].Name == name {
			return &p.Sets[i]
		}
	}
	return nil
}

// Subscription returns the subscription of this name, or nil.
func (p *Pglogical) Subscription(name string) *PglogicalSubscription {
	for i := range p.Subscriptions {
		if p.Subscriptions[i].Name == name {
			return &p.Subscriptions[i]
		}
	}
	return nil
}

// ReadPglogical reads it, nil where the database does not have the extension. It needs
// no transaction.
func ReadPglogical(ctx context.Context, conn *pgx.Conn) (*Pglogical, error) {
	p, err := readPglogical(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("read pglogical: %w", err)
	}
	return p, nil
}

func readPglogical(ctx context.Context, conn *pgx.Conn) (*Pglogical, error) {
	rows, err := conn.Query(ctx, selectPglogical)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Pglogical, err error) {
		err = row.Scan(&p.Version, &p.Comment, &p.Readable)
		return p, err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	p := &found[0]
	if !p.Readable {
		return p, nil
	}
	if err := conn.QueryRow(ctx, selectPglogicalNode).Scan(&p.Node, &p.Queued); err != nil {
		return nil, err
	}
	if err := p.readSets(ctx, conn); err != nil {
		return nil, err
	}
	return p, p.readSubscriptions(ctx, conn)
}

func (p *Pglogical) readSets(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, selectPglogicalSets)
	if err != nil {
		return err
	}
	p.Sets, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s PglogicalSet, err error) {
		err = row.Scan(&s.Name, &s.Insert, &s.Update, &s.Delete, &s.Truncate)
		return s, err
	})
	if err != nil {
		return err
	}
	if rows, err = conn.Query(ctx, selectPglogicalTables); err != nil {
		return err
	}
	var set string
	var t PglogicalTable
	_, err = pgx.ForEachRow(rows, []any{&set, &t.OID, &t.Schema, &t.Name, &t.Columns, &t.Filtered}, func() error {
		if s := p.Set(set); s != nil {
			s.Tables = append(s.Tables, t)
		}
		t.Columns = nil // the next row's are scanned into a list of their own
		return nil
	})
	return err
}

func (p *Pglogical) readSubscriptions(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, selectPglogicalSubscriptions)
	if err != nil {
		return err
	}
	p.Subscriptions, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s PglogicalSubscription, err error) {
		err = row.Scan(&s.Name, &s.Enabled, &s.Provider, &s.Slot, &s.Sets, &s.PID, &s.Synced)
		return s, err
	})
	if err != nil || len(p.Subscriptions) == 0 {
		return err
	}
	var known bool
	if err := conn.QueryRow(ctx, selectMayKnowOrigins).Scan(&known); err != nil || !known {
		return err
	}
	if rows, err = conn.Query(ctx, selectPglogicalOrigins); err != nil {
		return err
	}
	var name string
	var at LSN
	_, err = pgx.ForEachRow(rows, []any{&name, &at}, func() error {
		for i := range p.Subscriptions {
			if s := &p.Subscriptions[i]; s.Slot == name {
				s.Origin = at
			}
		}
		return nil
	})
	return err
}

const (
	selectPglogical = `
		select e.extversion, coalesce(d.description, ''),
			pg_catalog.has_schema_privilege('pglogical', 'usage') and not exists (
				select from pg_catalog.pg_class c
				where c.relnamespace = e.extnamespace and c.relkind = 'r' and not pg_catalog.has_table_privilege(c.oid, 'select'))
		from pg_catalog.pg_extension e
		left join pg_catalog.pg_description d on d.classoid = 'pg_catalog.pg_extension'::regclass and d.objoid = e.oid
		where e.extname = 'pglogical'`

	selectPglogicalNode = `
		select coalesce((select n.node_name::text
			from pglogical.local_node l
			join pglogical.node n on n.node_id = l.node_id), ''), (select pg_catalog.count(*) from pglogical.queue)`

	selectPglogicalSets = `
		select s.set_name::text, s.replicate_insert, s.replicate_update, s.replicate_delete, s.replicate_truncate
		from pglogical.replication_set s
		join pglogical.local_node l on l.node_id = s.set_nodeid
		order by s.set_name`

	selectPglogicalTables = `
		select s.set_name::text, c.oid, n.nspname::text, c.relname::text, t.set_att_list, t.set_row_filter is not null
		from pglogical.replication_set_table t
		join pglogical.replication_set s on s.set_id = t.set_id
		join pglogical.local_node l on l.node_id = s.set_nodeid
		join pg_catalog.pg_class c on c.oid = t.set_reloid
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		order by s.set_name, n.nspname, c.relname`

	// A worker is known by the name that it gives its session, which every role may see.
	selectPglogicalSubscriptions = `
		select s.sub_name::text, s.sub_enabled, n.node_name::text, s.sub_slot_name::text, coalesce(s.sub_replication_sets, '{}'),
			coalesce((select a.pid
				from pg_catalog.pg_stat_activity a
				join pg_catalog.pg_database d on d.oid = a.datid
				where d.datname = pg_catalog.current_database()
					and a.application_name = pg_catalog.format('pglogical apply %s:%s', d.oid, s.sub_id)
				order by a.pid
				limit 1), 0),
			not exists (select from pglogical.local_sync_status y where y.sync_subid = s.sub_id and y.sync_status <> 'r')
		from pglogical.subscription s
		join pglogical.node n on n.node_id = s.sub_origin
		order by s.sub_name`

	selectMayKnowOrigins = `select pg_catalog.has_function_privilege('pg_catalog.pg_show_replication_origin_status()', 'execute')`

	selectPglogicalOrigins = `
		select external_id, remote_lsn::text
		from pg_catalog.pg_replication_origin_status
		where external_id is not null
		order by external_id`
)
