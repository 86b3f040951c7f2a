package catalog

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

func (r *reader) databaseFacts() question {
	db := r.db
	return question{about: "the database", sql: selectDatabase, row: func(rows pgx.Rows) error {
		return rows.Scan(&db.Encoding, &db.Collate, &db.CType, &db.LocaleProvider, &db.ICULocale, &db.Owner,
			&db.Comment, &db.DefaultTablespace, &db.CollationVersion, &db.InRecovery, &db.CanCreate, &db.CanTemp)
	}}
}

func (r *reader) actualCollation() question {
	return question{about: "the collation version", sql: selectActualCollation, row: func(rows pgx.Rows) error {
		return rows.Scan(&r.db.ActualCollationVersion)
	}}
}

func (r *reader) settings() question {
	return question{about: "database settings", sql: selectSettings, row: func(rows pgx.Rows) error {
		var s Setting
		var assignment string
		if err := rows.Scan(&s.Role, &assignment); err != nil {
			return err
		}
		s.Name, s.Value, _ = strings.Cut(assignment, "=")
		r.db.Settings = append(r.db.Settings, s)
		return nil
	}}
}

func (r *reader) grants() question {
	return question{about: "database privileges", sql: selectGrants, row: func(rows pgx.Rows) error {
		var g Grant
		err := rows.Scan(&g.Role, &g.Privilege, &g.Grantable)
		r.db.Grants = append(r.db.Grants, g)
		return err
	}}
}

func (r *reader) params() question {
	return question{about: "server settings", sql: selectParams, row: func(rows pgx.Rows) error {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		r.db.Params[name] = value
		return nil
	}}
}

func (r *reader) tablespaces() question {
	return question{about: "tablespaces", sql: selectTablespaces, row: func(rows pgx.Rows) error {
		var name string
		err := rows.Scan(&name)
		r.db.Tablespaces = append(r.db.Tablespaces, name)
		return err
	}}
}

func (r *reader) schemas() question {
	return question{about: "schemas", sql: selectSchemas, row: func(rows pgx.Rows) error {
		var s Schema
		err := rows.Scan(&s.OID, &s.Name, &s.Owner, &s.Extension, &s.CanUse, &s.CanCreate)
		r.db.Schemas = append(r.db.Schemas, s)
		return err
	}}
}

func (r *reader) largeObjects() question {
	return question{about: "large objects", sql: selectLargeObjects, row: func(rows pgx.Rows) error {
		l := &r.db.LargeObjects
		return rows.Scan(&l.Count, &l.Bytes, &l.Unreadable)
	}}
}

func (r *reader) temporary() question {
	return question{about: "temporary tables", sql: selectTemporary, row: func(rows pgx.Rows) error {
		return rows.Scan(&r.db.Temporary)
	}}
}

func (r *reader) labels() question {
	return question{about: "security labels", sql: selectLabelProviders, row: func(rows pgx.Rows) error {
		var provider string
		err := rows.Scan(&provider)
		r.db.SecurityProviders = append(r.db.SecurityProviders, provider)
		return err
	}}
}

const (
	// A column that an older or newer server does not have is taken from "other",
	// for a name is looked up there only when pg_database has none like it.
	selectDatabase = `
		select pg_catalog.pg_encoding_to_char(d.encoding)::text, d.datcollate::text, d.datctype::text,
			d.datlocprovider::text,
			coalesce(d.datlocale, d.daticulocale, ''),
			pg_catalog.pg_get_userbyid(d.datdba)::text,
			coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), ''),
			t.spcname::text,
			coalesce(d.datcollversion, ''),
			pg_catalog.pg_is_in_recovery(),
			pg_catalog.has_database_privilege(d.oid, 'create'),
			pg_catalog.has_database_privilege(d.oid, 'temporary')
		from (select 'c'::"char" as datlocprovider, null::text as daticulocale, null::text as datlocale, null::text as datcollversion) other
		cross join lateral (
			select oid, datdba, encoding, datcollate, datctype, dattablespace, datlocprovider, daticulocale, datlocale, datcollversion
			from pg_catalog.pg_database
			where datname = pg_catalog.current_database()
		) d
		join pg_catalog.pg_tablespace t on t.oid = d.dattablespace`

	selectActualCollation = `
		select coalesce(pg_catalog.pg_database_collation_actual_version(oid), '')
		from pg_catalog.pg_database
		where datname = pg_catalog.current_database()`

	selectSettings = `
		select coalesce(r.rolname::text, ''), c.setting
		from pg_catalog.pg_db_role_setting s
		join pg_catalog.pg_database d on d.oid = s.setdatabase
		cross join lateral pg_catalog.unnest(s.setconfig) with ordinality c(setting, n)
		left join pg_catalog.pg_roles r on r.oid = s.setrole
		where d.datname = pg_catalog.current_database()
		order by 1, c.n`

	selectGrants = `
		select coalesce(r.rolname::text, ''), a.privilege_type, a.is_grantable
		from pg_catalog.pg_database d
		cross join lateral pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
		left join pg_catalog.pg_roles r on r.oid = a.grantee
		where d.datname = pg_catalog.current_database() and a.grantee <> d.datdba
		order by 1, 2`

	// reset_val, for the session has pinned some of them.
	selectParams = `
		select name, coalesce(reset_val, '')
		from pg_catalog.pg_settings
		where name in ('wal_level', 'maintenance_work_mem', 'shared_buffers', 'effective_cache_size', 'max_connections',
			'superuser_reserved_connections', 'reserved_connections', 'max_locks_per_transaction', 'max_prepared_transactions',
			'max_replication_slots', 'max_wal_senders', 'max_slot_wal_keep_size', 'max_worker_processes', 'max_parallel_maintenance_workers',
			'max_logical_replication_workers', 'max_active_replication_origins', 'shared_preload_libraries', 'output_plugin_libraries',
			'search_path', 'data_directory', 'block_size', 'server_version_num', 'lc_messages')
		order by name`

	selectTablespaces = `
		select spcname::text from pg_catalog.pg_tablespace order by spcname`

	selectSchemas = `
		select n.oid, n.nspname::text, pg_catalog.pg_get_userbyid(n.nspowner)::text, coalesce(m.extname::text, ''),
			pg_catalog.has_schema_privilege(n.oid, 'usage'), pg_catalog.has_schema_privilege(n.oid, 'create')
		from (` + ownSchemas + `) own
		join pg_catalog.pg_namespace n on n.oid = own.oid
		left join (` + members + `) m on m.objid = n.oid and m.classid = 'pg_catalog.pg_namespace'::regclass
		order by n.nspname`

	// Their rows are in a table that only a superuser may read; its size is for all.
	selectLargeObjects = `
		select pg_catalog.count(*), case when pg_catalog.count(*) = 0 then 0 else pg_catalog.pg_table_size('pg_catalog.pg_largeobject') end,
			pg_catalog.count(*) filter (where not pg_catalog.pg_has_role(l.lomowner, 'usage') and not exists (
				select from pg_catalog.aclexplode(l.lomacl) a
				where a.privilege_type = 'SELECT' and (a.grantee = 0 or pg_catalog.pg_has_role(a.grantee, 'usage'))))
		from pg_catalog.pg_largeobject_metadata l`

	selectTemporary = `
		select pg_catalog.count(*) from pg_catalog.pg_class where relpersistence = 't' and relkind in ('r', 'p')`

	selectLabelProviders = `
		select distinct provider from pg_catalog.pg_seclabel order by provider`
)
