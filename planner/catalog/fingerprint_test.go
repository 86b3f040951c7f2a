package catalog_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

func fingerprint(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	text, err := catalog.Fingerprint(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// run executes statements one by one, each in its own transaction.
func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	for statement := range strings.SplitSeq(sql, ";;") {
		if _, err := conn.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// quiet statements change no definition.
var quiet = []string{
	"insert into app.people (name, mood) select g::text, 'ok' from generate_series(1, 5000) g where g <> 3",
	"update app.people set name = name || 'x'",
	"delete from app.scratch",
	"analyze",
	"vacuum app.people",
	"vacuum (full) app.people",
	"vacuum (full, freeze) pg_catalog.pg_attribute",
	"vacuum (freeze)",
	"cluster app.people",
	"truncate app.scratch",
	"truncate app.orders restart identity",
	"refresh materialized view app.moods",
	"create unique index kept on app.moods (mood)", // its own change is not compared, see below
	"refresh materialized view concurrently app.moods",
	"refresh materialized view app.moods with no data",
	"reindex table app.people",
	"reindex table concurrently app.people",
	"reindex table concurrently app.events",
	"reindex index concurrently app.people_lower",
	"reindex table concurrently app.orders",
	"select nextval('app.lonely')",
	"select setval('app.lonely', 50)",
	"alter sequence app.lonely restart",
	"create temporary table t1 (id serial primary key, v text default 'x' check (v <> ''), m app.mood);;comment on table t1 is 'temporary';;create index on t1 (v);;create statistics pg_temp.st on id, v from t1;;create temporary view tv as select * from t1;;analyze t1",
	"create function pg_temp.f() returns int language sql as 'select 1';;create type pg_temp.e as enum ('a');;create type pg_temp.r as range (subtype = int)",
	"create temporary table t2 (like app.people including all);;drop table t2",
	"create table if not exists app.people (id int)",
	"select lo_create(0)",
	"create table bascule.tables (id bigint generated always as identity primary key, v text default 'x');;comment on table bascule.tables is 'ours';;create index on bascule.tables (v);;alter table bascule.tables add x int",
	"create publication bascule_app_1234 for table app.people;;alter publication bascule_app_1234 add table app.parent",
	"drop schema bascule cascade;;create schema bascule;;comment on schema bascule is 'ours'",
	"set statement_timeout = 0",
	"begin;;create table rolled_back (id int);;rollback",
	"checkpoint",
}

func TestFingerprintKeeps(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, _ int) {
		db := server.Database(t, file(t, "objects.sql"))
		worker, first, second := db.Conn(t), open(t, db.URL), open(t, db.URL)
		// Generated columns and policies of the sample stay; its rule and triggers do
		// not get in the way.
		before := fingerprint(t, first)
		for _, statement := range quiet {
			run(t, worker, statement)
			after := fingerprint(t, second)
			if strings.HasPrefix(statement, "create unique index") {
				before = after
			}
			if after != before {
				t.Errorf("changed by %s", statement)
				before = after
			}
		}
		if got := fingerprint(t, first); got != before {
			t.Error("two sessions differ")
		}
	})
}

// loud statements each change a definition.
var loud = []string{
	"create table app.more (id int)",
	"alter table app.more rename to most",
	"alter table app.most add column v text",
	"alter table app.most rename column v to w",
	"alter table app.most alter column w type varchar(9000)",
	"alter table app.most alter column w set default 'x'",
	"alter table app.most alter column w set default 'y'",
	"alter table app.most alter column w set not null",
	"alter table app.most alter column w set storage external",
	"alter table app.most alter column w set statistics 55",
	"alter table app.most alter column w set (n_distinct = 5)",
	"alter table app.most alter column w set compression pglz",
	"alter table app.most set (fillfactor = 70)",
	"alter table app.most set (toast.autovacuum_enabled = false)",
	"alter table app.most set unlogged",
	"alter table app.most replica identity full",
	"alter table app.most enable row level security",
	"alter table app.most force row level security",
	"alter table app.most owner to pg_monitor",
	"grant insert on app.most to public",
	"grant update (id) on app.most to public",
	"comment on table app.most is 'a'",
	"comment on table app.most is 'b'",
	"comment on column app.most.id is 'a'",
	"alter table app.most add constraint c check (id > 0) not valid",
	"alter table app.most validate constraint c",
	"comment on constraint c on app.most is 'a'",
	"alter table app.most rename constraint c to d",
	"alter table app.most drop constraint d",
	"create index i on app.most (id)",
	"alter index app.i rename to j",
	"alter index app.j set (fillfactor = 50)",
	"comment on index app.j is 'a'",
	"alter table app.most cluster on j",
	"drop index app.j",
	"alter table app.most add primary key (id)",
	"alter table app.most add column extra int generated always as identity",
	"alter table app.most alter column extra set generated by default",
	"alter table app.most drop column extra",
	"alter table app.most set schema public",
	"drop table public.most",
	"alter index app.people_lower alter column 1 set statistics 200",
	"alter table app.people disable row level security",
	"alter table app.people enable trigger off",
	"alter trigger touch on app.people rename to touched",
	"drop trigger touched on app.people",
	"alter policy own on app.people using (false)",
	"drop rule nope on app.people",
	"alter table app.orders alter constraint orders_person_fkey not deferrable",
	"alter table app.child no inherit app.parent",
	"alter table app.events detach partition app.events_1",
	"alter table app.events attach partition app.events_1 for values from ('2020-01-01') to ('2022-01-01')",
	"create or replace view app.names as select name, 1 as one from app.people",
	"alter view app.names set (security_barrier)",
	"create or replace function app.twice(n int) returns int language sql immutable as 'select n + n'",
	"alter function app.twice(int) cost 7",
	"revoke execute on function app.twice(int) from public",
	"revoke execute on function pg_catalog.pg_ls_dir(text) from postgres",
	"alter type app.mood add value 'great'",
	"alter type app.mood rename value 'great' to 'best'",
	"alter type app.pair add attribute c int cascade",
	"alter domain app.positive drop constraint positive_check",
	"alter domain app.positive set not null",
	"alter sequence app.lonely increment 2",
	"alter sequence app.lonely owned by app.people.id",
	"alter statistics app.people_stat set statistics 77",
	"alter text search configuration app.plain alter mapping for word with english_stem",
	"alter text search dictionary app.dict (accept = false)",
	"alter operator app.@+@ (int, int) owner to pg_monitor",
	"alter operator family app.ints using btree add operator 1 < (int, int)",
	"alter extension hstore set schema app",
	"alter extension citext add table app.scratch",
	"alter publication news drop table app.people",
	"alter publication news set (publish = 'insert')",
	"alter event trigger watch disable",
	"alter default privileges in schema app revoke select on tables from public",
	"alter server box options (host 'a')",
	"alter schema app rename to other",
	"comment on schema other is 'renamed'",
	"grant usage on schema other to public",
	"drop cast (other.pair as int)",
	"do $$ begin execute format('alter database %I set work_mem = ''9MB''', current_database()); end $$",
	"do $$ begin execute format('comment on database %I is ''mine''', current_database()); end $$",
	"do $$ begin execute format('grant connect on database %I to pg_monitor', current_database()); end $$",
	"drop schema other cascade",
}

func TestFingerprintChanges(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, major int) {
		if major != 15 && major != 18 {
			t.Skip("the oldest and the newest are enough")
		}
		db := server.Database(t, file(t, "objects.sql"))
		worker, conn := db.Conn(t), open(t, db.URL)
		before := fingerprint(t, conn)
		for _, statement := range loud {
			run(t, worker, statement)
			after := fingerprint(t, conn)
			if after == before {
				t.Errorf("not changed by %s", statement)
			}
			before = after
		}
	})
}
