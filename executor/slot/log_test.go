package slot_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// logged is a source of which the DDL is logged.
type logged struct {
	*source
	p    planner.Stream
	user *pgx.Conn // somebody's session
}

// newLogged makes a database with a log, by a superuser; tables are patterns.
func newLogged(t *testing.T, major int, sql string, tables ...string) *logged {
	t.Helper()
	db := pgtest.Server(t, major).Database(t, sql)
	s := &source{DB: db, t: t, role: "postgres", url: db.URL}
	s.conn = s.open(false)
	l := &logged{source: s, p: s.stream("app"), user: db.Conn(t)}
	l.p.Log, l.p.LogTables = l.p.Slot, tables
	l.ensure()
	return l
}

func (l *logged) ensure() {
	l.t.Helper()
	l.publish(l.p)
	if err := slot.EnsureLog(l.t.Context(), l.conn, l.p); err != nil {
		l.t.Fatal(err)
	}
}

// does runs statements of somebody, in one string.
func (l *logged) does(sql string) {
	l.t.Helper()
	if err := l.tries(sql); err != nil {
		l.t.Fatalf("%s: %v", sql, err)
	}
}

func (l *logged) tries(sql string) error {
	_, err := l.user.PgConn().Exec(l.t.Context(), sql).ReadAll()
	return err
}

// log returns what is logged since it was last called, a line each: the tag, what it
// was of, each table with how it is followed, what went wrong.
func (l *logged) log() string {
	l.t.Helper()
	text := l.Query(l.t, fmt.Sprintf(`
		select tag,
			(select string_agg(o ->> 'identity', ' ') from jsonb_array_elements(objects::jsonb) o where o ->> 'type' <> 'index' or tag like '%%INDEX'),
			(select string_agg(concat_ws(' ', e ->> 'name', e ->> 'follow', nullif(translate(e ->> 'key', '[]" ', ''), ''),
				case when not (e ->> 'selected')::boolean then 'out' end, case when (e ->> 'dropped')::boolean then 'gone' end), ', ' order by e ->> 'name')
				from jsonb_array_elements(tables::jsonb) e), problem
		from %[1]s.ddl order by id`, l.p.Log))
	l.Exec(l.t, "delete from "+l.p.Log+".ddl")
	return text
}

// listed are the tables of the two publications; a + is at those of which only inserts
// are published.
func (l *logged) listed() string {
	l.t.Helper()
	return l.Query1(l.t, `select string_agg(case p.pubupdate when true then '' else '+' end || r.prrelid::regclass::text, ' ' order by p.pubupdate desc, r.prrelid::regclass::text)
		from pg_publication p join pg_publication_rel r on r.prpubid = p.oid
		where r.prrelid not in (select oid from pg_class where relnamespace::regnamespace::text ~ '^bascule')`)
}

// said is a command, what is logged of it, and what is then published.
type said struct{ sql, want, listed string }

func (l *logged) says(list []said) {
	l.t.Helper()
	for _, step := range list {
		l.does(step.sql)
		if got := l.log(); got != step.want {
			l.t.Errorf("%s:\n%s\nwant\n%s", step.sql, got, step.want)
		}
		if got := l.listed(); got != step.listed {
			l.t.Errorf("%s: published are %s, want %s", step.sql, got, step.listed)
		}
	}
}

// on runs a test on the oldest and the newest server.
func on(t *testing.T, test func(t *testing.T, major int)) {
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			test(t, major)
		})
	}
}

