package executor_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"bascule/executor/verify"
	"bascule/planner/catalog/pgtest"
)

// Each is a schema of which another tool's copy is known to fail, or to differ.
func TestOddSchemasArrive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, sql string }{
		{"a child with another order of columns", `
			create table parent (a int, b text, c date); create table child (c date, b text, a int, own int); alter table child inherit parent;
			insert into child values ('2024-01-01', 'b', 7, 8); insert into parent values (1, 'p', '2023-01-01');
			create table root (a int, b text) partition by list (a); create table leaf (b text, a int); alter table root attach partition leaf default;
			insert into root values (1, 'x')`},
		{"dropped columns", `
			create table t (a int, b text, c int, d text); insert into t values (1, 'b', 2, 'd'); alter table t drop column b, drop column c; alter table t add e int default 9;
			create table p (x int, a int) partition by range (a); alter table p drop column x; create table p1 (junk int, a int); alter table p1 drop column junk;
			alter table p attach partition p1 default; insert into p values (4)`},
		{"tables without columns", `create table none (); insert into none default values; insert into none default values; create table once (a int); insert into once values (1); alter table once drop column a`},
		{"constraint triggers", `
			create table t (a int); create function f() returns trigger language plpgsql as $$ begin if new.a > 5 then raise exception 'too much'; end if; return new; end $$;
			create constraint trigger late after insert on t deferrable initially deferred for each row execute function f();
			create constraint trigger refers after insert on t from t for each row execute function f(); insert into t values (1), (2)`},
		{"statement triggers that refuse writes", `
			create table t (a int); insert into t values (1);
			create function no() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
			create trigger no before insert or update or delete or truncate on t for each statement execute function no();
			create trigger always before insert on t for each row execute function no(); alter table t enable always trigger always;
			create trigger off before insert on t for each row execute function no(); alter table t disable trigger off`},
		{"rows that a trigger would change, and checks that are not valid", `
			create table t (a int, b int); insert into t values (1, -1); alter table t add constraint c check (b > 0) not valid;
			create table r (a int); insert into r values (99); create table k (a int primary key); alter table r add foreign key (a) references k not valid`},
		{"row security on all tables", `
			do $$ begin for i in 1..20 loop execute format('create table s%s (id int primary key, up int references s%s, who text); insert into s%s values (1, 1, ''me'');
				alter table s%s enable row level security; alter table s%s force row level security; create policy p on s%s using (who = current_user)', i, i, i, i, i, i); end loop; end $$`},
		{"cyclic and self-referencing keys", `
			create table a (id int primary key, b int); create table b (id int primary key, a int references a deferrable initially deferred);
			alter table a add foreign key (b) references b; create table self (id int primary key, up int references self on delete set null);
			begin; set constraints all deferred; insert into a values (1, null); insert into b values (1, 1); update a set b = 1; insert into self values (2, 2), (1, 2); commit`},
		{"large objects", `
			create table t (id int, o oid); insert into t select i, lo_from_bytea(0, convert_to(repeat('x', i * 3000), 'UTF8')) from generate_series(1, 30) i; insert into t values (99, lo_create(0));
			do $$ declare o oid; begin for o in select t.o from t where id < 4 loop execute format('comment on large object %s is ''is %s''', o, o);
				execute format('grant select on large object %s to pg_monitor with grant option', o); execute format('grant update on large object %s to public', o); end loop; end $$`},
		{"unlogged tables with sequences", `create unlogged table u (id serial primary key, a text); insert into u (a) values ('x'), ('y'); create unlogged table p (a int) partition by list (a); create unlogged table p1 partition of p default; insert into p values (1)`},
		{"materialised views in a chain", `
			create table t (a int); insert into t select generate_series(1, 100);
			create materialized view z as select a % 10 as d, count(*) from t group by 1; create view y as select * from z where d > 3;
			create materialized view a as select sum(count) as s from y; create unique index on z (d); create materialized view b as select * from a;
			create materialized view empty as select 1 as one with no data; create index on empty (one); create materialized view stale as select count(*) from t; insert into t values (3)`},
		{"sequences at their edges", `
			create sequence never; create sequence used; select nextval('used'); create sequence down increment -3 minvalue -100 maxvalue 5 start 5; select nextval('down'), nextval('down');
			create sequence cycle maxvalue 3 cycle; select nextval('cycle'), nextval('cycle'), nextval('cycle'); create sequence big as bigint; select setval('big', 9223372036854775807);
			create sequence small as smallint start 7 cache 20; select setval('small', 32767, true); create sequence uncalled start 3; select setval('uncalled', 9, false);
			create sequence "Odd ""name"""; select setval('"Odd ""name"""', 4); create table t (id int generated always as identity (start 40 increment 5), b smallserial); insert into t default values;
			alter sequence t_id_seq rename to other_name; create sequence owned; alter sequence owned owned by t.id; create unlogged sequence nolog; select nextval('nolog')`},
		{"names that must be quoted", `
			create schema "S.1"; create table "S.1"."T ""q""" ("a b" int primary key, "select" text, "ÄÖ" text, "100%" int, "\back" text, "it's" text);
			insert into "S.1"."T ""q""" values (1, 's', 'ä', 3, '\.', ''''); create index "I.""x""" on "S.1"."T ""q""" ("a b", "100%");
			create table "` + strings.Repeat("n", 63) + `" ("` + strings.Repeat("c", 63) + `" int unique); create table "new
line" (a int, "tab	x" int); insert into "new
line" values (1, 2); create table "$1" ("$2" int); create table "%s" ("%d" int); comment on table "%s" is '%v $1 \ '' "'; create function "f(x)"() returns text language sql as 'select ''$$''::text'`},
		{"the same name in two schemas", `create schema a; create schema b; create table a.t (x int primary key); create table b.t (x int primary key, y int references a.t); insert into a.t values (1); insert into b.t values (2, 1);
			create function a.f(int) returns int language sql as 'select 1'; create function a.f(text) returns int language sql as 'select 2'; create function b.f(int) returns int language sql as 'select 3'`},
		{"values that travel badly", `
			create table v (id int primary key, f float8, r real, n numeric, ts timestamptz, iv interval, m money, x xml, p point, h bytea, c char(5), b bit(3), vb bit varying, a text[][], rng int4range, mr int4multirange, e text, j json, jb jsonb, u uuid, i inet, mac macaddr8, tv tsvector, tq tsquery, d date, oidv oid, rc regclass, nm name, cc "char", pl pg_lsn, xid xid8);
			insert into v (id, f, r, n, ts, iv, m, p, h, c, b, vb, a, rng, mr, e, j, jb) values
				(1, 'NaN', 'Infinity', 'NaN', 'infinity', '-1 year 3 days -4:05', -12.34, '(1e300,-0)', '\x00ff5c', 'ab', '101', '', '{{a,NULL},{"","\"q\\"}}', 'empty', '{[1,3),[5,7)}', E'\\N\t\n\\.\r\\\\', '{"a":1, "a" : 2}', '{"b":[1.10]}'),
				(2, 1e-320, 1.1754944e-38, 1e-200, '-infinity', '178000000 years', 1, '(0.1,0.2)', '', '', '000', '1', '[2:3]={x,y}', '(,)', '{}', '', 'null', 'null'), (3, null, null, 'Infinity', '4713-01-01 BC', null, null, null, null, null, null, null, '{}', null, null, null, null, null);
			update v set x = '<a>&amp;</a>', u = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', i = '::1/128', mac = '08:00:2b:01:02:03:04:05', tv = 'a:1A b', tq = 'a & !b', d = '0001-01-01 BC', oidv = 4294967295, rc = 'v', nm = 'n', cc = 'x', pl = '1/2', xid = '99'`},
		{"columns of all storages and compressions", `
			create table t (a text, b text compression pglz, c int, d text) with (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
			alter table t alter a set storage external, alter d set storage main, alter a set statistics 500, alter c set (n_distinct = -0.5); insert into t select repeat('x', 9000), repeat('y', 9000), i, repeat('z', 3000) from generate_series(1, 20) i`},
		{"an event trigger on the source", `
			create function ev() returns event_trigger language plpgsql as $$ begin if current_setting('application_name') like 'bascule%' then raise exception 'we do no DDL here'; end if; end $$;
			create table t (a int primary key); create event trigger odd_` + "%d" + ` on ddl_command_start execute function ev(); insert into t values (1); alter event trigger odd_` + "%d" + ` enable always`},
		{"typed tables, domains over composites, arrays of them", `
			create type p as (x int, y text); create table typed of p (primary key (x)); insert into typed values (1, 'a'); create domain dp as p check ((value).x > 0);
			create table d (a dp, b dp[], c p[]); insert into d values (row(1, 'b')::p, array[row(2, 'c')::p]::dp[], array[row(-1, null)::p])`},
		{"rules and views that depend on each other", `
			create table t (a int, b int); create view v as select a from t; create rule ins as on insert to v do instead insert into t values (new.a, 1); create view w as select * from v where a > 1;
			create rule noted as on update to t do also notify changed; create recursive view n (i) as select 1 union all select i + 1 from n where i < 5; create view x as select (t).a as ta, t from t;
			create or replace view v as select a, b from t; insert into t values (5, 6)`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, "")
			sql := c.sql
			if strings.Contains(sql, "odd_%d") {
				sql = strings.ReplaceAll(sql, "odd_%d", "odd_"+source.Name)
			}
			source.Exec(t, sql)
			newCarry(t, source, target, "schema {\nowners = true\nprivileges = true\n}").arrives(t)
		})
	}
}

