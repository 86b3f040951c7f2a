package catalog

import "github.com/jackc/pgx/v5"

func (r *reader) objects() question {
	return question{about: "objects", sql: selectObjects, row: r.object}
}

// subscriptions are apart: up to 13 only a superuser may list them.
func (r *reader) subscriptions() question {
	return question{about: "subscriptions", sql: selectSubscriptions, row: r.object}
}

func (r *reader) object(rows pgx.Rows) error {
	var o Object
	err := rows.Scan(&o.Class, &o.OID, &o.Kind, &o.Schema, &o.Name, &o.Table, &o.Owner, &o.Extension, &o.NeedsSuperuser, letter{&o.Volatility})
	r.db.Objects = append(r.db.Objects, o)
	return err
}

// Each part gives class, oid, kind, schema, name, table, owner, superuser. Objects
// without a schema count from the first oid that initdb did not use; their schema
// is ”.
const (
	selectObjects = `
		select o.class::oid, o.oid, o.kind, o.nspname::text, o.name, o.tab, coalesce(pg_catalog.pg_get_userbyid(nullif(o.owner, 0))::text, ''),
			coalesce(m.extname::text, ''), o.superuser, coalesce(f.provolatile::text, '')
		from (` + functionObjects + ` union all ` + typeObjects + ` union all ` + tableObjects + ` union all ` +
		operatorObjects + ` union all ` + namedObjects + ` union all ` + searchObjects + ` union all ` + globalObjects + `
		) o
		left join (` + members + `) m on m.classid = o.class and m.objid = o.oid
		left join pg_catalog.pg_proc f on f.oid = o.oid and o.class = 'pg_catalog.pg_proc'::regclass
		order by o.kind, o.nspname, o.name, o.tab, o.oid`

	// parts are objects that come with another: a range type's constructors and cast.
	parts = `
		select classid, objid from pg_catalog.pg_depend
		where deptype = 'i' and refclassid = 'pg_catalog.pg_type'::regclass`

	// A function that needs a superuser: of an untrusted language, leakproof, or with
	// a planner support function; an aggregate: with internal state.
	functionObjects = `
		select 'pg_catalog.pg_proc'::regclass as class, p.oid,
			case p.prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end as kind,
			n.nspname, p.proname || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')' as name, 0::oid as tab, p.proowner as owner,
			case when p.prokind = 'a' then a.aggtranstype = 'internal'::regtype
				else not l.lanpltrusted or p.proleakproof or p.prosupport <> 0 end as superuser
		from pg_catalog.pg_proc p
		join (` + ownSchemas + `) n on n.oid = p.pronamespace
		join pg_catalog.pg_language l on l.oid = p.prolang
		left join pg_catalog.pg_aggregate a on a.aggfnoid = p.oid
		left join (` + parts + `) part on part.objid = p.oid and part.classid = 'pg_catalog.pg_proc'::regclass
		where part.objid is null`

	// Arrays, multiranges and tables' row types come with what they belong to.
	typeObjects = `
		select 'pg_catalog.pg_type'::regclass, t.oid,
			case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite' when 'r' then 'range' else 'type' end,
			n.nspname, t.typname::text, 0::oid, t.typowner, t.typtype = 'b'
		from pg_catalog.pg_type t
		join (` + ownSchemas + `) n on n.oid = t.typnamespace
		left join pg_catalog.pg_class c on c.oid = t.typrelid
		left join pg_catalog.pg_type e on e.typarray = t.oid
		where t.typtype <> 'm' and e.oid is null and (c.oid is null or c.relkind = 'c')`

	// What belongs to a table. A trigger that a partition has from its parent comes
	// with the parent's.
	tableObjects = `
		select 'pg_catalog.pg_trigger'::regclass, o.oid, 'trigger', n.nspname, o.tgname::text, c.oid, c.relowner, false
		from pg_catalog.pg_trigger o
		join pg_catalog.pg_class c on c.oid = o.tgrelid
		join (` + ownSchemas + `) n on n.oid = c.relnamespace
		where not o.tgisinternal and o.tgparentid = 0 and c.relpersistence <> 't'
		union all
		select 'pg_catalog.pg_rewrite'::regclass, o.oid, 'rule', n.nspname, o.rulename::text, c.oid, c.relowner, false
		from pg_catalog.pg_rewrite o
		join pg_catalog.pg_class c on c.oid = o.ev_class
		join (` + ownSchemas + `) n on n.oid = c.relnamespace
		where o.rulename <> '_RETURN' and c.relpersistence <> 't'
		union all
		select 'pg_catalog.pg_policy'::regclass, o.oid, 'policy', n.nspname, o.polname::text, c.oid, c.relowner, false
		from pg_catalog.pg_policy o
		join pg_catalog.pg_class c on c.oid = o.polrelid
		join (` + ownSchemas + `) n on n.oid = c.relnamespace
		where c.relpersistence <> 't'
		union all
		select 'pg_catalog.pg_statistic_ext'::regclass, o.oid, 'statistics', n.nspname, o.stxname::text, o.stxrelid, o.stxowner, false
		from pg_catalog.pg_statistic_ext o
		join (` + ownSchemas + `) n on n.oid = o.stxnamespace`

	operatorObjects = `
		select 'pg_catalog.pg_operator'::regclass, o.oid, 'operator', n.nspname,
			o.oprname || '(' || case when o.oprleft = 0 then 'none' else pg_catalog.format_type(o.oprleft, null) end
				|| ', ' || case when o.oprright = 0 then 'none' else pg_catalog.format_type(o.oprright, null) end || ')',
			0::oid, o.oprowner, false
		from pg_catalog.pg_operator o
		join (` + ownSchemas + `) n on n.oid = o.oprnamespace
		union all
		select 'pg_catalog.pg_opclass'::regclass, o.oid, 'operator_class', n.nspname, o.opcname || ' using ' || a.amname, 0::oid, o.opcowner, true
		from pg_catalog.pg_opclass o
		join (` + ownSchemas + `) n on n.oid = o.opcnamespace
		join pg_catalog.pg_am a on a.oid = o.opcmethod
		union all
		select 'pg_catalog.pg_opfamily'::regclass, o.oid, 'operator_family', n.nspname, o.opfname || ' using ' || a.amname, 0::oid, o.opfowner, true
		from pg_catalog.pg_opfamily o
		join (` + ownSchemas + `) n on n.oid = o.opfnamespace
		join pg_catalog.pg_am a on a.oid = o.opfmethod`

	namedObjects = `
		select 'pg_catalog.pg_collation'::regclass, o.oid, 'collation', n.nspname, o.collname::text, 0::oid, o.collowner, false
		from pg_catalog.pg_collation o
		join (` + ownSchemas + `) n on n.oid = o.collnamespace
		union all
		select 'pg_catalog.pg_conversion'::regclass, o.oid, 'conversion', n.nspname, o.conname::text, 0::oid, o.conowner, false
		from pg_catalog.pg_conversion o
		join (` + ownSchemas + `) n on n.oid = o.connamespace`

	searchObjects = `
		select 'pg_catalog.pg_ts_config'::regclass, o.oid, 'text_search_configuration', n.nspname, o.cfgname::text, 0::oid, o.cfgowner, false
		from pg_catalog.pg_ts_config o
		join (` + ownSchemas + `) n on n.oid = o.cfgnamespace
		union all
		select 'pg_catalog.pg_ts_dict'::regclass, o.oid, 'text_search_dictionary', n.nspname, o.dictname::text, 0::oid, o.dictowner, false
		from pg_catalog.pg_ts_dict o
		join (` + ownSchemas + `) n on n.oid = o.dictnamespace
		union all
		select 'pg_catalog.pg_ts_parser'::regclass, o.oid, 'text_search_parser', n.nspname, o.prsname::text, 0::oid, 0::oid, true
		from pg_catalog.pg_ts_parser o
		join (` + ownSchemas + `) n on n.oid = o.prsnamespace
		union all
		select 'pg_catalog.pg_ts_template'::regclass, o.oid, 'text_search_template', n.nspname, o.tmplname::text, 0::oid, 0::oid, true
		from pg_catalog.pg_ts_template o
		join (` + ownSchemas + `) n on n.oid = o.tmplnamespace`
)
