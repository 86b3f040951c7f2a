package verify

// ownable lists every catalogue of objects with an owner and privileges: class, oid,
// schema, the letter by which acldefault knows the kind, owner, privileges.
const ownable = `
		select 'pg_catalog.pg_class'::pg_catalog.regclass::oid, oid, relnamespace, case relkind when 'S' then 's' else 'r' end, relowner, relacl
			from pg_catalog.pg_class where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
		union all select 'pg_catalog.pg_type'::pg_catalog.regclass::oid, t.oid, t.typnamespace, 'T', t.typowner, t.typacl
			from pg_catalog.pg_type t left join pg_catalog.pg_class c on c.oid = t.typrelid
			where (c.oid is null or c.relkind = 'c') and t.typtype <> 'm' and t.typisdefined and not exists (select from pg_catalog.pg_type e where e.typarray = t.oid)
		union all select 'pg_catalog.pg_proc'::pg_catalog.regclass::oid, oid, pronamespace, 'f', proowner, proacl from pg_catalog.pg_proc
		union all select 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, oid, oid, 'n', nspowner, nspacl from pg_catalog.pg_namespace
		union all select 'pg_catalog.pg_language'::pg_catalog.regclass::oid, oid, 0, 'l', lanowner, lanacl from pg_catalog.pg_language
		union all select 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass::oid, oid, 0, 'F', fdwowner, fdwacl from pg_catalog.pg_foreign_data_wrapper
		union all select 'pg_catalog.pg_foreign_server'::pg_catalog.regclass::oid, oid, 0, 'S', srvowner, srvacl from pg_catalog.pg_foreign_server
		union all select 'pg_catalog.pg_largeobject'::pg_catalog.regclass::oid, oid, 0, 'L', lomowner, lomacl from pg_catalog.pg_largeobject_metadata`

// ownedOnly lists objects with an owner but no privileges.
const ownedOnly = `
		union all select 'pg_catalog.pg_operator'::pg_catalog.regclass::oid, oid, oprnamespace, '', oprowner, null from pg_catalog.pg_operator where oprcode <> 0
		union all select 'pg_catalog.pg_opclass'::pg_catalog.regclass::oid, oid, opcnamespace, '', opcowner, null from pg_catalog.pg_opclass
		union all select 'pg_catalog.pg_opfamily'::pg_catalog.regclass::oid, oid, opfnamespace, '', opfowner, null from pg_catalog.pg_opfamily
		union all select 'pg_catalog.pg_collation'::pg_catalog.regclass::oid, oid, collnamespace, '', collowner, null from pg_catalog.pg_collation
		union all select 'pg_catalog.pg_conversion'::pg_catalog.regclass::oid, oid, connamespace, '', conowner, null from pg_catalog.pg_conversion
		union all select 'pg_catalog.pg_ts_dict'::pg_catalog.regclass::oid, oid, dictnamespace, '', dictowner, null from pg_catalog.pg_ts_dict
		union all select 'pg_catalog.pg_ts_config'::pg_catalog.regclass::oid, oid, cfgnamespace, '', cfgowner, null from pg_catalog.pg_ts_config
		union all select 'pg_catalog.pg_event_trigger'::pg_catalog.regclass::oid, oid, 0, '', evtowner, null from pg_catalog.pg_event_trigger
		union all select 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass::oid, oid, stxnamespace, '', stxowner, null from pg_catalog.pg_statistic_ext`

const selectOwners = `
	select 'owner', i.type || ' ' || i.identity, o.class, o.oid, o.nsp, case when o.class = 'pg_catalog.pg_class'::pg_catalog.regclass then o.oid else 0 end, 0,
		pg_catalog.jsonb_build_object('owner', pg_catalog.pg_get_userbyid(o.owner))
	from (` + ownable + ownedOnly + `) o (class, oid, nsp, kind, owner, acl), lateral pg_catalog.pg_identify_object(o.class, o.oid, 0) i
	where o.oid >= 16384 or o.class in ('pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_largeobject'::pg_catalog.regclass)`

// granted is a list of privileges as text, the owner by the word owner.
const granted = `(
			select pg_catalog.jsonb_agg(x order by x) from (
				select (case when a.grantee = o.owner then 'owner' when a.grantee = 0 then 'public' else pg_catalog.pg_get_userbyid(a.grantee) end)
					|| ' may ' || pg_catalog.lower(a.privilege_type) || case when a.is_grantable then ' and grant it' else '' end
					|| ', by ' || case when a.grantor = o.owner then 'owner' else pg_catalog.pg_get_userbyid(a.grantor) end
				from pg_catalog.aclexplode(coalesce(o.acl, pg_catalog.acldefault(o.kind::"char", o.owner))) a
				where a.privilege_type <> 'MAINTAIN') v (x))`

