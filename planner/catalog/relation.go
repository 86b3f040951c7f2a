package catalog

import "github.com/jackc/pgx/v5"

func (r *reader) relationFacts() question {
	return question{about: "relations", sql: selectRelations, row: func(rows pgx.Rows) error {
		var t Relation
		var s SequenceFact
		var empty, unseen bool
		err := rows.Scan(&t.OID, &t.Schema, &t.Name, letter{&t.Kind}, letter{&t.Persistence}, &t.Owner, &t.Extension,
			&t.Tablespace, &t.AccessMethod, &t.Pages, &t.Rows, &t.Bytes, &t.FileNode, &t.IsPartition,
			letter{&t.ReplicaIdentity}, &t.RowSecurity, &t.ForceRowSecurity, &t.CanSelect, &t.IsOwner, &t.CanInsert, &t.CanTruncate, &t.CanChange, &t.Populated,
			&t.OfType, &t.UserTriggers, &t.AlwaysTriggers, &t.ConfigTable, &t.Condition, &empty, &unseen,
			&s.Increment, &s.Min, &s.Max, &s.Start, &s.Cache, &s.Cycle, &s.OwnedBy, &s.OwnedByColumn, &s.Identity)
		if err != nil {
			return err
		}
		if r.db.Version.Major() < 14 && t.Pages > 0 && t.Rows == 0 {
			t.Rows = -1 // never analysed, it seems: older servers have no mark for it
		}
		if t.Kind == Sequence {
			t.Sequence = &s
		}
		r.empty[t.OID], r.unseen[t.OID] = empty, unseen
		r.relations[t.OID] = len(r.db.Relations)
		r.db.Relations = append(r.db.Relations, t)
		return nil
	}}
}

// parents fills in those of tables, and of indexes.
func (r *reader) parents() question {
	return question{about: "inheritance", sql: selectParents, row: func(rows pgx.Rows) error {
		var child, parent uint32
		if err := rows.Scan(&child, &parent); err != nil {
			return err
		}
		if t := r.relation(child); t != nil {
			t.Parents = append(t.Parents, parent)
		} else if i, ok := r.indexes[child]; ok {
			r.db.Indexes[i].Parent = parent
		}
		return nil
	}}
}

// assemble fills in what follows from several answers.
func (r *reader) assemble() {
	for _, x := range r.db.Indexes {
		if t := r.relation(x.Table); t != nil {
			t.IndexBytes += x.Bytes
			t.HasPrimaryKey = t.HasPrimaryKey || x.Primary && x.Valid
		}
	}
	r.markBinary()
	r.addOwners()
}

const (
	// Pages are counted, for relpages is 0 until the first VACUUM or ANALYZE, and then
	// as old as that.
	//
	// pg_table_size is slow on tables without anything in TOAST: it opens the TOAST
	// table's index, whose one block would be counted.
	//
	// A function knows nothing of a table that somebody drops meanwhile, though the
	// query's snapshot has it: its null must not end the reading.
	selectRelations = `
		select c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text,
			pg_catalog.pg_get_userbyid(c.relowner)::text, coalesce(m.extname::text, ''),
			coalesce(ts.spcname::text, ''), coalesce(am.amname::text, ''),
			case
				when c.relkind in ('r', 'm') and l.relation is null then coalesce(pg_catalog.pg_relation_size(c.oid)
					/ pg_catalog.current_setting('block_size')::bigint, c.relpages)
				else c.relpages
			end,
			c.reltuples::float8,
			case
				when c.relkind not in ('r', 'm') then 0
				when l.relation is not null then c.relpages::bigint * pg_catalog.current_setting('block_size')::bigint
				when toast.oid is null or pg_catalog.pg_relation_size(toast.oid) = 0 then coalesce(pg_catalog.pg_relation_size(c.oid)
					+ pg_catalog.pg_relation_size(c.oid, 'fsm') + pg_catalog.pg_relation_size(c.oid, 'vm'), 0)
				else coalesce(pg_catalog.pg_table_size(c.oid), 0)
			end,
			c.relfilenode, c.relispartition, c.relreplident::text, c.relrowsecurity, c.relforcerowsecurity,
			coalesce(pg_catalog.has_table_privilege(c.oid, 'select'), true), pg_catalog.pg_has_role(c.relowner, 'usage'),
			coalesce(pg_catalog.has_table_privilege(c.oid, 'insert'), true), coalesce(pg_catalog.has_table_privilege(c.oid, 'truncate'), true),
			coalesce(pg_catalog.has_table_privilege(c.oid, 'update') and pg_catalog.has_table_privilege(c.oid, 'delete'), true),
			c.relispopulated, c.reloftype, coalesce(t.triggers, 0), coalesce(t.always, 0), x.oid is not null, coalesce(x.condition, ''),
			c.relkind = 'r' and l.relation is null and coalesce(pg_catalog.pg_relation_size(c.oid) = 0, false),
			c.relkind = 'r' and (l.relation is not null or pg_catalog.row_security_active(c.oid)
				or not coalesce(pg_catalog.has_table_privilege(c.oid, 'select'), true) or not coalesce(pg_catalog.has_schema_privilege(n.oid, 'usage'), true)),
			coalesce(s.seqincrement, 0), coalesce(s.seqmin, 0), coalesce(s.seqmax, 0), coalesce(s.seqstart, 0),
			coalesce(s.seqcache, 0), coalesce(s.seqcycle, false),
			coalesce(o.refobjid, 0), coalesce(o.refobjsubid, 0), coalesce(o.deptype = 'i', false)
		from pg_catalog.pg_class c
		join (` + ownSchemas + `) n on n.oid = c.relnamespace
		left join (` + members + `) m on m.objid = c.oid and m.classid = 'pg_catalog.pg_class'::regclass
		left join pg_catalog.pg_class toast on toast.oid = c.reltoastrelid
		left join pg_catalog.pg_tablespace ts on ts.oid = c.reltablespace
		left join pg_catalog.pg_am am on am.oid = c.relam
		left join (` + locked + `) l on l.relation = c.oid
		left join (
			select tgrelid, pg_catalog.count(*) as triggers,
				pg_catalog.count(*) filter (where tgenabled in ('A', 'R')) as always
			from pg_catalog.pg_trigger
			where tgenabled <> 'D' and (not tgisinternal or tgparentid <> 0 and tgconstraint = 0)
			group by tgrelid
		) t on t.tgrelid = c.oid
		left join (
			select config.oid, config.condition
			from pg_catalog.pg_extension e
			cross join lateral rows from (pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition)) config(oid, condition)
		) x on x.oid = c.oid
		left join pg_catalog.pg_sequence s on s.seqrelid = c.oid
		left join (
			select objid, refobjid, refobjsubid, deptype
			from pg_catalog.pg_depend
			where classid = 'pg_catalog.pg_class'::regclass and refclassid = 'pg_catalog.pg_class'::regclass
				and objsubid = 0 and refobjsubid > 0 and deptype in ('a', 'i')
		) o on o.objid = s.seqrelid
		where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c') and c.relpersistence <> 't'
		order by n.nspname, c.relname`

	selectParents = `
		select inhrelid, inhparent from pg_catalog.pg_inherits order by inhrelid, inhseqno`
)
