package slot_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/planner"
)

// Who ran a command, where it looked for names and what else was in its string is
// recorded, and nobody can write that but the triggers.
func TestLogTellsTheTruth(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, major int) {
		l := newLogged(t, major, "create schema app")
		role, _ := l.Cluster.Role(t, "")
		other, _ := l.Cluster.Role(t, "")
		l.Exec(t, fmt.Sprintf("grant create, usage on schema app to %s, %s; grant %[2]s to %[1]s", role, other))
		user, err := pgx.Connect(t.Context(), l.URLAs(role))
		if err != nil {
			t.Fatal(err)
		}
		defer user.Close(context.Background())
		run := func(sql string) error { _, err := user.PgConn().Exec(t.Context(), sql).ReadAll(); return err }
		// What somebody makes to be called in place of what the triggers call is not.
		evil := `create function app.evil(text, text) returns boolean language plpgsql as 'begin raise exception ''called''; end';
			create operator app.= (leftarg = text, rightarg = text, function = app.evil);
			create operator app.<> (leftarg = text, rightarg = text, function = app.evil);
			create operator app.~ (leftarg = text, rightarg = text, function = app.evil);
			create function app.current_setting(text) returns text language sql as $$select 'forged'$$;
			create function app.now() returns timestamptz language sql as $$select null::timestamptz$$;`
		for _, step := range []struct{ sql, want string }{
			{evil, ""},
			{"set search_path = app, pg_catalog; create table mine (id int primary key)",
				role + "|app, pg_catalog|set search_path = app, pg_catalog; create table mine (id int primary key)"},
			{"set role " + other, ""},
			{"create view v as select 1 as x", other + "|app, pg_catalog|create view v as select 1 as x"},
			{"reset role; begin; set local search_path = ''", ""},
			{"do 'begin create table app.a (x int); drop table app.a; end'", strings.Repeat(role+`|""|do 'begin create table app.a (x int); drop table app.a; end'`+"\n", 2)},
			{"rollback", ""},
		} {
			l.Exec(t, "delete from "+l.p.Log+".ddl")
			if err := run(step.sql); err != nil {
				t.Fatalf("%s: %v", step.sql, err)
			}
			query := fmt.Sprintf("select role, search_path, query from %s.ddl where tag not like 'CREATE OP%%' and tag not like 'CREATE FUN%%' order by id", l.p.Log)
			if strings.HasPrefix(step.sql, "do ") {
				continue // not committed
			}
			if got := l.Query(t, query); got != strings.TrimSuffix(step.want, "\n") {
				t.Errorf("%s:\n%s\nwant\n%s", step.sql, got, step.want)
			}
		}
		if got := l.Query1(t, "select count(*) from "+l.p.Log+".ddl"); got != "0" {
			t.Errorf("%s rows of what was rolled back", got)
		}
		for _, sql := range []string{
			"insert into %s.ddl (tag, query, role, search_path, objects, tables) values ('CREATE TABLE', '', '', '', '[]', '[]')",
			"delete from %s.ddl", "select * from %s.ddl", "select %s.note('sql_drop'::text, 'DROP TABLE'::text, ''::text)",
			"select %s.failed('CREATE TABLE'::text, ''::text, ''::text)", "drop schema %s cascade", "create table %s.other (x int)",
		} {
			if err := run(fmt.Sprintf(sql, l.p.Log)); err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf("%s: %v", sql, err)
			}
		}
	})
}

// Whatever goes wrong inside the triggers, the command of the application does not fail,
// and it is recorded where that can be.
func TestLogNeverFailsACommand(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, major int) {
		l := newLogged(t, major, "create table a (id int primary key)")
		l.publish(l.p, l.member("a", planner.FollowAll))
		l.Exec(t, "drop function "+l.p.Log+".settle(oid, boolean)")
		l.does("create table b (id int primary key)")
		l.does("drop table b")
		if got := l.log(); !strings.Contains(got, "CREATE TABLE|||function ") || !strings.Contains(got, "DROP TABLE|||function ") {
			t.Errorf("logged:\n%s", got)
		}
		l.ensure()
		l.Exec(t, "drop publication "+l.p.Inserts)
		l.does("create table c (x int)")
		if got := l.log(); got != "CREATE TABLE|public.c|c none|" {
			t.Errorf("without a publication:\n%s", got)
		}
		l.Exec(t, "drop table "+l.p.Log+".ddl")
		l.does("create table d (x int); alter table d add y int; drop table d")
		l.ensure()
		l.does("create table d (x int)")
		if got := l.log(); got != "CREATE TABLE|public.d|d inserts|" {
			t.Errorf("once it is made again:\n%s", got)
		}
	})
}

// Two transactions that make tables at once wait for each other at the publication, but
// not for so long that a timeout of theirs ends the command: the second table is marked,
// for the stream to have it join; of one that was to move it is told that it did not.
func TestLogDoesNotWaitForLong(t *testing.T) {
	t.Parallel()
	l := newLogged(t, 15, "")
	l.does("create table m0 (id int not null)")
	first := l.Conn(t)
	if _, err := first.PgConn().Exec(t.Context(), "begin; create table m1 (id int primary key)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	l.does("set statement_timeout = '30s'; create table m2 (id int primary key); reset statement_timeout")
	l.does("alter table m0 add primary key (id)")
	if _, err := first.PgConn().Exec(t.Context(), "commit").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if got := l.listed(); got != "m1 +m0" {
		t.Errorf("published are %s", got)
	}
	if got := l.Query1(t, "select problem from "+l.p.Log+".ddl where tag = 'ALTER TABLE'"); got != "canceling statement due to lock timeout" {
		t.Errorf("a table that could not move: %s", got)
	}
	marked := "select concat_ws('|', e ->> 'follow', e ->> 'why', e ->> 'late', e ->> 'could') from " + l.p.Log + ".ddl, jsonb_array_elements(tables::jsonb) e where e ->> 'name' = '%s' order by id desc limit 1"
	for name, want := range map[string]string{"m1": "all|false", "m2": `none|canceling statement due to lock timeout|true|{"key": ["id"], "follow": "all"}`} {
		if got := l.Query1(t, fmt.Sprintf(marked, name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	l.does("alter table m2 add x int")
	if got := l.Query1(t, fmt.Sprintf(marked, "m2")); got != `none|false|{"key": ["id"], "follow": "all"}` {
		t.Errorf("m2, behind its making: %s", got)
	}
}

// What an event trigger of somebody's runs has the text and the stamp of what it was run
// by, what the client sends next another; mappings of users are not logged.
func TestLogStampsMessages(t *testing.T) {
	t.Parallel()
	l := newLogged(t, 15, `
		create function more() returns event_trigger language plpgsql as $$ begin
			if to_regclass('public.a') is not null and to_regclass('public.audit') is null then create table public.audit (id int primary key); end if; end $$;
		create event trigger a_more on ddl_command_end when tag in ('CREATE TABLE') execute function more();
		create foreign data wrapper w; create server s foreign data wrapper w`)
	l.does("create user mapping for public server s options (password 'p4ss')")
	l.does("alter user mapping for public server s options (set password 'p4ss2')")
	l.does("drop user mapping for public server s")
	l.does("begin")
	l.does("create table a (id int primary key)")
	l.does("alter table a add x int")
	l.does("alter table a add y int")
	l.does("commit")
	got := l.Query(t, "select tag, count(*), count(distinct query), count(distinct stamp) from "+l.p.Log+".ddl group by tag order by tag")
	if got != "ALTER TABLE|2|2|2\nCREATE TABLE|2|1|1" {
		t.Errorf("logged:\n%s", got)
	}
}
