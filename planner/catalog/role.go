package catalog

import (
	"cmp"
	"slices"

	"github.com/jackc/pgx/v5"
)

func (r *reader) roleFacts() question {
	role := &r.db.Role
	return question{about: "the role", sql: selectRole, row: func(rows pgx.Rows) error {
		err := rows.Scan(&role.Name, &role.Superuser, &role.Replication, &role.BypassRLS, &role.CreateDB, &role.CreateRole)
		role.CanReplicaRole = role.Superuser
		return err
	}}
}

func (r *reader) replicaRole() question {
	return question{about: "the right to set session_replication_role", sql: selectCanReplicaRole, row: func(rows pgx.Rows) error {
		return rows.Scan(&r.db.Role.CanReplicaRole)
	}}
}

func (r *reader) memberships() question {
	return question{about: "memberships", sql: selectMemberships, row: func(rows pgx.Rows) error {
		var name string
		err := rows.Scan(&name)
		r.db.Role.MemberOf = append(r.db.Role.MemberOf, name)
		return err
	}}
}

func (r *reader) roles() question {
	return question{about: "roles", sql: selectRoles, row: func(rows pgx.Rows) error {
		var f RoleFact
		err := rows.Scan(&f.OID, &f.Name, &f.Superuser, &f.Inherit, &f.CreateRole, &f.CreateDB, &f.Login,
			&f.Replication, &f.BypassRLS, &f.ConnLimit, &f.MemberOf)
		r.db.Roles = append(r.db.Roles, f)
		return err
	}}
}

func (r *reader) privilegeCount() question {
	return question{about: "privileges", sql: selectPrivilegeCount, row: func(rows pgx.Rows) error {
		return rows.Scan(&r.db.ACLs)
	}}
}

func (r *reader) roleUses() question {
	return question{about: "uses of roles", sql: selectRoleUses, row: func(rows pgx.Rows) error {
		var u RoleUse
		err := rows.Scan(&u.Role, &u.Use, &u.Objects)
		r.db.RoleUses = append(r.db.RoleUses, u)
		return err
	}}
}

func (r *reader) largeObjectOwners() question {
	return question{about: "owners of large objects", sql: selectLargeObjectOwners, row: func(rows pgx.Rows) error {
		var owner string
		var n int
		err := rows.Scan(&owner, &n)
		r.owned[owner] = n
		return err
	}}
}

// addOwners counts the objects of each owner. The server's own record of it,
// pg_shdepend, leaves out the role that initdb made.
func (r *reader) addOwners() {
	objects := r.owned
	for _, s := range r.db.Schemas {
		if s.Extension == "" {
			objects[s.Owner]++
		}
	}
	for _, t := range r.db.Relations {
		if t.Extension == "" && t.Kind != Composite { // a composite type is an Object, too
			objects[t.Owner]++
		}
	}
	for _, o := range r.db.Objects {
		if o.Extension == "" && o.Owner != "" && o.Table == 0 {
			objects[o.Owner]++
		}
	}
	for owner, n := range objects {
		r.db.RoleUses = append(r.db.RoleUses, RoleUse{Role: owner, Use: "owner", Objects: n})
	}
	slices.SortFunc(r.db.RoleUses, func(a, b RoleUse) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Use, b.Use))
	})
}