// A table joins with the command that makes it, moves when its key comes or goes, and
// is never published without the identity that its own UPDATE needs.
func TestLogFollowsTables(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, major int) {
		l := newLogged(t, major, "create schema other; create table other.old (id int primary key)", "public.*")
		l.says([]said{
			{"create table a (id int primary key, t text)", "CREATE TABLE|public.a|a all id|", "a"},
			{"create table b (t text)", "CREATE TABLE|public.b|b inserts|", "a +b"},
			{"create table other.c (id int primary key)", "CREATE TABLE|other.c|c none out|", "a +b"},
			{"alter table b add primary key (t)", "ALTER TABLE|public.b|b all t|", "a b"},
			{"alter table b drop constraint b_pkey", "ALTER TABLE|public.b|b inserts|", "a +b"},
			{"insert into b values ('x'); update b set t = 'y'", "", "a +b"},
			{"create unique index b_t on b (t)", "CREATE INDEX|public.b_t|b inserts|", "a +b"},
			{"alter table b alter t set not null", "ALTER TABLE|public.b|b inserts|", "a +b"},
			{"alter table b replica identity using index b_t", "ALTER TABLE|public.b|b all t|", "a b"},
			{"drop index b_t; update b set t = 'z'", "DROP INDEX|public.b_t|b inserts|", "a +b"},
			{"alter table b replica identity full", "ALTER TABLE|public.b|b all|", "a b"},
			{"alter table b replica identity nothing; update b set t = 'w'", "ALTER TABLE|public.b|b inserts|", "a +b"},
			{"alter table other.c set schema public", "ALTER TABLE|public.c|c none|", "a +b"}, // its rows are elsewhere
			{"alter table c add column x int", "ALTER TABLE|public.c|c none|", "a +b"},
			{"alter table a rename to aa", "ALTER TABLE|public.aa|aa all id|", "aa +b"},
			{"alter table aa set schema other", "ALTER TABLE|other.aa|aa all id out|", "other.aa +b"},
			{"alter table other.aa drop column id; update other.aa set t = ''", "ALTER TABLE|other.aa|aa inserts out|", "+b +other.aa"},
			{"drop table other.aa", "DROP TABLE|other.aa|aa none out gone|", "+b"},
			{"create table made as select 1 as id", "CREATE TABLE AS|public.made|made inserts|", "+b +made"},
			{"alter table made add primary key (id)", "ALTER TABLE|public.made|made all id|", "made +b"},
			{"select 1 as x into sel", "SELECT INTO|public.sel|sel inserts|", "made +b +sel"},
			{"select 1 as x into other.sel; create table other.made as table made", "SELECT INTO|other.sel|sel none out|\nCREATE TABLE AS|other.made|made none out|", "made +b +sel"},
			{"create unlogged table quick as select 1 as x; select 1 as x into temp gone", "CREATE TABLE AS|public.quick|quick none|", "made +b +sel"},
			{"drop table quick; drop table other.sel; drop table other.made; drop table made; drop table sel", "DROP TABLE|public.quick|quick none gone|\nDROP TABLE|other.sel|sel none out gone|\n" +
				"DROP TABLE|other.made|made none out gone|\nDROP TABLE|public.made|made none gone|\nDROP TABLE|public.sel|sel none gone|", "+b"},
			{"create table if not exists b (x int); alter table if exists nope add x int; drop table if exists nope", "", "+b"},
			{"create unlogged table u (id int primary key)", "CREATE TABLE|public.u|u none|", "+b"},
			{"create domain dom as int; create table uses (id dom primary key, x int)", "CREATE DOMAIN|public.dom||\nCREATE TABLE|public.uses|uses all id|", "uses +b"},
			{"drop domain dom cascade; update uses set x = 1", "DROP DOMAIN|public.dom|uses inserts|", "+b +uses"},
			{"create table up (id int primary key); create table child () inherits (up); alter table up add z int",
				"CREATE TABLE|public.up|up all id|\nCREATE TABLE|public.child|child inserts|\nALTER TABLE|public.up|child inserts, up all id|", "up +b +child +uses"},
			{"begin; create table rolled (id int); rollback", "", "up +b +child +uses"},
			{"begin; create table x_1 (id int primary key); alter table x_1 set schema other; create table other.x_2 (id int primary key); " +
				"insert into other.x_2 values (1); alter table other.x_2 set schema public; commit",
				"CREATE TABLE|public.x_1|x_1 all id|\nALTER TABLE|other.x_1|x_1 all id out|\nCREATE TABLE|other.x_2|x_2 none out|\nALTER TABLE|public.x_2|x_2 none|", "other.x_1 up +b +child +uses"},
			{"drop schema other cascade", "DROP SCHEMA|other other.old other.x_1|old none out gone, x_1 none out gone|", "up +b +child +uses"},
		})
	})
}

