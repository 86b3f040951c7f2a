package catalog

// Objects that are in no schema.
const (
	globalObjects = `
		select 'pg_catalog.pg_cast'::regclass, c.oid, 'cast', '',
			'(' || pg_catalog.format_type(c.castsource, null) || ' as ' || pg_catalog.format_type(c.casttarget, null) || ')',
			0::oid, 0::oid, c.castmethod = 'b'
		from pg_catalog.pg_cast c
		left join (` + parts + `) part on part.objid = c.oid and part.classid = 'pg_catalog.pg_cast'::regclass
		where c.oid >= 16384 and part.objid is null
		union all
		select 'pg_catalog.pg_language'::regclass, oid, 'language', '', lanname::text, 0::oid, lanowner, true
		from pg_catalog.pg_language where oid >= 16384
		union all
		select 'pg_catalog.pg_am'::regclass, oid, 'access_method', '', amname::text, 0::oid, 0::oid, true
		from pg_catalog.pg_am where oid >= 16384
		union all
		select 'pg_catalog.pg_transform'::regclass, t.oid, 'transform', '',
			'for ' || pg_catalog.format_type(t.trftype, null) || ' language ' || l.lanname, 0::oid, 0::oid, false
		from pg_catalog.pg_transform t
		join pg_catalog.pg_language l on l.oid = t.trflang
		where t.oid >= 16384
		union all
		select 'pg_catalog.pg_event_trigger'::regclass, e.oid, 'event_trigger', '', e.evtname::text, 0::oid, e.evtowner, true
		from pg_catalog.pg_event_trigger e
		join pg_catalog.pg_proc p on p.oid = e.evtfoid
		join pg_catalog.pg_namespace n on n.oid = p.pronamespace
		where e.oid >= 16384 and n.nspname !~ '` + LogPattern + `'
		union all
		select 'pg_catalog.pg_foreign_data_wrapper'::regclass, oid, 'foreign_data_wrapper', '', fdwname::text, 0::oid, fdwowner, true
		from pg_catalog.pg_foreign_data_wrapper where oid >= 16384
		union all
		select 'pg_catalog.pg_foreign_server'::regclass, oid, 'foreign_server', '', srvname::text, 0::oid, srvowner, false
		from pg_catalog.pg_foreign_server where oid >= 16384
		union all
		select 'pg_catalog.pg_user_mapping'::regclass, umid, 'user_mapping', '', usename || ' on ' || srvname, 0::oid, 0::oid, false
		from pg_catalog.pg_user_mappings
		union all
		select 'pg_catalog.pg_default_acl'::regclass, d.oid, 'default_privilege', coalesce(n.nspname, ''),
			pg_catalog.pg_get_userbyid(d.defaclrole) || ' ' || case d.defaclobjtype
				when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
				when 'n' then 'schemas' else 'large objects' end,
			0::oid, 0::oid, false
		from pg_catalog.pg_default_acl d
		left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
		union all
		select 'pg_catalog.pg_publication'::regclass, oid, 'publication', '', pubname::text, 0::oid, pubowner, puballtables
		from pg_catalog.pg_publication where oid >= 16384`

	selectSubscriptions = `
		select 'pg_catalog.pg_subscription'::regclass::oid, s.oid, 'subscription', '', s.subname::text, 0::oid,
			pg_catalog.pg_get_userbyid(s.subowner)::text, '', true, ''
		from pg_catalog.pg_subscription s
		join pg_catalog.pg_database d on d.oid = s.subdbid
		where d.datname = pg_catalog.current_database()
		order by s.subname`
)