const (
	selectRole = `
		select rolname::text, rolsuper, rolreplication, rolbypassrls, rolcreatedb, rolcreaterole
		from pg_catalog.pg_roles
		where rolname = current_user`

	selectCanReplicaRole = `
		select pg_catalog.has_parameter_privilege('session_replication_role', 'set')`

	selectMemberships = `
		select rolname::text from pg_catalog.pg_roles where pg_catalog.pg_has_role(oid, 'usage') order by rolname`

	selectRoles = `
		select r.oid, r.rolname::text, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
			r.rolreplication, r.rolbypassrls, r.rolconnlimit,
			array(
				select g.rolname::text
				from pg_catalog.pg_auth_members m
				join pg_catalog.pg_roles g on g.oid = m.roleid
				where m.member = r.oid
				group by g.rolname
				order by g.rolname)
		from pg_catalog.pg_roles r
		order by r.rolname`

	selectLargeObjectOwners = `
		select pg_catalog.pg_get_userbyid(lomowner)::text, pg_catalog.count(*)
		from pg_catalog.pg_largeobject_metadata
		group by lomowner
		order by 1`

	// granted are objects whose privileges someone changed: not by default, and not
	// as their extension made them.
	granted = `
		select g.*
		from (
			select 'pg_catalog.pg_class'::regclass as class, c.oid, 0 as sub, c.relacl as acl, c.relowner as owner
			from pg_catalog.pg_class c
			join (` + ownSchemas + `) n on n.oid = c.relnamespace
			where c.relacl is not null and c.relpersistence <> 't'
			union all
			select 'pg_catalog.pg_class'::regclass, c.oid, a.attnum, a.attacl, c.relowner
			from pg_catalog.pg_attribute a
			join pg_catalog.pg_class c on c.oid = a.attrelid
			join (` + ownSchemas + `) n on n.oid = c.relnamespace
			where a.attacl is not null and c.relpersistence <> 't'
			union all
			select 'pg_catalog.pg_proc'::regclass, p.oid, 0, p.proacl, p.proowner
			from pg_catalog.pg_proc p
			join (` + ownSchemas + `) n on n.oid = p.pronamespace
			where p.proacl is not null
			union all
			select 'pg_catalog.pg_type'::regclass, t.oid, 0, t.typacl, t.typowner
			from pg_catalog.pg_type t
			join (` + ownSchemas + `) n on n.oid = t.typnamespace
			where t.typacl is not null
			union all
			select 'pg_catalog.pg_namespace'::regclass, n.oid, 0, n.nspacl, n.nspowner
			from pg_catalog.pg_namespace n
			join (` + ownSchemas + `) own on own.oid = n.oid
			where n.nspacl is not null
			union all
			select 'pg_catalog.pg_language'::regclass, oid, 0, lanacl, lanowner
			from pg_catalog.pg_language where lanacl is not null
			union all
			select 'pg_catalog.pg_foreign_data_wrapper'::regclass, oid, 0, fdwacl, fdwowner
			from pg_catalog.pg_foreign_data_wrapper where fdwacl is not null
			union all
			select 'pg_catalog.pg_foreign_server'::regclass, oid, 0, srvacl, srvowner
			from pg_catalog.pg_foreign_server where srvacl is not null
			union all
			select 'pg_catalog.pg_largeobject'::regclass, oid, 0, lomacl, lomowner
			from pg_catalog.pg_largeobject_metadata where lomacl is not null
			union all
			select 'pg_catalog.pg_database'::regclass, oid, 0, datacl, datdba
			from pg_catalog.pg_database where datacl is not null and datname = pg_catalog.current_database()
		) g
		left join pg_catalog.pg_init_privs i on i.classoid = g.class and i.objoid = g.oid and i.objsubid = g.sub
		where i.initprivs is null or i.initprivs::text <> g.acl::text`

	selectPrivilegeCount = `
		select pg_catalog.count(*) from (` + granted + `) g`

	selectRoleUses = `
		select r.rolname::text, u.use, pg_catalog.count(distinct (u.class, u.oid))
		from (
			select 'privilege' as use, g.class, g.oid, role.oid as role
			from (` + granted + `) g
			cross join lateral pg_catalog.aclexplode(g.acl) a
			cross join lateral (values (a.grantee), (a.grantor)) role(oid)
			where role.oid <> g.owner
			union all
			select 'policy', 'pg_catalog.pg_policy'::regclass, p.oid, role.oid
			from pg_catalog.pg_policy p
			cross join lateral pg_catalog.unnest(p.polroles) role(oid)
			union all
			select 'user mapping', 'pg_catalog.pg_user_mapping'::regclass, umid, umuser
			from pg_catalog.pg_user_mappings
			union all
			select 'setting', 'pg_catalog.pg_db_role_setting'::regclass, s.setrole, s.setrole
			from pg_catalog.pg_db_role_setting s
			join pg_catalog.pg_database d on d.oid = s.setdatabase
			where d.datname = pg_catalog.current_database()
			union all
			select 'default privilege', 'pg_catalog.pg_default_acl'::regclass, d.oid, role.oid
			from pg_catalog.pg_default_acl d
			cross join lateral (
				select d.defaclrole as oid
				union
				select grantee from pg_catalog.aclexplode(d.defaclacl)
			) role
		) u
		join pg_catalog.pg_roles r on r.oid = u.role
		group by r.rolname, u.use
		order by r.rolname, u.use`
)
