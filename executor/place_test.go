package executor_test

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"

	"bascule/executor/verify"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

func TestTheDatabaseIsCreated(t *testing.T) {
	t.Parallel()
	const settled = `
		create table t (a text primary key); insert into t values ('a'), ('B'), ('ä');
		do $$ begin
			execute format('comment on database %I is %L', current_database(), 'it''s ours');
			execute format('alter database %I set work_mem = ''7MB''', current_database());
			execute format('alter database %I set search_path = app, "Odd, one"', current_database());
			execute format('alter database %I set custom.thing = ''a, b''', current_database());
			execute format('grant connect on database %I to pg_monitor', current_database());
			execute format('revoke temporary on database %I from public', current_database());
		end $$`
	for _, c := range []struct {
		rule             string
		encoding, locale string
		major            int
	}{
		{"as the source is", "UTF8", "C.UTF-8", 15},
		{"with another locale", "UTF8", "C", 15},
		{"with another encoding", "LATIN1", "C", 15},
		{"on a newer server", "UTF8", "C", 18},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source := pgtest.Server(t, 15).Database(t, settled, pgtest.WithEncoding(c.encoding, c.locale))
			target := pgtest.Server(t, c.major).Absent(t)
			newCarry(t, source, target, "schema {\ncreate_database = true\nprivileges = true\n}").arrives(t)
			const is = "select pg_encoding_to_char(encoding), datcollate, datctype from pg_database where datname = current_database()"
			if want, got := source.Query(t, is), target.Query(t, is); got != want {
				t.Errorf("it is %s, not %s", got, want)
			}
			if got := target.Query1(t, "show work_mem"); got != "7MB" {
				t.Errorf("work_mem is %s", got)
			}
		})
	}
}

func TestADatabaseThatIsMissingIsAFinding(t *testing.T) {
	t.Parallel()
	source, target := pgtest.Server(t, 15).Database(t, "create table t (a int)"), pgtest.Server(t, 15).Absent(t)
	if plan := newCarry(t, source, target, "").plan(t); codes(plan, planner.Refusal) != "B107" || !strings.Contains(plan.Findings[0].Detail+plan.Findings[len(plan.Findings)-1].Detail, "create_database = true") {
		t.Error(findings(plan))
	}
}

func TestTablespaces(t *testing.T) {
	t.Parallel()
	one, two := tablespace(t, "one"), tablespace(t, "two")
	source, target := pgtest.New(t, fmt.Sprintf(`
		create table here (id int primary key); create table there (id int primary key using index tablespace %[2]s, a text unique) tablespace %[1]s;
		create index there_a on there (a) tablespace %[1]s; create materialized view m tablespace %[2]s as select 1 as a;
		create table parts (id int) partition by list (id) tablespace %[1]s; create table parts_1 partition of parts default;
		create index on parts (id) tablespace %[2]s; alter table there cluster on there_a;
		insert into there select i, i from generate_series(1, 100) i; insert into parts select i from generate_series(1, 100) i; refresh materialized view m`, one, two))
	const where = `select c.relname, coalesce(s.spcname, '-') from pg_class c left join pg_tablespace s on s.oid = c.reltablespace
		where c.relnamespace = 'public'::regnamespace order by 1`
	c := newCarry(t, source, target, fmt.Sprintf("schema {\ntablespaces = {\n%s = %q\n}\n}", one, two))
	c.arrives(t)
	want := strings.NewReplacer("|"+one, "|"+two, "|"+two, "|-").Replace(source.Query(t, where))
	if got := target.Query(t, where); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	third := pgtest.Server(t, 15).Database(t, "")
	c = newCarry(t, source, third, "schema {\ntablespaces = {\n"+one+" = \"nowhere\"\n}\n}")
	if plan := c.plan(t); codes(plan, planner.Refusal) != "B123" {
		t.Error(findings(plan))
	}
	c.body = ""
	c.arrives(t)
	if got := third.Query1(t, "select count(*) from pg_class where reltablespace <> 0 and relnamespace = 'public'::regnamespace"); got != "0" {
		t.Errorf("%s relations are in a tablespace", got)
	}
}

