package catalog

import "github.com/jackc/pgx/v5"

func (r *reader) dependencies() question {
	return question{about: "dependencies", sql: selectDependencies, row: func(rows pgx.Rows) error {
		var d Dependency
		err := rows.Scan(&d.Class, &d.OID, &d.RefClass, &d.RefOID, &d.RefColumn, letter{&d.Kind})
		r.db.Depends = append(r.db.Depends, d)
		return err
	}}
}

func (r *reader) extensions() question {
	return question{about: "extensions", sql: selectExtensions, row: func(rows pgx.Rows) error {
		var e Extension
		err := rows.Scan(&e.OID, &e.Name, &e.Version, &e.Schema, &e.Owner, &e.Relocatable)
		r.db.Extensions = append(r.db.Extensions, e)
		return err
	}}
}

func (r *reader) available() question {
	return question{about: "available extensions", sql: selectAvailable, row: func(rows pgx.Rows) error {
		var a AvailableExtension
		err := rows.Scan(&a.Name, &a.DefaultVersion, &a.Versions, &a.Trusted, &a.Superuser)
		r.db.Available[a.Name] = a
		return err
	}}
}

const (
	// pg_depend says what goes when something is dropped. Some objects are created
	// from another that the server regards as a part of them; the last three give
	// these, as kind i: a view from its _RETURN rule, a composite type from its
	// columns, a domain from its checks. So whoever follows the table from what is
	// left out finds everything that cannot be created.
	//
	// Objects made by initdb are not looked at, nor are TOAST and temporary tables.
	selectDependencies = `
		select distinct d.classid, d.objid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype::text
		from pg_catalog.pg_depend d
		left join pg_catalog.pg_class c on c.oid = d.objid and d.classid = 'pg_catalog.pg_class'::regclass
		where d.objid >= 16384 and d.deptype not in ('e', 'p')
			and (c.oid is null or c.relkind <> 't' and c.relpersistence <> 't')
		union all
		select 'pg_catalog.pg_class'::regclass, ev_class, 'pg_catalog.pg_rewrite'::regclass, oid, 0, 'i'
		from pg_catalog.pg_rewrite
		where oid >= 16384 and rulename = '_RETURN'
		union all
		select 'pg_catalog.pg_type'::regclass, t.oid, 'pg_catalog.pg_class'::regclass, c.oid, 0, 'i'
		from pg_catalog.pg_type t
		join pg_catalog.pg_class c on c.oid = t.typrelid
		where c.oid >= 16384 and c.relkind = 'c'
		union all
		select 'pg_catalog.pg_type'::regclass, contypid, 'pg_catalog.pg_constraint'::regclass, oid, 0, 'i'
		from pg_catalog.pg_constraint
		where oid >= 16384 and contypid <> 0
		order by 1, 2, 3, 4, 5, 6`

	selectExtensions = `
		select e.oid, e.extname::text, e.extversion, n.nspname::text, pg_catalog.pg_get_userbyid(e.extowner)::text, e.extrelocatable
		from pg_catalog.pg_extension e
		join pg_catalog.pg_namespace n on n.oid = e.extnamespace
		order by e.extname`

	// The rights are those of the default version.
	selectAvailable = `
		select v.name::text, coalesce(e.default_version, ''),
			pg_catalog.array_agg(v.version order by v.version),
			coalesce(pg_catalog.bool_or(v.trusted) filter (where v.version = e.default_version), false),
			coalesce(pg_catalog.bool_or(v.superuser) filter (where v.version = e.default_version), true)
		from pg_catalog.pg_available_extension_versions v
		join pg_catalog.pg_available_extensions e on e.name = v.name
		group by v.name, e.default_version
		order by v.name`
)