// What a query has made is logged by its definition, where it is followed; nothing else is.
func TestLogDefines(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, major int) {
		l := newLogged(t, major, `create schema "O d"; create type "O d"."Mood" as enum ('a'); create domain few as varchar(3)`, "public.*")
		for _, tc := range []struct{ sql, want string }{
			{`create table "T a" with (fillfactor = 70, autovacuum_enabled = false) as select 1::numeric(6,2) as "N n", 'x'::varchar(7) as v, 'x'::text collate "C" as c, 'a'::"O d"."Mood" as m, '{abc}'::few[] as f, now() as at`,
				`create table public."T a" ("N n" numeric(6,2), v character varying(7), c text collate pg_catalog."C", m "O d"."Mood", f public.few[], at timestamp with time zone) with (fillfactor = '70', autovacuum_enabled = 'false')`},
			{"set search_path = pg_catalog; select into public.bare", "create table public.bare ()"},
			{"create function f() returns void language plpgsql as 'begin create table public.inside as select 1 as x; end'; select f()", "create table public.inside (x integer)"},
			{"create table if not exists public.bare as select 1; create table plain (id int); create materialized view mv as select 1; create temp table tt as select 1", ""},
			{"create unlogged table u as select 1; create table \"O d\".outside as select 1 as x", ""},
		} {
			l.does("set search_path = public; " + tc.sql)
			if got := l.Query1(t, fmt.Sprintf("select coalesce(string_agg(definition, '; ' order by id), '') || coalesce(string_agg(problem, ''), '') from %s.ddl", l.p.Log)); got != tc.want {
				t.Errorf("%s:\n%s\nwant\n%s", tc.sql, got, tc.want)
			}
			l.log()
		}
	})
}

// What is not of tables is logged too, what is nobody else's business is not.
func TestLogKnowsEveryObject(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, major int) {
		l := newLogged(t, major, "create table s (id int primary key, n int); create function tg() returns trigger language plpgsql as 'begin return new; end'")
		l.publish(l.p, l.member("s", planner.FollowAll))
		reindexed := "" // seen from 17 on
		if major >= 17 {
			reindexed = "REINDEX|public.s_pkey|s all id|"
		}
		list := []said{
			{sql: "create temp table tt (id int primary key); create index on tt (id); alter table tt add x int; comment on table tt is 'x'; " +
				"create trigger tg before insert on tt for each row execute function tg(); create temp view tv as select * from tt; drop table tt cascade"},
			{sql: "create extension hstore", want: "CREATE EXTENSION|hstore||"},
			{sql: "drop extension hstore", want: "DROP EXTENSION|hstore||"},
			{sql: "create materialized view mv as select 1 as x", want: "CREATE MATERIALIZED VIEW|public.mv||"},
			{sql: "refresh materialized view mv", want: "REFRESH MATERIALIZED VIEW|public.mv||"},
			{sql: "drop materialized view mv", want: "DROP MATERIALIZED VIEW|public.mv||"},
			{sql: "create view v as select 1 as x", want: "CREATE VIEW|public.v||"},
			{sql: "create function f() returns int language sql as 'select 1'", want: "CREATE FUNCTION|public.f()||"},
			{sql: "drop function f()", want: "DROP FUNCTION|public.f()||"},
			{sql: "create type e as enum ('a')", want: "CREATE TYPE|public.e||"},
			{sql: "alter type e add value 'b'", want: "ALTER TYPE|public.e||"},
			{sql: "create index concurrently si on s (n)", want: "CREATE INDEX|public.si|s all id|"},
			{sql: "drop index concurrently si", want: "DROP INDEX|public.si||"},
			{sql: "reindex index s_pkey", want: reindexed},
			{sql: "create trigger tr before insert on s for each row execute function tg()", want: "CREATE TRIGGER|tr on public.s|s all id|"},
			{sql: "drop trigger tr on s", want: "DROP TRIGGER|tr on public.s|s all id|"},
			{sql: "create policy p on s; drop policy p on s", want: "CREATE POLICY|p on public.s|s all id|\nDROP POLICY|p on public.s|s all id|"},
			{sql: "create rule r as on insert to s do nothing; drop rule r on s", want: "CREATE RULE|r on public.s|s all id|\nDROP RULE|r on public.s|s all id|"},
			{sql: "create sequence sq; alter sequence sq owned by s.n", want: "CREATE SEQUENCE|public.sq||\nALTER SEQUENCE|public.sq|s all id|"},
			{sql: "create statistics st on id, n from s", want: "CREATE STATISTICS|public.st|s all id|"},
			{sql: "grant select on s to public", want: "GRANT|||"},
			{sql: "comment on column s.n is 'x'", want: "COMMENT|public.s.n|s all id|"},
			{sql: "alter table s alter n type varchar(10) using n::text", want: "ALTER TABLE|public.s|s all id|"},
			{sql: "create publication other for table s; alter publication other set (publish = 'insert'); drop publication other"},
			{sql: "set session_replication_role = replica; comment on table s is 'y'; reset session_replication_role", want: "COMMENT|public.s|s all id|"},
		}
		for i := range list {
			list[i].listed = "s"
		}
		l.says(list)
	})
}

