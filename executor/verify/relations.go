package verify

import "bascule/planner/catalog"

// definitions are the queries for what every comparison reads. Each returns kind,
// name, class, oid, nsp (the schema's oid, or 0), tbl (the table it belongs to, or
// 0), sub (a column number, or 0) and props, for ofUsers.
func definitions() []string {
	return []string{
		selectSchemas, selectRelations, selectColumns, selectSequences, selectConstraints, selectDomainConstraints, selectIndexes,
		selectTriggers, selectPartitionTriggers, selectRules, selectPolicies, selectStatistics,
		selectFunctions, selectAggregates, selectTypes, selectRanges, selectOperators, selectOperatorClasses, selectOperatorFamilies,
		selectCasts, selectCollations, selectConversions, selectLanguages, selectAccessMethods, selectTransforms,
		selectParsers, selectTemplates, selectDictionaries, selectConfigurations,
		selectEventTriggers, selectWrappers, selectServers, selectUserMappings, selectExtensions, selectComments, selectLabels,
	}
}

// ofUsers keeps of {facts} what belongs to users: not the system, not an
// extension, not us. {columns} is dependsOn where some columns are left out.
const ofUsers = `
	with extension_owned as materialized (
		select classid, objid from pg_catalog.pg_depend
		where deptype = 'e' and refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
	), schemas as materialized (
		select oid from pg_catalog.pg_namespace
		where nspname !~ '^pg_' and nspname not in ('information_schema', 'bascule') and nspname !~ '` + catalog.LogPattern + `'
	)
	select f.kind, f.name, f.class, f.oid, f.tbl,
		{columns},
		f.props
	from ({facts}) f (kind, name, class, oid, nsp, tbl, sub, props)
	where (f.oid >= 16384 or f.class in ('pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_largeobject'::pg_catalog.regclass))
	and (f.nsp = 0 or exists (select from schemas s where s.oid = f.nsp))
	and not exists (select from extension_owned e where e.classid = f.class and e.objid = f.oid)
	and not exists (select from extension_owned e where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = f.tbl)
	order by 1, 2`

// dependsOn lists the columns that a fact stands or falls with.
const dependsOn = `
		case when f.tbl = 0 then '[]' else (
			select coalesce(pg_catalog.jsonb_agg(distinct a.attname), '[]')
			from pg_catalog.pg_attribute a
			where a.attrelid = f.tbl and a.attnum > 0 and (a.attnum = f.sub or f.oid <> f.tbl and exists (
				select from pg_catalog.pg_depend d
				where d.classid = f.class and d.objid = f.oid and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
				and d.refobjid = f.tbl and d.refobjsubid = a.attnum))) end`

const selectSchemas = `
	select 'schema', pg_catalog.format('%I', nspname), 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, oid, oid, 0::oid, 0, '{}'::jsonb
	from pg_catalog.pg_namespace`

// A child that inherits has its parent's columns first after a reload, so columns
// are in the list of a root and of a partition only.
const selectRelations = `
	select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' when 'c' then 'composite type' else 'table' end,
		c.oid::pg_catalog.regclass::text, 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid, c.relnamespace, c.oid, 0,
		pg_catalog.jsonb_build_object(
			'relation kind', c.relkind,
			'persistence', c.relpersistence,
			'row security', c.relrowsecurity,
			'forced row security', c.relforcerowsecurity,
			'replica identity', c.relreplident,
			'access method', case when c.relkind in ('r', 'm') then (select m.amname from pg_catalog.pg_am m where m.oid = c.relam) end,
			'options', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.unnest(c.reloptions) o),
			'toast options', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.pg_class t, pg_catalog.unnest(t.reloptions) o where t.oid = c.reltoastrelid),
			'parents', (select pg_catalog.jsonb_agg(i.inhparent::pg_catalog.regclass::text order by i.inhseqno) from pg_catalog.pg_inherits i where i.inhrelid = c.oid),
			'partition key', case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end,
			'partition bound', pg_catalog.pg_get_expr(c.relpartbound, c.oid),
			'of type', nullif(c.reloftype, 0)::pg_catalog.regtype::text,
			'populated', case when c.relkind = 'm' then c.relispopulated end,
			'definition', case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end,
			'server', (select s.srvname from pg_catalog.pg_foreign_table t join pg_catalog.pg_foreign_server s on s.oid = t.ftserver where t.ftrelid = c.oid),
			'server options', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.pg_foreign_table t, pg_catalog.unnest(t.ftoptions) o where t.ftrelid = c.oid),
			'columns', case when not exists (select from pg_catalog.pg_inherits i where i.inhrelid = c.oid) or c.relispartition then
				(select pg_catalog.jsonb_agg(a.attname order by a.attnum) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) end)
	from pg_catalog.pg_class c
	where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')`

