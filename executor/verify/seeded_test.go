package verify_test

import (
	"testing"

	"bascule/executor/verify"
	"bascule/planner/catalog/pgtest"
)

// base is on both sides before one of them is changed.
const base = `
	create table parent (id int primary key, name text default 'a' not null, n numeric check (n > 0), constraint u unique (name));
	create table child (id int generated always as identity, parent int references parent, note varchar(10) check (note in ('a', 'b')));
	insert into parent select i, 'name ' || i, i from generate_series(1, 10) i;
	insert into child (parent, note) select i, 'a' from generate_series(1, 10) i;
	create table twins (a int, b text);
	insert into twins values (1, 'x'), (1, 'x'), (2, null);
	create index by_note on child (note);
	create sequence counter; select setval('counter', 5);
	create function f(int) returns int language sql immutable as 'select $1';
	create function t() returns trigger language plpgsql as 'begin return null; end';
	create trigger tr after insert on child for each row execute function t();
	create view v as select id, name from parent;
	create materialized view m as select count(*) as n from child;
	create materialized view m2 as select n + 1 as n from m;
	create type mood as enum ('a', 'b');
	create type pair as (a int, b int);
	create domain d as int check (value > 0);
	create aggregate total(int) (sfunc = int4pl, stype = int);
	create policy p on parent using (id > 0);
	create rule r as on delete to twins do instead nothing;
	create statistics s on id, name from parent;
	comment on table parent is 'one';
	select lo_from_bytea(7001, '\x0102');
	create extension lo;
	create foreign data wrapper w; create server far foreign data wrapper w options (host 'secret one');
	create user mapping for public server far options (password 'secret two');
	create publication pub for table parent;`