// Partitions stand for themselves, or their root does for them: then it is followed as
// the worst of them can be, and one that is detached goes on by itself.
func TestLogFollowsPartitions(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, major int) {
		const root = "create table root (id int, k int, primary key (id, k)) partition by range (k)"
		l := newLogged(t, major, "", "public.*")
		l.says([]said{
			{root, "CREATE TABLE|public.root|root none|", ""},
			{"create table p1 partition of root for values from (0) to (10)", "CREATE TABLE|public.p1|p1 all id,k, root none|", "p1"},
			{"create table p2 (id int not null, k int not null)", "CREATE TABLE|public.p2|p2 inserts|", "p1 +p2"},
			{"alter table root attach partition p2 for values from (10) to (20)", "ALTER TABLE|public.root|p1 all id,k, p2 all id,k, root none|", "p1 p2"},
			{"alter table root detach partition p1", "ALTER TABLE|public.root|p1 all id,k, p2 all id,k, root none|", "p1 p2"},
			{"drop table root", "DROP TABLE|public.root public.p2|p2 none gone, root none gone|", "p1"},
		})
		v := newLogged(t, major, "create table alien (id int not null, k int not null)", "public.root", "public.p*")
		v.p.ViaRoot = true
		v.ensure()
		v.says([]said{
			{root, "CREATE TABLE|public.root|root all id,k|", "root"},
			{"create table q1 partition of root for values from (0) to (10)", "CREATE TABLE|public.q1|q1 none, root all id,k|", "root"},
			{"alter table q1 replica identity full", "ALTER TABLE|public.q1|q1 none, root inserts|", "+root"},
			{"alter table q1 replica identity default", "ALTER TABLE|public.q1|q1 none, root all id,k|", "root"},
			{"create table p2 (id int not null, k int not null)", "CREATE TABLE|public.p2|p2 inserts|", "root +p2"},
			{"alter table root attach partition p2 for values from (10) to (20)", "ALTER TABLE|public.root|p2 none, q1 none, root all id,k|", "root"},
			{"alter table root detach partition p2", "ALTER TABLE|public.root|p2 all id,k, q1 none, root all id,k|", "p2 root"},
			{"begin; alter table alien rename to p3; alter table root add y int; commit",
				"ALTER TABLE|public.p3|p3 none|\nALTER TABLE|public.root|p3 none, q1 none, root all id,k|", "p2 root"},
		})
	})
}
