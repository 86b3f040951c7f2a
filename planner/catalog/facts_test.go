package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

func TestReadDatabaseFacts(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, major int) {
		role, _ := server.Role(t, "")
		db := server.Database(t, "")
		db.Exec(t, fmt.Sprintf(`
			alter database %[1]s set search_path = app, public;
			alter role %[2]s in database %[1]s set work_mem = '5MB';
			comment on database %[1]s is 'main = one';`, db.Name, role))
		got := read(t, open(t, db.URL), catalog.ReadOptions{})
		if got.Encoding != "UTF8" || got.LocaleProvider != "c" || got.Comment != "main = one" || got.Owner != "postgres" ||
			got.DefaultTablespace != "pg_default" || got.InRecovery || !got.CanCreate || !got.CanTemp {
			t.Errorf("facts: %+v", got)
		}
		settings := fmt.Sprint(got.Settings)
		if want := fmt.Sprintf("[{ search_path app, public} {%s work_mem 5MB}]", role); settings != want {
			t.Errorf("settings %s, want %s", settings, want)
		}
		if got.Params["wal_level"] != "logical" || got.Params["search_path"] != "app, public" || got.Params["max_connections"] == "" {
			t.Errorf("params: %v", got.Params)
		}
		if !got.Role.Superuser || !got.Role.CanReplicaRole || !slices.Contains(got.Role.MemberOf, "postgres") {
			t.Errorf("role: %+v", got.Role)
		}
		if a := got.Available["hstore"]; !a.Trusted || a.DefaultVersion == "" || !slices.Contains(a.Versions, a.DefaultVersion) {
			t.Errorf("hstore: %+v", a)
		}
		if a := got.Available["dblink"]; a.Trusted || !a.Superuser {
			t.Errorf("dblink: %+v", a)
		}
	})
}

func TestReadRoles(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	parent, _ := server.Role(t, "createdb connection limit 7")
	role, _ := server.Role(t, "in role "+parent)
	stranger, _ := server.Role(t, "")
	db := server.Database(t, strings.NewReplacer("ROLE", role, "OTHER", stranger).Replace(`
		create table mine (id int);
		alter table mine owner to ROLE;
		create table shared (id int, secret int);
		grant select on shared to OTHER;
		grant select (secret) on shared to ROLE;
		create policy p on mine to OTHER using (true);
		alter default privileges for role ROLE grant select on tables to OTHER;
		create foreign data wrapper w;
		create server s foreign data wrapper w;
		create user mapping for OTHER server s;
		alter table shared owner to pg_database_owner;`))
	got := read(t, open(t, db.URLAs(role)), catalog.ReadOptions{})

	var uses []string
	for _, u := range got.RoleUses {
		if u.Role == role || u.Role == stranger {
			uses = append(uses, fmt.Sprintf("%s %s %d", strings.NewReplacer(role, "ROLE", stranger, "OTHER").Replace(u.Role), u.Use, u.Objects))
		}
	}
	slices.Sort(uses)
	want := []string{"OTHER default privilege 1", "OTHER policy 1", "OTHER privilege 1", "OTHER user mapping 1",
		"ROLE default privilege 1", "ROLE owner 1", "ROLE privilege 1"}
	if !slices.Equal(uses, want) {
		t.Errorf("uses\n got %q\nwant %q", uses, want)
	}
	if got.Role.Name != role || got.Role.Superuser || got.Role.CanReplicaRole || !slices.Contains(got.Role.MemberOf, parent) ||
		slices.Contains(got.Role.MemberOf, stranger) {
		t.Errorf("role: %+v", got.Role)
	}
	i := slices.IndexFunc(got.Roles, func(f catalog.RoleFact) bool { return f.Name == role })
	if i < 0 || !slices.Equal(got.Roles[i].MemberOf, []string{parent}) || !got.Roles[i].Login {
		t.Errorf("fact of the role: %+v", got.Roles)
	}
	for _, r := range got.Relations {
		if mine := r.Name == "mine"; r.IsOwner != mine || r.CanSelect != mine {
			t.Errorf("%s: owner %v, select %v", r.Name, r.IsOwner, r.CanSelect)
		}
	}

	db.Exec(t, "grant set on parameter session_replication_role to "+role)
	if got := read(t, open(t, db.URLAs(role)), catalog.ReadOptions{}); !got.Role.CanReplicaRole {
		t.Error("the right to set session_replication_role is not seen")
	}
}

