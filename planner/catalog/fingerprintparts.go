package catalog

// The parts of the fingerprint that belong to no table.
//
// Of what the server came with, all below the first oid that it gives away later, only
// who may use it counts. pg_dump writes nothing else of it, and to write out its thousands
// of rows, with each function's name looked up, would take longer than everything else
// that is read.
const (
	// Row types and arrays come and go with what they belong to.
	schemaParts = `
		select 'namespace', n::text
		from pg_catalog.pg_namespace n
		where n.oid not in (select oid from hidden)
		union all
		select 'type', t::text
		from pg_catalog.pg_type t
		left join pg_catalog.pg_type e on e.typarray = t.oid
		left join pg_catalog.pg_class c on c.oid = t.typrelid
		where (t.oid >= 16384 or t.typacl is not null) and e.oid is null and (c.oid is null or c.relkind = 'c') and t.typnamespace not in (select oid from hidden)
		union all
		select 'enum', e::text
		from pg_catalog.pg_enum e
		join pg_catalog.pg_type t on t.oid = e.enumtypid
		where t.typnamespace not in (select oid from hidden)
		union all
		select 'range', r::text
		from pg_catalog.pg_range r
		join pg_catalog.pg_type t on t.oid = r.rngtypid
		where t.typnamespace not in (select oid from hidden)
		union all
		select 'proc', p::text
		from pg_catalog.pg_proc p
		where (p.oid >= 16384 or p.proacl is not null) and p.pronamespace not in (select oid from hidden)
		union all
		select 'aggregate', a::text
		from pg_catalog.pg_aggregate a
		join pg_catalog.pg_proc p on p.oid = a.aggfnoid
		where a.aggfnoid >= 16384 and p.pronamespace not in (select oid from hidden)
		union all
		select 'operator', o::text
		from pg_catalog.pg_operator o
		where o.oid >= 16384 and o.oprnamespace not in (select oid from hidden)
		union all
		select 'opclass', o::text
		from pg_catalog.pg_opclass o
		where o.oid >= 16384 and o.opcnamespace not in (select oid from hidden)
		union all
		select 'opfamily', o::text
		from pg_catalog.pg_opfamily o
		where o.oid >= 16384 and o.opfnamespace not in (select oid from hidden)
		union all
		select 'amop', a::text from pg_catalog.pg_amop a where a.oid >= 16384
		union all
		select 'amproc', a::text from pg_catalog.pg_amproc a where a.oid >= 16384
		union all
		select 'collation', c::text
		from pg_catalog.pg_collation c
		where c.oid >= 16384 and c.collnamespace not in (select oid from hidden)
		union all
		select 'conversion', c::text
		from pg_catalog.pg_conversion c
		where c.oid >= 16384 and c.connamespace not in (select oid from hidden)
		union all
		select 'ts_config', c::text
		from pg_catalog.pg_ts_config c
		where c.oid >= 16384 and c.cfgnamespace not in (select oid from hidden)
		union all
		select 'ts_config_map', m::text from pg_catalog.pg_ts_config_map m where m.mapcfg >= 16384
		union all
		select 'ts_dict', d::text
		from pg_catalog.pg_ts_dict d
		where d.oid >= 16384 and d.dictnamespace not in (select oid from hidden)
		union all
		select 'ts_parser', p::text
		from pg_catalog.pg_ts_parser p
		where p.oid >= 16384 and p.prsnamespace not in (select oid from hidden)
		union all
		select 'ts_template', t::text
		from pg_catalog.pg_ts_template t
		where t.oid >= 16384 and t.tmplnamespace not in (select oid from hidden)`

	// Of user mappings the options are left out: they hold passwords. Publications of
	// ours are no definitions of the database.
	globalParts = `
		select 'cast', c::text
		from pg_catalog.pg_cast c
		join pg_catalog.pg_type t on t.oid = c.castsource
		where c.oid >= 16384 and t.typnamespace not in (select oid from hidden)
		union all
		select 'language', l::text from pg_catalog.pg_language l
		union all
		select 'am', a::text from pg_catalog.pg_am a
		union all
		select 'transform', t::text from pg_catalog.pg_transform t
		union all
		select 'event_trigger', e::text
		from pg_catalog.pg_event_trigger e
		join pg_catalog.pg_proc p on p.oid = e.evtfoid
		where p.pronamespace not in (select oid from hidden)
		union all
		select 'extension', e::text
		from pg_catalog.pg_extension e
		where e.extname <> 'pglogical'
		union all
		select 'foreign_data_wrapper', f::text from pg_catalog.pg_foreign_data_wrapper f
		union all
		select 'foreign_server', s::text from pg_catalog.pg_foreign_server s
		union all
		select 'user_mapping', row(umid, srvid, umuser)::text from pg_catalog.pg_user_mappings
		union all
		select 'default_acl', d::text
		from pg_catalog.pg_default_acl d
		where d.defaclnamespace not in (select oid from hidden)
		union all
		select 'publication', p::text
		from pg_catalog.pg_publication p
		where p.pubname !~ '^bascule_'
		union all
		select 'publication_rel', r::text
		from pg_catalog.pg_publication_rel r
		join pg_catalog.pg_publication p on p.oid = r.prpubid
		where p.pubname !~ '^bascule_'
		union all
		select 'database', row(d.datname, d.datdba, d.dattablespace, d.datacl, pg_catalog.shobj_description(d.oid, 'pg_database'))::text
		from pg_catalog.pg_database d
		where d.datname = pg_catalog.current_database()
		union all
		select 'db_role_setting', row(s.setrole, s.setconfig)::text
		from pg_catalog.pg_db_role_setting s
		join pg_catalog.pg_database d on d.oid = s.setdatabase
		where d.datname = pg_catalog.current_database()`

	// What is said of objects. Of pg_depend only what someone can say: which column
	// owns a sequence, which extension an object belongs to.
	noteParts = `
		select 'description', row(d.classoid, case when i.oid is null then d.objoid end, i.relname, i.relnamespace,
			d.objsubid, d.description)::text
		from pg_catalog.pg_description d
		left join pg_catalog.pg_class c on c.oid = d.objoid and d.classoid = 'pg_catalog.pg_class'::regclass
		left join index i on i.oid = c.oid
		where (d.objoid >= 16384 or d.classoid = 'pg_catalog.pg_namespace'::regclass)
			and (c.oid is null or c.relnamespace not in (select oid from hidden))
			and not (d.classoid = 'pg_catalog.pg_namespace'::regclass and d.objoid in (select oid from hidden))
			and not (d.classoid = 'pg_catalog.pg_extension'::regclass and d.objoid in (select oid from pg_catalog.pg_extension where extname = 'pglogical'))
		union all
		select 'seclabel', s::text from pg_catalog.pg_seclabel s
		union all
		select 'depend', row(d.classid, case when i.oid is null then d.objid end, i.relname, i.relnamespace,
			d.refclassid, d.refobjid, d.refobjsubid, d.deptype)::text
		from pg_catalog.pg_depend d
		left join pg_catalog.pg_class c on c.oid = d.objid and d.classid = 'pg_catalog.pg_class'::regclass
		left join index i on i.oid = c.oid
		where d.deptype in ('e', 'x') and d.refobjid not in (select oid from pg_catalog.pg_extension where extname = 'pglogical')
			or d.deptype in ('a', 'i') and c.relkind = 'S' and d.refobjsubid > 0
				and c.relnamespace not in (select oid from hidden)`
)
