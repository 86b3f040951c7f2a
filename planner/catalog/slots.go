package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Slot is a replication slot of the server, of any database.
type Slot struct {
	Name string

	// Plugin and Database are "" for a physical slot.
	Plugin   string
	Database string

	// Active: a session streams from it. PID is that session's, Client its address, ""
	// where it is local or the role may not know it.
	Active bool
	PID    int32
	Client string

	// Confirmed is what its reader acknowledged, Restart where the server's WAL has to
	// be kept from; 0 for a slot that has none, as one that is lost.
	Confirmed, Restart LSN

	// WALStatus is reserved, extended, unreserved or lost. SafeWALSize is how many bytes
	// may still be written before it is in danger; -1: no limit is set, or it is lost.
	WALStatus   string
	SafeWALSize int64

	// Invalidation is why it is lost, where the server says so (17 and later).
	Invalidation string

	Temporary bool

	// Failover: standbys may keep a copy of it. Synced: it is such a copy.
	Failover, Synced bool

	// Held are the bytes of WAL from Restart to the server's end.
	Held int64
}

// Publication of the database.
type Publication struct {
	OID         uint32
	Name, Owner string

	// ViaRoot: changes of partitions are published as those of their root.
	ViaRoot bool

	// What of its tables is published.
	Insert, Update, Delete, Truncate bool

	// AllTables: FOR ALL TABLES. Schemas are those of TABLES IN SCHEMA.
	AllTables bool
	Schemas   []string

	// Tables are what it lists and what it publishes, by name.
	Tables []PublishedTable
}

// PublishedTable is one table of a publication.
type PublishedTable struct {
	OID          uint32
	Schema, Name string

	// Listed: the publication names it. Published: changes are sent under its name. A
	// partitioned table can be the one without the other, its partitions the reverse.
	Listed, Published bool

	// Columns and Filter are those of its own entry; nil and "" for all columns and rows.
	Columns []string
	Filter  string
}

// ReadSlots returns the server's replication slots and the publications of the
// database, by name, as they are at one moment. conn must be outside a transaction.
func ReadSlots(ctx context.Context, conn *pgx.Conn) ([]Slot, []Publication, error) {
	var r slotReader
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, nil, fmt.Errorf("begin to read slots and publications: %w", err)
	}
	batch := &pgx.Batch{}
	for _, q := range r.questions() {
		q.queue(batch)
	}
	err = tx.SendBatch(ctx, batch).Close()
	if end := tx.Rollback(context.WithoutCancel(ctx)); err == nil {
		err = end
	}
	if err != nil {
		return nil, nil, err
	}
	return r.slots, r.publications, nil
}

// slotReader collects slots and publications.
type slotReader struct {
	slots        []Slot
	publications []Publication
}

func (r *slotReader) questions() []question {
	return append([]question{{about: "replication slots", sql: selectSlots, row: r.slot}}, r.publicationQuestions()...)
}

func (r *slotReader) publicationQuestions() []question {
	return []question{
		{about: "publications", sql: selectPublications, row: r.publication},
		{about: "published tables", sql: selectPublished, row: r.table},
	}
}

func (r *slotReader) slot(rows pgx.Rows) error {
	var s Slot
	err := rows.Scan(&s.Name, &s.Plugin, &s.Database, &s.Active, &s.PID, &s.Client, &s.Confirmed, &s.Restart,
		&s.WALStatus, &s.SafeWALSize, &s.Invalidation, &s.Temporary, &s.Failover, &s.Synced, &s.Held)
	r.slots = append(r.slots, s)
	return err
}

func (r *slotReader) publication(rows pgx.Rows) error {
	var p Publication
	err := rows.Scan(&p.OID, &p.Name, &p.Owner, &p.ViaRoot, &p.Insert, &p.Update, &p.Delete, &p.Truncate, &p.AllTables, &p.Schemas)
	r.publications = append(r.publications, p)
	return err
}