func TestSeededDifferencesAreSeen(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	role, _ := server.Role(t, "")
	source := server.Database(t, base)
	all := verify.Options{Owners: true, Privileges: true, Settings: true, Created: true}
	for _, c := range []struct{ rule, change, want string }{
		{"nothing", "", ""},
		{"a changed value", "update parent set n = 100 where id = 3", "rows public.parent: 10 on both, with other content"},
		{"a missing row", "delete from child where id = 1", "rows public.child: 10 on the source, 9 on the target"},
		{"a row twice and another once", "update twins set b = null where b = 'x' and ctid = '(0,1)'", "rows public.twins: 3 on both, with other content"},
		{"empty instead of null", "update twins set b = '' where b is null", "rows public.twins: 3 on both, with other content"},
		{"a missing table", "drop table twins", "column public.twins.a: missing on the target\ncolumn public.twins.b: missing on the target\n" +
			"owner table public.twins: missing on the target\nprivileges table public.twins: missing on the target\nrule public.twins r: missing on the target\ntable public.twins: missing on the target"},
		{"another default", "alter table parent alter name set default 'b'", `column public.parent.name: default: "'a'::text" on the source, "'b'::text" on the target`},
		{"null allowed", "alter table parent alter name drop not null", `column public.parent.name: not null: "true" on the source, nothing on the target`},
		{"another type", "alter table child alter parent type bigint", `column public.child.parent: type: "integer" on the source, "bigint" on the target`},
		{"another storage", "alter table parent alter name set storage external", `column public.parent.name: storage: "x" on the source, "e" on the target`},
		{"another statistics target", "alter table parent alter name set statistics 5", `column public.parent.name: statistics target: nothing on the source, "5" on the target`},
		{"a missing index", "drop index by_note", "index public.child by_note: missing on the target"},
		{"one index more", "create index more on child (id)", "index public.child more: only on the target"},
		{"another index", "drop index by_note; create index by_note on child using hash (note)",
			`index public.child by_note: definition: "CREATE INDEX by_note ON public.child USING btree (note)" on the source, "CREATE INDEX by_note ON public.child USING hash (note)" on the target`},
		{"a clustered mark", "alter table parent cluster on parent_pkey", `index public.parent parent_pkey: clustered: nothing on the source, "true" on the target`},
		{"another check", "alter table child drop constraint child_note_check, add constraint child_note_check check (note in ('a', 'c')) not valid",
			`constraint public.child child_note_check: definition: "CHECK (((note)::text = ANY (ARRAY['a'::character varying, 'b'::character varying])))" on the source, "CHECK (((note)::text = ANY (ARRAY['a'::character varying, 'c'::character varying]))) NOT VALID" on the target; validated: "true" on the source, nothing on the target`},
		{"a check that went through a dump", `alter table child drop constraint child_note_check, add constraint child_note_check check (((note)::text = any (array[('a'::character varying)::text, ('b'::character varying)::text])))`, ""},
		{"a missing foreign key", "alter table child drop constraint child_parent_fkey", "constraint public.child child_parent_fkey: missing on the target"},
		{"row security", "alter table parent enable row level security", `table public.parent: row security: nothing on the source, "true" on the target`},
		{"a policy", "alter policy p on parent using (id > 1)", `policy public.parent p: using: "(id > 0)" on the source, "(id > 1)" on the target`},
		{"unlogged", "alter table twins set unlogged", `table public.twins: persistence: "p" on the source, "u" on the target`},
		{"a sequence's value", "select nextval('counter')", "sequence value public.counter: last_value 5, is_called t on the source; 6, t on the target"},
		{"is_called", "select setval('counter', 5, false)", "sequence value public.counter: last_value 5, is_called t on the source; 5, f on the target"},
		{"a sequence's step", "alter sequence counter increment 2", `sequence public.counter: increment: "1" on the source, "2" on the target`},
		{"a function", "create or replace function f(int) returns int language sql immutable as 'select 2'", `function public.f(integer): source: "select $1" on the source, "select 2" on the target`},
		{"an aggregate", "drop aggregate total(int); create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '1')",
			`aggregate steps public.total(integer): agginitval: nothing on the source, "1" on the target`},
		{"a disabled trigger", "alter table child disable trigger tr", `trigger public.child tr: enabled: "O" on the source, "D" on the target`},
		{"a rule", "alter table twins disable rule r", `rule public.twins r: enabled: "O" on the source, "D" on the target`},
		{"a view", "create or replace view v as select id, name from parent where id > 0",
			`view public.v: definition: " SELECT parent.id,\n    parent.name\n   FROM public.parent;" on the source, " SELECT parent.id,\n    parent.name\n   FROM public.parent\n  WHERE (parent.id > 0);" on the target`},
		{"a view that is not populated", "refresh materialized view m2 with no data", `materialized view public.m2: populated: "true" on the source, nothing on the target`},
		{"a label", "alter type mood add value 'c'", `type public.mood: labels: "a\nb" on the source, "a\nb\nc" on the target`},
		{"an attribute", "alter type pair drop attribute b", "column public.pair.b: missing on the target\ncomposite type public.pair: columns: \"a\\nb\" on the source, \"a\" on the target"},
		{"a domain", "alter domain d drop constraint d_check", "domain constraint public.d d_check: missing on the target"},
		{"statistics", "drop statistics s", "owner statistics object public.s: missing on the target\nstatistics public.s: missing on the target"},
		{"a comment", "comment on table parent is 'two'", `comment table public.parent: text: "one" on the source, "two" on the target`},
		{"a large object's bytes", `select lo_put(7001, 1, '\x09')`, "large object 7001: 2 bytes on both, with other content"},
		{"a large object's length", `select lo_put(7001, 2, '\x09')`, "large object 7001: 2 bytes on the source, 3 on the target"},
		{"a large object more", `select lo_create(7002)`, "large object 7002: only on the target\nowner large object 7002: only on the target\nprivileges large object 7002: only on the target"},
		{"an extension", "drop extension lo", "comment extension lo: missing on the target\nextension lo: missing on the target"},
		{"an extension's schema", "create schema x; alter schema x owner to postgres; alter extension lo set schema x; drop schema if exists y",
			"extension lo: schema: \"public\" on the source, \"x\" on the target\nowner schema x: only on the target\nprivileges schema x: only on the target\nschema x: only on the target"},
		{"an extension's privileges", "revoke execute on function lo_oid(lo) from public", `privileges function public.lo_oid(public.lo): only on the target`},
		{"an owner", "alter function f(int) owner to " + role, `owner function public.f(integer): owner: "postgres" on the source, "` + role + `" on the target`},
		{"a privilege", "grant select on twins to " + role, `privileges table public.twins: privileges: "` + role + ` may select, by owner" only on the target`},
		{"a column's privilege", "grant select (a) on twins to " + role, "privileges column public.twins.a: only on the target"},
		{"the database's settings", "do $$ begin execute format('alter database %I set work_mem = ''5MB''', current_database()); end $$", "setting work_mem: only on the target"},
		{"the database's comment", "do $$ begin execute format('comment on database %I is ''x''', current_database()); end $$", `comment database: text: nothing on the source, "x" on the target`},
		{"a server's options", "alter server far options (set host 'secret three')", "server far: options differ"},
		{"a mapping's options", "alter user mapping for public server far options (set password 'secret four')", "user mapping public on far: options differ"},
		{"what is never compared", "drop publication pub; create schema bascule; create table bascule.x (a int); insert into bascule.x values (1); create temp table tt (a int)", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			target := server.Database(t, base)
			if c.change != "" {
				target.Exec(t, c.change)
			}
			contains(t, compare(t, source, target, all), c.want)
		})
	}
}