// pg_attver is the server's own note in attoptions (15.20). A partition has its
// parent's identity from PostgreSQL 17 on.
const selectColumns = `
	select 'column', pg_catalog.format('%s.%I', c.oid::pg_catalog.regclass, a.attname), 'pg_catalog.pg_class'::pg_catalog.regclass::oid,
		c.oid, c.relnamespace, c.oid, a.attnum,
		pg_catalog.jsonb_build_object(
			'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
			'collation', (select a.attcollation::pg_catalog.regcollation::text from pg_catalog.pg_type t where t.oid = a.atttypid and t.typcollation <> a.attcollation),
			'not null', a.attnotnull,
			'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
			'identity', case when not c.relispartition then a.attidentity end,
			'generated', a.attgenerated,
			'storage', a.attstorage,
			'compression', pg_catalog.to_jsonb(a) ->> 'attcompression',
			'statistics target', nullif(a.attstattarget, -1),
			'options', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.unnest(a.attoptions) o where o not like 'pg\_attver=%'),
			'server options', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.unnest(a.attfdwoptions) o),
			'local', a.attislocal,
			'inherited', a.attinhcount)
	from pg_catalog.pg_class c
	join pg_catalog.pg_attribute a on a.attrelid = c.oid
	left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
	where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c') and a.attnum > 0 and not a.attisdropped`

const selectSequences = `
	select 'sequence', c.oid::pg_catalog.regclass::text, 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid, c.relnamespace,
		coalesce(d.refobjid, 0), coalesce(d.refobjsubid, 0),
		pg_catalog.jsonb_build_object(
			'persistence', c.relpersistence,
			'type', s.seqtypid::pg_catalog.regtype::text,
			'start', s.seqstart, 'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle,
			'owned by', d.refobjid::pg_catalog.regclass::text || '.' || pg_catalog.quote_ident(a.attname),
			'identity', d.deptype = 'i')
	from pg_catalog.pg_sequence s
	join pg_catalog.pg_class c on c.oid = s.seqrelid
	left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid
		and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.deptype in ('a', 'i')
	left join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid`

// A partition's foreign keys that come from its parent get names of their own.
// Named NOT NULL constraints (18) are in the columns.
const selectConstraints = `
	select 'constraint', pg_catalog.format('%s %I', c.conrelid::pg_catalog.regclass, c.conname), 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid,
		c.oid, c.connamespace, c.conrelid, 0,
		pg_catalog.jsonb_build_object(
			'definition', pg_catalog.pg_get_constraintdef(c.oid),
			'validated', c.convalidated,
			'local', c.conislocal)
	from pg_catalog.pg_constraint c
	where c.conrelid <> 0 and c.contype in ('c', 'f', 'p', 'u', 'x') and not (c.contype = 'f' and c.conparentid <> 0)`

const selectDomainConstraints = `
	select 'domain constraint', pg_catalog.format('%s %I', c.contypid::pg_catalog.regtype, c.conname), 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid,
		c.oid, c.connamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_constraintdef(c.oid), 'validated', c.convalidated)
	from pg_catalog.pg_constraint c
	where c.contypid <> 0 and c.contype = 'c'`

