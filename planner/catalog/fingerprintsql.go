package catalog

// One row a catalogue: its name, and the number and the sum of the hashes of its
// rows as text. A sum needs no sort, and 64 bits are plenty against chance.
//
// pg_class, pg_attribute, pg_index, pg_trigger and pg_constraint have columns that
// other commands than DDL change, so what counts of them is listed; of the others
// the whole row counts. Indexes go by name: REINDEX CONCURRENTLY gives them new
// oids, and up to 16 loses where in a statement's text an expression was. A column that a server does not have is null; see selectDatabase.
const (
	selectFingerprint = `
		with hidden as (
			select oid from pg_catalog.pg_namespace
			where nspname in ('bascule', 'pglogical', 'pg_toast') or nspname ~ '^pg_(toast_)?temp_' or nspname ~ '` + LogPattern + `'
		), relation as (
			select c.oid, c.relname, c.relnamespace, c.relkind
			from pg_catalog.pg_class c
			where c.relkind not in ('i', 'I', 't') and c.relnamespace not in (select oid from hidden)
		), index as (
			select c.oid, c.relname, c.relnamespace
			from pg_catalog.pg_class c
			where c.oid >= 16384 and c.relkind in ('i', 'I') and c.relnamespace not in (select oid from hidden)
				and c.relname !~ '_cc(new|old)[0-9]*$'
		)
		select part, pg_catalog.count(*), coalesce(pg_catalog.sum(pg_catalog.hashtextextended(definition, 0)), 0)::text
		from (` + relationParts + ` union all ` + constraintParts + ` union all ` + schemaParts + ` union all ` +
		globalParts + ` union all ` + noteParts + `
		) all_parts
		group by part
		order by part`

	// PostgreSQL 15.20 and its like note a version of their own in attoptions.
	relationParts = `
		select 'class' as part, row(c.oid, c.relname, c.relnamespace, c.reloftype, c.relowner, c.relam, c.reltablespace,
			c.relpersistence, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispartition,
			c.reloptions, t.reloptions, c.relacl, c.relpartbound)::text as definition
		from relation r
		join pg_catalog.pg_class c on c.oid = r.oid
		left join pg_catalog.pg_class t on t.oid = c.reltoastrelid
		union all
		select 'attribute', row(a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef,
			a.attidentity, a.attgenerated, a.attisdropped, a.attcollation, a.attstorage, a.attcompression,
			a.attstattarget, a.attislocal, a.attinhcount, a.attacl, a.attfdwoptions,
			case when a.attoptions is null or a.attoptions[1] like 'pg_attver=%' and a.attoptions[2] is null then null
				else array(select o from pg_catalog.unnest(a.attoptions) o where o !~ '^pg_attver=') end)::text
		from (select null::"char" as attcompression) other
		cross join lateral (
			select attrelid, attnum, attname, atttypid, atttypmod, attnotnull, atthasdef, attidentity, attgenerated,
				attisdropped, attcollation, attstorage, attcompression, attstattarget, attislocal, attinhcount,
				attacl, attfdwoptions, attoptions
			from pg_catalog.pg_attribute
			where attnum > 0 and (attrelid >= 16384 or attacl is not null)
		) a
		join relation r on r.oid = a.attrelid
		union all
		select 'attrdef', row(d.adrelid, d.adnum, d.adbin)::text
		from pg_catalog.pg_attrdef d
		join relation r on r.oid = d.adrelid
		union all
		select 'index', row(x.indrelid, c.relname, c.relnamespace, c.relam, c.reltablespace, c.reloptions, c.relispartition,
			x.indnatts, x.indnkeyatts, x.indisunique, x.indnullsnotdistinct, x.indisprimary, x.indisexclusion, x.indimmediate,
			x.indisclustered, x.indisvalid, x.indisreplident, x.indkey, x.indcollation, x.indclass, x.indoption,
			pg_catalog.regexp_replace(x.indexprs::text, ':location -?[0-9]+', '', 'g'),
			pg_catalog.regexp_replace(x.indpred::text, ':location -?[0-9]+', '', 'g'))::text
		from (select false as indnullsnotdistinct) other
		cross join lateral (
			select indexrelid, indrelid, indnatts, indnkeyatts, indisunique, indnullsnotdistinct, indisprimary,
				indisexclusion, indimmediate, indisclustered, indisvalid, indisreplident, indkey, indcollation,
				indclass, indoption, indexprs, indpred
			from pg_catalog.pg_index
		) x
		join index i on i.oid = x.indexrelid
		join pg_catalog.pg_class c on c.oid = i.oid
		union all
		select 'index statistics', row(i.relname, i.relnamespace, a.attnum, a.attstattarget)::text
		from index i
		join pg_catalog.pg_attribute a on a.attrelid = i.oid
		where a.attstattarget >= 0
		union all
		select 'inherits', h::text
		from pg_catalog.pg_inherits h
		join relation r on r.oid = h.inhrelid
		union all
		select 'index inherits', row(i.relname, i.relnamespace, p.relname, p.relnamespace)::text
		from pg_catalog.pg_inherits h
		join index i on i.oid = h.inhrelid
		join index p on p.oid = h.inhparent
		union all
		select 'partitioned_table', t::text
		from pg_catalog.pg_partitioned_table t
		join relation r on r.oid = t.partrelid
		union all
		select 'foreign_table', t::text from pg_catalog.pg_foreign_table t
		union all
		select 'sequence', s::text
		from pg_catalog.pg_sequence s
		join relation r on r.oid = s.seqrelid`

	constraintParts = `
		select 'constraint', row(c.oid, c.conname, c.connamespace, c.contype, c.condeferrable, c.condeferred, c.convalidated,
			c.conenforced, c.conrelid, c.contypid, c.conparentid, c.confrelid, c.confupdtype, c.confdeltype, c.confmatchtype,
			c.conislocal, c.coninhcount, c.connoinherit, c.conperiod, c.conkey, c.confkey, c.conpfeqop, c.conppeqop,
			c.conffeqop, c.confdelsetcols, c.conexclop, c.conbin)::text
		from (select null::boolean as conenforced, null::boolean as conperiod, null::int2[] as confdelsetcols) other
		cross join lateral (
			select oid, conname, connamespace, contype, condeferrable, condeferred, convalidated, conenforced, conrelid,
				contypid, conparentid, confrelid, confupdtype, confdeltype, confmatchtype, conislocal, coninhcount,
				connoinherit, conperiod, conkey, confkey, conpfeqop, conppeqop, conffeqop, confdelsetcols, conexclop, conbin
			from pg_catalog.pg_constraint
		) c
		where c.oid >= 16384 and c.connamespace not in (select oid from hidden)
		union all
		select 'trigger', row(t.oid, t.tgrelid, t.tgparentid, t.tgname, t.tgfoid, t.tgtype, t.tgenabled, t.tgisinternal,
			t.tgconstrrelid, t.tgconstraint, t.tgdeferrable, t.tginitdeferred, t.tgattr, t.tgargs, t.tgqual, t.tgoldtable,
			t.tgnewtable)::text
		from pg_catalog.pg_trigger t
		join relation r on r.oid = t.tgrelid
		join pg_catalog.pg_proc f on f.oid = t.tgfoid
		where f.proname <> 'queue_truncate' or f.pronamespace not in (select oid from hidden)
		union all
		select 'rewrite', row(w.oid, w.rulename, w.ev_class, w.ev_type, w.ev_enabled, w.is_instead, w.ev_qual, w.ev_action)::text
		from pg_catalog.pg_rewrite w
		join relation r on r.oid = w.ev_class
		where w.oid >= 16384
		union all
		select 'policy', p::text
		from pg_catalog.pg_policy p
		join relation r on r.oid = p.polrelid
		union all
		select 'statistic_ext', s::text
		from pg_catalog.pg_statistic_ext s
		where s.stxnamespace not in (select oid from hidden)`
)