// tablespace makes one on the shared server, in a folder of the servers' user.
func tablespace(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bascule-tablespace-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if u, err := user.Lookup("postgres"); err == nil && os.Getuid() == 0 {
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	name = "space_" + name
	admin := &pgtest.DB{Cluster: pgtest.Server(t, 15), Name: "postgres"}
	admin.Exec(t, "create tablespace "+name+" location '"+dir+"'")
	return name
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	const latin = `
		create schema "Bücher"; create type "Bücher"."Größe" as enum ('klein', 'groß');
		create table "Bücher"."Straße" ("Schlüssel" int primary key, "Größe" "Bücher"."Größe" default 'groß', "wörter" text[], j jsonb, b bytea, check ("wörter" <> '{ß}'));
		insert into "Bücher"."Straße" select i, 'groß', array['für', 'ÿ' || i], '{"ä": "ö"}', '\xe4f6' from generate_series(1, 1000) i;
		create index on "Bücher"."Straße" ("Größe"); comment on table "Bücher"."Straße" is 'Über'; create view "Bücher"."Süß" as select *, 'é' as "é" from "Bücher"."Straße";
		create function "Bücher"."größer"(a text default 'ä') returns text language sql as $$ select 'ö' || a $$`
	const street = `"Bücher"."Straße"`
	for _, c := range []struct{ rule, from, to, sql, table string }{
		{"LATIN1 to LATIN1", "LATIN1", "LATIN1", latin, street},
		{"LATIN1 to UTF8", "LATIN1", "UTF8", latin, street},
		{"UTF8 to LATIN1", "UTF8", "LATIN1", latin, street},
		{"EUC_JP to UTF8", "EUC_JP", "UTF8", "create table t (a text); insert into t values ('日本語'), ('かな')", "t"},
		{"SQL_ASCII to SQL_ASCII", "SQL_ASCII", "SQL_ASCII", `create table t (id int, a text); insert into t values (1, E'\xe4\xff'), (2, E'\xc3\xa4')`, "t"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			server := pgtest.Server(t, 15)
			if c.from == "EUC_JP" {
				server = pgtest.Own(t, 15) // without roles whose names are not in this encoding
			}
			source := server.Database(t, "", pgtest.WithEncoding(c.from, "C"))
			if c.from == "SQL_ASCII" {
				source.Exec(t, c.sql)
			} else if _, err := connect(t, source).Exec(t.Context(), c.sql); err != nil {
				t.Fatal(err)
			}
			target := server.Database(t, "", pgtest.WithEncoding(c.to, "C"))
			m := newCarry(t, source, target, "")
			plan, _, err := m.apply(t.Context(), t)
			if err != nil {
				t.Fatalf("%v\n%s", err, findings(plan))
			}
			m.equal(t, plan, verify.Options{CountRows: true})
			as := "UTF8"
			if c.from == "SQL_ASCII" {
				as = c.from
			}
			rows := "select string_agg(encode(convert_to(r::text, '" + as + "'), 'hex'), ' ' order by convert_to(r::text, '" + as + "')) from " + c.table + " r"
			var want, got string
			if err := connect(t, source).QueryRow(t.Context(), rows).Scan(&want); err != nil {
				t.Fatal(err)
			}
			if err := connect(t, target).QueryRow(t.Context(), rows).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if want != got {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestACharacterThatTheTargetLacks(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	source := server.Database(t, "create table good (a int); insert into good values (1); create table bad (a text); insert into bad values ('日')")
	target := server.Database(t, "", pgtest.WithEncoding("LATIN1", "C"))
	c := newCarry(t, source, target, "")
	plan, _, err := c.apply(t.Context(), t)
	if err == nil || !strings.Contains(err.Error(), `copy "public"."bad"`) || !strings.Contains(err.Error(), "22P05") {
		t.Errorf("%v", err)
	}
	if codes(plan, planner.Warning) != "B127 B128" {
		t.Error(findings(plan))
	}
	if got := target.Query1(t, "select count(*) from good"); got != "1" {
		t.Error("the other table did not arrive")
	}
	c.body = `exclude = ["public.bad"]`
	if plan, _, err = c.apply(t.Context(), t); err != nil {
		t.Fatal(err)
	}
	c.equal(t, plan, verify.Options{})
}