const selectIndexes = `
	select 'index', pg_catalog.format('%s %I', i.indrelid::pg_catalog.regclass, c.relname), 'pg_catalog.pg_class'::pg_catalog.regclass::oid,
		c.oid, c.relnamespace, i.indrelid, 0,
		pg_catalog.jsonb_build_object(
			'name', c.oid::pg_catalog.regclass::text,
			'definition', pg_catalog.pg_get_indexdef(c.oid),
			'valid', i.indisvalid, 'ready', i.indisready,
			'clustered', i.indisclustered,
			'replica identity', i.indisreplident,
			'attached to', (select n.inhparent::pg_catalog.regclass::text from pg_catalog.pg_inherits n where n.inhrelid = c.oid),
			'statistics targets', (select pg_catalog.jsonb_agg(a.attnum || '=' || a.attstattarget order by a.attnum)
				from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attstattarget >= 0))
	from pg_catalog.pg_index i
	join pg_catalog.pg_class c on c.oid = i.indexrelid
	join pg_catalog.pg_class t on t.oid = i.indrelid and t.relkind in ('r', 'p', 'm')`

const selectTriggers = `
	select 'trigger', pg_catalog.format('%s %I', t.tgrelid::pg_catalog.regclass, t.tgname), 'pg_catalog.pg_trigger'::pg_catalog.regclass::oid,
		t.oid, c.relnamespace, t.tgrelid, 0,
		pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_triggerdef(t.oid), 'enabled', t.tgenabled)
	from pg_catalog.pg_trigger t
	join pg_catalog.pg_class c on c.oid = t.tgrelid
	where not t.tgisinternal and coalesce(pg_catalog.to_jsonb(t) ->> 'tgparentid', '0') = '0'`

// What a partition has of its parent's trigger is its own mark.
const selectPartitionTriggers = `
	select 'trigger of partition', pg_catalog.format('%s %I', t.tgrelid::pg_catalog.regclass, t.tgname), 'pg_catalog.pg_trigger'::pg_catalog.regclass::oid,
		t.oid, c.relnamespace, t.tgrelid, 0, pg_catalog.jsonb_build_object('enabled', t.tgenabled)
	from pg_catalog.pg_trigger t
	join pg_catalog.pg_class c on c.oid = t.tgrelid
	where not t.tgisinternal and coalesce(pg_catalog.to_jsonb(t) ->> 'tgparentid', '0') <> '0'`

const selectRules = `
	select 'rule', pg_catalog.format('%s %I', r.ev_class::pg_catalog.regclass, r.rulename), 'pg_catalog.pg_rewrite'::pg_catalog.regclass::oid,
		r.oid, c.relnamespace, r.ev_class, 0,
		pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)
	from pg_catalog.pg_rewrite r
	join pg_catalog.pg_class c on c.oid = r.ev_class
	where r.rulename <> '_RETURN'`

const selectPolicies = `
	select 'policy', pg_catalog.format('%s %I', p.polrelid::pg_catalog.regclass, p.polname), 'pg_catalog.pg_policy'::pg_catalog.regclass::oid,
		p.oid, c.relnamespace, p.polrelid, 0,
		pg_catalog.jsonb_build_object(
			'command', p.polcmd,
			'permissive', p.polpermissive,
			'roles', (select pg_catalog.jsonb_agg(n order by n) from (
				select case when r = 0 then 'public' else pg_catalog.pg_get_userbyid(r) end from pg_catalog.unnest(p.polroles) r) v (n)),
			'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
			'with check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
	from pg_catalog.pg_policy p
	join pg_catalog.pg_class c on c.oid = p.polrelid`

const selectStatistics = `
	select 'statistics', pg_catalog.format('%I.%I', n.nspname, s.stxname), 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass::oid,
		s.oid, s.stxnamespace, s.stxrelid, 0,
		pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_statisticsobjdef(s.oid), 'statistics target', nullif(s.stxstattarget, -1))
	from pg_catalog.pg_statistic_ext s
	join pg_catalog.pg_namespace n on n.oid = s.stxnamespace`