// A role with no rights at all can read the catalogues of every kind.
func TestReadAsAPlainRole(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, _ int) {
		role, _ := server.Role(t, "")
		db := server.Database(t, file(t, "objects.sql"))
		all := read(t, open(t, db.URL), catalog.ReadOptions{Rows: true})
		plain := read(t, open(t, db.URLAs(role)), catalog.ReadOptions{Rows: true})
		if len(plain.Relations) != len(all.Relations) || len(plain.Objects) != len(all.Objects) || len(plain.Depends) != len(all.Depends) {
			t.Errorf("%d relations, %d objects, %d dependencies; a superuser sees %d, %d, %d", len(plain.Relations), len(plain.Objects),
				len(plain.Depends), len(all.Relations), len(all.Objects), len(all.Depends))
		}
		if plain.LargeObjects.Unreadable != 3 || plain.Fingerprint != all.Fingerprint {
			t.Errorf("large objects %+v, fingerprint %s and %s", plain.LargeObjects, plain.Fingerprint, all.Fingerprint)
		}
	})
}

func TestReadExtensionMembers(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, `
		create extension hstore;
		create table config (id int primary key);
		create table own (id int);
		alter extension hstore add table config;
		update pg_extension set extconfig = array['config'::regclass], extcondition = array['where id > 7'] where extname = 'hstore';`)
	got := read(t, open(t, db.URL), catalog.ReadOptions{})
	var text []string
	for _, r := range got.Relations {
		text = append(text, fmt.Sprintf("%s %q %v %q", r.Name, r.Extension, r.ConfigTable, r.Condition))
	}
	for _, x := range got.Indexes {
		text = append(text, fmt.Sprintf("%s %q", x.Name, x.Extension))
	}
	want := []string{`config "hstore" true "where id > 7"`, `own "" false ""`, `config_pkey "hstore"`}
	if !slices.Equal(text, want) {
		t.Errorf("got %q, want %q", text, want)
	}
	for _, o := range got.Objects {
		if o.Extension != "hstore" {
			t.Errorf("%s %s is not marked", o.Kind, o.Name)
		}
	}
}

// Sizes of a table that another session alters would be waited for.
func TestReadDoesNotWaitForLocks(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, `
		create table busy (id int);
		insert into busy select generate_series(1, 5000);
		analyze busy;`)
	other := db.Conn(t)
	if _, err := other.Exec(t.Context(), "begin; alter table busy add column more int; insert into busy values (0)"); err != nil {
		t.Fatal(err)
	}
	got := read(t, open(t, db.URL), catalog.ReadOptions{Rows: true})
	if r := got.Relations[0]; r.Bytes < 5000*20 || !r.HasRows {
		t.Errorf("%d bytes, rows %v", r.Bytes, r.HasRows)
	}
}

func TestReadRows(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, _ int) {
		role, _ := server.Role(t, "")
		db := server.Database(t, `
			create table empty (id int);
			create table full_of_it (id int);
			insert into full_of_it values (1);
			create table emptied (id int);
			insert into emptied values (1);
			delete from emptied;
			create table "Odd ""name" (id text);
			insert into "Odd ""name" values ('x');
			create table parent (id int);
			create table child () inherits (parent);
			insert into child values (1);
			create table hidden (id int);
			insert into hidden values (1);
			create table guarded (id int);
			alter table guarded enable row level security;
			insert into guarded values (1);
			create view v as select 1;
			grant select on all tables in schema public to `+role+`;
			revoke select on hidden from `+role)
		const want = `[Odd "name child full_of_it guarded hidden]`
		for _, url := range []string{db.URL, db.URLAs(role)} {
			var names []string
			for _, r := range read(t, open(t, url), catalog.ReadOptions{Rows: true}).Relations {
				if r.HasRows {
					names = append(names, r.Name)
				}
			}
			if got := fmt.Sprint(names); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

func TestReadIsReadOnlyAndLeavesTheSessionIdle(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "create table a (id int)")
	conn := open(t, db.URL)
	read(t, conn, catalog.ReadOptions{})
	if status := conn.PgConn().TxStatus(); status != 'I' {
		t.Errorf("transaction status %c", status)
	}
	if _, err := conn.Exec(t.Context(), "create table b ()", pgx.QueryExecModeSimpleProtocol); err == nil {
		t.Error("the session can write")
	}
}