const selectPrivileges = `
	select 'privileges', i.type || ' ' || i.identity, o.class, o.oid, o.nsp, case when o.class = 'pg_catalog.pg_class'::pg_catalog.regclass then o.oid else 0 end, 0,
		pg_catalog.jsonb_build_object('privileges', ` + granted + `)
	from (` + ownable + `) o (class, oid, nsp, kind, owner, acl), lateral pg_catalog.pg_identify_object(o.class, o.oid, 0) i
	where o.oid >= 16384 or o.class in ('pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_largeobject'::pg_catalog.regclass)`

const selectColumnPrivileges = `
	select 'privileges', pg_catalog.format('column %s.%I', o.oid::pg_catalog.regclass, o.name), 'pg_catalog.pg_class'::pg_catalog.regclass::oid, o.oid, o.nsp, o.oid, o.num,
		pg_catalog.jsonb_build_object('privileges', ` + granted + `)
	from (
		select c.oid, c.relnamespace, a.attname, a.attnum, 'c', c.relowner, a.attacl
		from pg_catalog.pg_class c
		join pg_catalog.pg_attribute a on a.attrelid = c.oid
		where a.attnum > 0 and not a.attisdropped and a.attacl is not null) o (oid, nsp, name, num, kind, owner, acl)`

const selectDefaultPrivileges = `
	select 'default privileges', pg_catalog.format('of %s%s for %s', pg_catalog.pg_get_userbyid(o.owner), ' in ' || n.nspname, o.objects),
		'pg_catalog.pg_default_acl'::pg_catalog.regclass::oid, o.oid, o.nsp, 0::oid, 0,
		pg_catalog.jsonb_build_object('privileges', ` + granted + `)
	from (select oid, defaclnamespace, defaclobjtype, 'r', defaclrole, defaclacl from pg_catalog.pg_default_acl) o (oid, nsp, objects, kind, owner, acl)
	left join pg_catalog.pg_namespace n on n.oid = o.nsp`

// selectChangedPrivileges is of objects of extensions and of the system whose
// privileges are not those that they came with.
const selectChangedPrivileges = `
	select 'privileges', i.type || ' ' || i.identity, o.class, o.oid, 0, '[]', pg_catalog.jsonb_build_object('privileges', ` + granted + `)
	from (` + ownable + `) o (class, oid, nsp, kind, owner, acl)
	left join pg_catalog.pg_init_privs p on p.classoid = o.class and p.objoid = o.oid and p.objsubid = 0,
	lateral pg_catalog.pg_identify_object(o.class, o.oid, 0) i
	where coalesce(o.acl, pg_catalog.acldefault(o.kind::"char", o.owner)) is distinct from coalesce(p.initprivs, pg_catalog.acldefault(o.kind::"char", o.owner))
	and (o.oid < 16384 or exists (
		select from pg_catalog.pg_depend d
		where d.classid = o.class and d.objid = o.oid and d.deptype = 'e' and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass))
	and o.class not in ('pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_largeobject'::pg_catalog.regclass)
	order by 1, 2`

const selectSettings = `
	select 'setting', pg_catalog.split_part(c, '=', 1) || coalesce(' of role ' || pg_catalog.quote_ident(r.rolname), ''), 0, 0, 0, '[]',
		pg_catalog.jsonb_build_object('value', pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1))
	from pg_catalog.pg_db_role_setting s
	join pg_catalog.pg_database d on d.oid = s.setdatabase and d.datname = pg_catalog.current_database()
	left join pg_catalog.pg_roles r on r.oid = s.setrole,
	pg_catalog.unnest(s.setconfig) c
	order by 1, 2`

const selectDatabaseComment = `
	select 'comment', 'database', 0, 0, 0, '[]',
		pg_catalog.jsonb_build_object('text', pg_catalog.shobj_description(oid, 'pg_database'))
	from pg_catalog.pg_database
	where datname = pg_catalog.current_database()
	order by 1, 2`

const selectDatabasePrivileges = `
	select 'privileges', 'database', 0, 0, 0, '[]', pg_catalog.jsonb_build_object('privileges', ` + granted + `)
	from (select 'd', datdba, datacl from pg_catalog.pg_database where datname = pg_catalog.current_database()) o (kind, owner, acl)
	order by 1, 2`

// selectViewUses stands in for the text of views between major versions.
const selectViewUses = `
	select 'use by view', r.ev_class::pg_catalog.regclass::text, 'pg_catalog.pg_class'::pg_catalog.regclass::oid, r.ev_class, r.ev_class, '[]',
		pg_catalog.jsonb_build_object('uses', pg_catalog.jsonb_agg(distinct i.type || ' ' || i.identity order by i.type || ' ' || i.identity))
	from pg_catalog.pg_rewrite r
	join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = r.oid and d.deptype = 'n' and d.refobjid <> r.ev_class
	join pg_catalog.pg_class c on c.oid = r.ev_class,
	lateral pg_catalog.pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) i
	where r.rulename = '_RETURN' and r.ev_class >= 16384 and not exists (
		select from pg_catalog.pg_depend e
		where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = r.ev_class and e.deptype = 'e')
	group by r.ev_class
	order by 1, 2`
