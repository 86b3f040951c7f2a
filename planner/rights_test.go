package planner_test

import (
	"bascule/planner"
	"bascule/planner/catalog"
)

// needs has objects of the source name roles.
func needs(w *world, uses ...catalog.RoleUse) {
	w.src.RoleUses = uses
	w.src.Roles = []catalog.RoleFact{
		{OID: 10, Name: "migrator", ConnLimit: -1},
		{OID: 11, Name: "owner", Inherit: true, ConnLimit: -1, MemberOf: []string{"staff", "pg_monitor"}},
		{OID: 12, Name: "staff", Inherit: true, ConnLimit: -1},
		{OID: 13, Name: "boss", Inherit: true, Login: true, Superuser: true, ConnLimit: 2},
	}
}

var owned = catalog.RoleUse{Role: "owner", Use: "owner", Objects: 1}

var rightsFindings = []finding{
	{rule: "a missing owner", body: "schema { owners = true }", code: "B122", severity: planner.Refusal, at: "schema {", remedy: "roles = true",
		edit: func(w *world) { needs(w, owned) }},
	{rule: "owners are not carried", edit: func(w *world) { needs(w, owned) }},
	{rule: "a missing owner is created", body: "schema {\nowners = true\nroles = true\n}", edit: func(w *world) { needs(w, owned) }},
	{rule: "the owner of schema public is everywhere", body: "schema { owners = true }", edit: func(w *world) {
		needs(w, catalog.RoleUse{Role: "pg_database_owner", Use: "owner", Objects: 1})
	}},
	{rule: "a missing role of a privilege", body: "schema { privileges = true }", code: "B122", severity: planner.Refusal, at: "schema {", remedy: "Create them on the target",
		edit: func(w *world) { needs(w, catalog.RoleUse{Role: "staff", Use: "privilege"}) }},
	{rule: "a role that only a newer server has", body: "schema {\nprivileges = true\nroles = true\n}", code: "B122", severity: planner.Refusal, at: "privileges", remedy: "privileges = false",
		edit: func(w *world) { needs(w, catalog.RoleUse{Role: "pg_maintain", Use: "privilege"}) }},
	{rule: "a role of a policy", code: "B122", severity: planner.Refusal, at: atMirror, remedy: "roles = true", edit: func(w *world) {
		needs(w, catalog.RoleUse{Role: "staff", Use: "policy"})
		object(w.src, 3256, 21000, "policy", "public", "p", [2]uint32{pgClass, 20100}).Table = 20100
	}},
	{rule: "a role of a policy that is skipped", body: `schema { skip = ["policy"] }`, edit: func(w *world) {
		needs(w, catalog.RoleUse{Role: "staff", Use: "policy"})
		object(w.src, 3256, 21000, "policy", "public", "p", [2]uint32{pgClass, 20100}).Table = 20100
	}},
	{rule: "roles may not be created", body: "schema {\nprivileges = true\nroles = true\n}", code: "B122", severity: planner.Refusal, at: "roles", remedy: "ALTER ROLE app_role CREATEROLE",
		edit: func(w *world) { needs(w, catalog.RoleUse{Role: "staff", Use: "privilege"}); plainRole(w.dst) }},
	{rule: "a superuser is created as a plain role", body: "schema {\nprivileges = true\nroles = true\n}", code: "B122", severity: planner.Warning, at: "roles", remedy: "created without these",
		edit: func(w *world) {
			needs(w, catalog.RoleUse{Role: "boss", Use: "privilege"})
			plainRole(w.dst)
			w.dst.Role.CreateRole = true
		}},
	{rule: "no member of an owner", body: "schema { owners = true }", code: "B147", severity: planner.Refusal, at: "owners", remedy: "GRANT owner TO app_role", edit: func(w *world) {
		needs(w, owned)
		plainRole(w.dst)
		w.dst.Roles = append(w.dst.Roles, catalog.RoleFact{Name: "owner"})
	}},
	{rule: "a member of an owner", body: "schema { owners = true }", edit: func(w *world) {
		needs(w, owned)
		plainRole(w.dst)
		w.dst.Role.MemberOf = append(w.dst.Role.MemberOf, "owner")
		w.dst.Roles = append(w.dst.Roles, catalog.RoleFact{Name: "owner"})
	}},
	{rule: "who creates an owner joins it", body: "schema {\nowners = true\nroles = true\n}", edit: func(w *world) {
		needs(w, owned)
		plainRole(w.dst)
		w.dst.Role.CreateRole = true
		w.dst.Roles = append(w.dst.Roles, catalog.RoleFact{Name: "staff"}, catalog.RoleFact{Name: "pg_monitor"})
	}},
	{rule: "settings of a database that is another's", code: "B147", severity: planner.Warning, at: atMirror, remedy: "database_settings = false", edit: func(w *world) {
		plainRole(w.dst)
		w.src.Settings = []catalog.Setting{{Name: "work_mem", Value: "1MB"}}
	}},
	{rule: "no CREATE on the database", code: "B138", severity: planner.Refusal, at: atTarget, remedy: "GRANT CREATE ON DATABASE app TO migrator",
		edit: func(w *world) { w.dst.CanCreate = false }},
	{rule: "no CREATE on the database is needed", edit: func(w *world) { w.dst.CanCreate, w.live["peer.b"].Ledger.Format = false, 1 }},
	{rule: "CREATE on the database for a schema", code: "B138", severity: planner.Refusal, at: atTarget, remedy: "GRANT CREATE ON DATABASE", edit: func(w *world) {
		w.dst.CanCreate, w.live["peer.b"].Ledger.Format = false, 1
		table(w.src, 21000, "new", "t", "id")
	}},
	{rule: "no CREATE in a schema", code: "B138", severity: planner.Refusal, at: atTarget, remedy: "GRANT CREATE ON SCHEMA public TO migrator",
		edit: func(w *world) { w.dst.Schemas[0].CanCreate = false }},
	{rule: "neither CREATE nor USAGE", code: "B138", severity: planner.Refusal, at: atTarget, remedy: "GRANT USAGE, CREATE ON SCHEMA public",
		edit: func(w *world) { w.dst.Schemas[0].CanCreate, w.dst.Schemas[0].CanUse = false, false }},
	{rule: "no CREATE in a schema where only a function goes", code: "B138", severity: planner.Refusal, at: atTarget, remedy: "ON SCHEMA tools", edit: func(w *world) {
		object(w.src, pgProc, 21000, "function", "tools", "f()")
		w.dst.Schemas = append(w.dst.Schemas, catalog.Schema{OID: 19000, Name: "tools", CanUse: true})
	}},
	{rule: "no CREATE in a schema that nothing goes to", edit: func(w *world) {
		w.dst.Schemas = append(w.dst.Schemas, catalog.Schema{OID: 19000, Name: "tools"})
	}},
	{rule: "databases may not be created", body: "schema { create_database = true }", code: "B138", severity: planner.Refusal, at: "create_database", remedy: "ALTER ROLE app_role CREATEDB",
		edit: func(w *world) { plainRole(w.dst); w.live["peer.b"].Missing, w.live["peer.b"].Server = true, w.dst }},
	{rule: "a new database's server lacks an extension", body: "schema { create_database = true }", code: "B124", severity: planner.Refusal, at: "schema {", remedy: "Install its package",
		edit: func(w *world) {
			w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.8"}}
			w.live["peer.b"].Missing, w.live["peer.b"].Server = true, w.dst
		}},
	{rule: "an extension that is not available", code: "B124", severity: planner.Refusal, at: atMirror, remedy: `skip_extensions = ["hstore"]`,
		edit: func(w *world) { w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.8"}} }},
	{rule: "an extension that is skipped", body: `schema { skip_extensions = ["hstore"] }`,
		edit: func(w *world) { w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.8"}} }},
	{rule: "an extension that takes a superuser", code: "B125", severity: planner.Refusal, at: atMirror, remedy: "CREATE EXTENSION hstore", edit: func(w *world) {
		plainRole(w.dst)
		w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.8"}}
		w.dst.Available["hstore"] = catalog.AvailableExtension{DefaultVersion: "1.8", Superuser: true}
	}},
	{rule: "a trusted extension", edit: func(w *world) {
		plainRole(w.dst)
		w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.8"}}
		w.dst.Available["hstore"] = catalog.AvailableExtension{DefaultVersion: "1.8", Superuser: true, Trusted: true}
	}},
	{rule: "another version of an extension", code: "B126", severity: planner.Notice, at: atMirror, remedy: "default version", edit: func(w *world) {
		w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.8"}}
		w.dst.Available["hstore"] = catalog.AvailableExtension{DefaultVersion: "1.9"}
	}},
	{rule: "another version that is installed", code: "B126", severity: planner.Notice, at: atMirror, remedy: "stays as it is", edit: func(w *world) {
		w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.8"}}
		w.dst.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.7"}}
	}},
	{rule: "an object that takes a superuser", code: "B139", severity: planner.Refusal, at: atMirror, remedy: `skip = ["function"]`, edit: func(w *world) {
		plainRole(w.dst)
		object(w.src, pgProc, 21000, "function", "public", "c()").NeedsSuperuser = true
	}},
	{rule: "an object that takes a superuser, for one", edit: func(w *world) {
		object(w.src, pgProc, 21000, "function", "public", "c()").NeedsSuperuser = true
	}},
}