// Contrib has no extension with a configuration table, so one is given to hstore.
func TestRowsOfConfigurationTables(t *testing.T) {
	t.Parallel()
	const configured = `
		create extension hstore; create table conf (id int primary key, own boolean default true); create table every (a text);
		alter extension hstore add table conf; alter extension hstore add table every; insert into conf values (1, false), (2, false);
		update pg_extension set extconfig = array['conf'::regclass, 'every'::regclass], extcondition = array['WHERE own', ''] where extname = 'hstore';`
	source, target := pgtest.New(t, configured+"insert into conf values (3), (4); insert into every values ('x'); create table t (h hstore); insert into t values ('a=>1')")
	target.Exec(t, configured)
	c := newCarry(t, source, target, "")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c.sink = &counter{at: 14, do: stop}
	if _, _, err := c.apply(ctx, t); err == nil {
		t.Fatal("it was not stopped")
	}
	c.sink = nil
	c.arrives(t)
	if got := target.Query(t, "select id, own from conf order by 1"); got != "1|f\n2|f\n3|t\n4|t" {
		t.Errorf("the configuration is\n%s", got)
	}
}

func TestSearchPathOfTheDatabase(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "")
	source.Load(t, "schema/testdata/search_path.sql")
	source.Exec(t, `create table app.wide (id int primary key, unit text); create index on app.wide (app.factor(unit));
		insert into app.wide select i, 'kg' from generate_series(1, 5000) i; analyze app.wide`)
	c := newCarry(t, source, target, "copy {\nchunk_size = \"8kB\"\n}")
	plan, _, err := c.apply(t.Context(), t)
	if err != nil {
		t.Fatal(err)
	}
	c.equal(t, plan, verify.Options{SkipRows: true})
	for _, table := range []string{"units", "amounts", "wide", "heavy", "by_unit"} {
		sum := "select count(*), sum(hashtext(r::text)) from app." + table + " r"
		if want, got := source.Query(t, sum), target.Query(t, sum); got != want {
			t.Errorf("%s: %s, want %s", table, got, want)
		}
	}
	for _, sql := range []string{"select count(*) from app.amounts where amount * factor(unit) > 0", "select count(*) from app.wide where factor(unit) = 1000"} {
		sql = "set enable_seqscan = off; " + sql
		if want, got := source.Query1(t, sql), target.Query1(t, sql); got != want {
			t.Errorf("by the index: %s, want %s", got, want)
		}
	}
}