// table adds a table to its publication, which was read before it.
func (r *slotReader) table(rows pgx.Rows) error {
	var of uint32
	var t PublishedTable
	if err := rows.Scan(&of, &t.OID, &t.Schema, &t.Name, &t.Listed, &t.Published, &t.Columns, &t.Filter); err != nil {
		return err
	}
	for i := range r.publications {
		if p := &r.publications[i]; p.OID == of {
			p.Tables = append(p.Tables, t)
		}
	}
	return nil
}

const (
	// A column that an older server does not have is taken from "other".
	selectSlots = `
		select s.slot_name::text, coalesce(s.plugin::text, ''), coalesce(s.database::text, ''), s.active,
			coalesce(s.active_pid, 0), coalesce(pg_catalog.host(a.client_addr), ''),
			s.confirmed_flush_lsn::text, s.restart_lsn::text, coalesce(s.wal_status, ''), coalesce(s.safe_wal_size, -1),
			coalesce(s.invalidation_reason, ''), s.temporary, s.failover, s.synced,
			coalesce(greatest(pg_catalog.pg_wal_lsn_diff(w.lsn, s.restart_lsn), 0), 0)::bigint
		from (select null::text as invalidation_reason, false as failover, false as synced) other
		cross join lateral (
			select slot_name, plugin, database, active, active_pid, confirmed_flush_lsn, restart_lsn, wal_status,
				safe_wal_size, invalidation_reason, temporary, failover, synced
			from pg_catalog.pg_replication_slots
		) s
		cross join (
			select case when pg_catalog.pg_is_in_recovery()
				then coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
				else pg_catalog.pg_current_wal_lsn() end as lsn
		) w
		left join pg_catalog.pg_stat_activity a on a.pid = s.active_pid
		order by s.slot_name`

	// Before 15 there is no pg_publication_namespace to select from; what depends on
	// what is told of it all the same.
	selectPublications = `
		select p.oid, p.pubname::text, pg_catalog.pg_get_userbyid(p.pubowner)::text, p.pubviaroot,
			p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.puballtables,
			array(select n.nspname::text from pg_catalog.pg_depend d
				join pg_catalog.pg_namespace n on n.oid = d.refobjid
				where d.refclassid = 'pg_catalog.pg_namespace'::regclass and d.deptype = 'a'
					and d.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')
					and exists (select from pg_catalog.pg_depend e
						where e.classid = d.classid and e.objid = d.objid
							and e.refclassid = 'pg_catalog.pg_publication'::regclass and e.refobjid = p.oid)
				order by 1)
		from pg_catalog.pg_publication p
		order by p.pubname`

	selectPublished = `
		select p.oid, c.oid, n.nspname::text, c.relname::text, l.oid is not null, t.relid is not null,
			(select pg_catalog.array_agg(a.attname::text order by a.attnum)
				from pg_catalog.pg_attribute a
				where a.attrelid = c.oid and a.attnum = any (l.prattrs::smallint[])),
			coalesce(pg_catalog.pg_get_expr(l.prqual, c.oid), '')
		from pg_catalog.pg_publication p
		cross join lateral (
			select relid as oid from pg_catalog.pg_get_publication_tables(p.pubname::text)
			union
			select prrelid from pg_catalog.pg_publication_rel where prpubid = p.oid
		) m
		join pg_catalog.pg_class c on c.oid = m.oid
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		left join (
			select r.*
			from (select null::int2vector as prattrs, null::pg_node_tree as prqual) other
			cross join lateral (
				select oid, prpubid, prrelid, prattrs, prqual from pg_catalog.pg_publication_rel
			) r
		) l on l.prpubid = p.oid and l.prrelid = c.oid
		left join pg_catalog.pg_get_publication_tables(p.pubname::text) t on t.relid = c.oid
		order by p.pubname, n.nspname, c.relname`
)
