package statement_test

import (
	"slices"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// What is said to be unqualified a server does not find under an empty search_path.
func TestServerMissesUnqualified(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, bareWorld)
	conn := db.Conn(t)
	for _, sql := range []string{
		"create table t (id int)",
		"alter table users add column b int",
		"alter table public.users add column b status",
		"alter table public.users add column b int default f()",
		"alter table public.users alter id set default nextval('seq')",
		"create index on users (id)",
		"drop table users",
		"drop function f()",
		"drop type status",
		"alter type status add value 'x'",
		"alter function f() owner to current_user",
		"create or replace view public.v as select id from users",
		"create view v as select 1",
		"create trigger x before insert on public.users for each row execute function touch()",
		"create function g() returns int language sql as 'select 1'",
		"create function public.g() returns bigint language sql as 'select count(*) from users'",
		"create type t as enum ()",
		"create domain d as int",
		"create sequence s",
		"comment on table users is 'x'",
		"alter table users rename to x",
		"alter table users set schema public",
	} {
		if s := one(t, sql); len(s.Unqualified) != 1 {
			t.Errorf("%s: %s", sql, rendered(s))
		}
		_, err := try(t, conn, sql)
		if got := sqlstate(err); !slices.Contains([]string{"42P01", "3F000", "42704", "42883"}, got) {
			t.Errorf("%s: %q (%v)", sql, got, err)
		}
		if _, err := conn.Exec(t.Context(), "begin; "+sql+"; rollback"); err != nil {
			t.Errorf("%s, with public in search_path: %v", sql, err)
		}
	}
}

const bareWorld = `
	create table users (id int);
	create type status as enum ('a');
	create sequence seq;
	create function f() returns int language sql as 'select 1';
	create function touch() returns trigger language plpgsql as 'begin return new; end';`