// It is not parallel: what the process takes is to be its own.
func TestARowOf200MB(t *testing.T) {
	if testing.Short() {
		t.Skip("it moves 200 MB")
	}
	source, target := pgtest.New(t, "create table t (id int, b bytea); alter table t alter b set storage external; insert into t select 1, decode(repeat('c0ffee42', 50 << 20), 'hex'); insert into t values (2, 'x')")
	c := newCarry(t, source, target, "")
	if plan, _, err := c.apply(t.Context(), t); err != nil {
		t.Fatalf("%v\n%s", err, findings(plan))
	}
	const sums = "select id, length(b), md5(b) from t order by id"
	if want, got := source.Query(t, sums), target.Query(t, sums); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.Sys > (100+4*200)<<20 {
		t.Errorf("the process took %d MiB", m.Sys>>20)
	}
}

func TestManyColumns(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&b, ", c%d %s", i, []string{"int", "text", "date", "boolean"}[i%4])
	}
	source, target := pgtest.New(t, "create table wide (id int primary key"+b.String()+"); insert into wide (id, c1, c4, c1499) select i, 'x', i, true from generate_series(1, 100) i")
	newCarry(t, source, target, "").arrives(t)
}

func TestManyTables(t *testing.T) {
	t.Parallel()
	many := 1000
	if *longFlag {
		many = 3000
	}
	source, target := pgtest.New(t, fmt.Sprintf("do $$ begin for i in 1..%d loop", many)+`
		execute format('create table t%s (id int primary key, up int%s); insert into t%s values (1, 1), (2, 1)', i, case when i % 3 = 0 then ' references t' || i - 1 else '' end, i); end loop; end $$`)
	c := newCarry(t, source, target, "")
	plan, _, err := c.apply(t.Context(), t)
	if err != nil {
		t.Fatal(err)
	}
	c.equal(t, plan, verify.Options{})
}
