package executor_test

import (
	"strings"
	"testing"

	"bascule/executor/verify"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// web is a schema in which much depends on little.
const web = `
	create schema app; create schema other;
	create table app.users (id int primary key, name text not null, raw jsonb, born date,
		mail text, mail_lower text generated always as (lower(mail)) stored, rank int generated always as identity,
		check (raw is null or raw <> '{}'), constraint long check (length(name) < 40));
	create index users_raw on app.users using gin (raw);
	create index users_mail on app.users (mail_lower, name);
	create index users_name on app.users (name);
	comment on column app.users.raw is 'as it came'; comment on column app.users.name is 'of the user';
	create statistics app.users_st on name, born from app.users;
	create table app.audit (id bigserial primary key, who int references app.users, what text);
	create table app.links (a int primary key references app.users, b bigint references app.audit, s bigint default nextval('app.audit_id_seq'));
	create table app.rows_of (r app.audit[], n int);
	create view app.seen as select * from app.audit where what <> '';
	create view app.seen_twice as select id from app.seen;
	create function app.last() returns app.audit stable begin atomic select * from app.audit order by id desc limit 1; end;
	create function app.hello() returns text language sql as 'select ''hello''';
	create function app.legacy_a() returns int language sql as 'select 1'; create function app.legacy_b() returns int language sql as 'select 2';
	create table app.parts (id int, at date) partition by range (at);
	create table app.parts_old partition of app.parts for values from (minvalue) to ('2024-01-01');
	create table app.parts_new partition of app.parts for values from ('2024-01-01') to (maxvalue) partition by list (id);
	create table app.parts_new_1 partition of app.parts_new default;
	create index on app.parts (id);
	create table other.readings (id int, value float8); create table other.plain (id int primary key, at date default now());
	create function app.touch() returns trigger language plpgsql as 'begin return new; end';
	create trigger touch before update on app.users for each row execute function app.touch();
	create extension hstore schema other;
	create table other.bags (id int primary key, bag other.hstore);
	create table app.wide (id int, junk text, a int) partition by list (id); create table app.wide_1 (a int, junk text, id int); alter table app.wide attach partition app.wide_1 default; create index on app.wide (junk);
	insert into app.wide select i, 'j', i from generate_series(1, 20) i;
	create table app.parent (a int, b text); create table app.child (c int) inherits (app.parent); insert into app.child values (2, 'x', 3);
	insert into app.users (id, name, raw, mail) select i, 'u' || i, '{"a": 1}', 'M' || i from generate_series(1, 100) i;
	insert into app.audit (who, what) select i, 'w' from generate_series(1, 100) i;
	insert into app.links select i, i from generate_series(1, 50) i;
	insert into app.parts select i, '2023-12-01'::date + i from generate_series(1, 60) i;
	insert into other.readings select i, i / 7.0 from generate_series(1, 100) i;
	insert into other.plain select i from generate_series(1, 10) i;
	insert into other.bags select i, 'a=>1' from generate_series(1, 10) i;`

func TestSelection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, body string
		leftOut    string // by the mirror, all of it
		there      string // what the target has, of what the rule is about
		query      string
	}{
		{rule: "an excluded table takes what depends on it along", body: `exclude = ["app.audit"]`,
			leftOut: "[constraint audit_pkey of app.audit][constraint links_pkey of app.links][foreign key audit_who_fkey of app.audit]" +
				"[foreign key links_a_fkey of app.links][foreign key links_b_fkey of app.links][function app.last()]" +
				"[index app.audit_pkey][index app.links_pkey][sequence app.audit_id_seq][table app.audit][table app.links][table app.rows_of][view app.seen][view app.seen_twice]"},
		{rule: "partitions follow their root", body: `tables = ["app.parts"]`,
			query: "select string_agg(relname, ' ' order by relname) from pg_class where relkind in ('r', 'p') and relname like 'parts%'",
			there: "parts parts_new parts_new_1 parts_old"},
		{rule: "an excluded partition stays", body: `exclude = ["app.parts_new"]`,
			query: "select string_agg(relname, ' ' order by relname) from pg_class where relkind in ('r', 'p') and relname like 'parts%'",
			there: "parts parts_old"},
		{rule: "one schema", body: `tables = ["other.*"]`,
			query: "select string_agg(relname, ' ' order by relname) from pg_class where relkind = 'r' and relnamespace >= 16384 and relnamespace <> 'bascule'::regnamespace",
			there: "bags plain readings"},
		{rule: "kinds", body: `schema { skip = ["trigger", "view", "index"] }`,
			query: "select (select count(*) from pg_trigger where not tgisinternal) || ' ' || (select count(*) from pg_views where schemaname = 'app') || ' ' || count(*) from pg_indexes where schemaname = 'app' and indexname like 'users%'",
			there: "0 0 1"},
		{rule: "patterns", body: `schema { skip = ["function:app.legacy_*", "comment", "check:app.long", "foreign_key:app.links_*"] }`,
			query: "select string_agg(proname, ' ' order by proname) from pg_proc where pronamespace = 'app'::regnamespace", there: "hello last touch"},
		{rule: "an extension takes what uses it along", body: `schema { skip_extensions = ["hstore"] }`,
			query: "select count(*) || ' ' || (select count(*) from pg_extension where extname = 'hstore') from pg_class where relname = 'bags'", there: "0 0"},
		{rule: "another schema and name", body: "table \"app.users\" {\ntarget = \"archive.people\"\n}\ntable \"app.audit\" {\ntarget = \"archive.audit\"\n}\ntable \"other.plain\" {\ntarget = \"other.fancy\"\n}",
			query: "select 'archive.people'::regclass || ' ' || 'other.fancy'::regclass || ' ' || (select confrelid::regclass from pg_constraint where conname = 'audit_who_fkey')", there: "archive.people other.fancy archive.people"},
		{rule: "another schema, with its serial's sequence", body: "table \"app.audit\" {\ntarget = \"archive.audit\"\n}",
			query: "select nextval('archive.audit_id_seq')", there: "151"},
		{rule: "excluded columns", body: "table \"app.users\" {\nexclude_columns = [\"raw\", \"mail\", \"rank\"]\n}",
			query: "select string_agg(attname, ' ' order by attnum) from pg_attribute where attrelid = 'app.users'::regclass and attnum > 0 and not attisdropped",
			there: "id name born"},
		{rule: "a condition", body: "table \"other.readings\" {\nwhere = \"id % 10 = 7 or value is null\"\n}", query: "select count(*) from other.readings", there: "10"},
		{rule: "a condition on a partitioned table", body: "table \"app.parts\" {\nwhere = \"id % 10 = 7\"\n}", query: "select count(*) from app.parts", there: "6"},
		{rule: "an excluded column of a partitioned table", body: "table \"app.wide\" {\nexclude_columns = [\"junk\"]\n}",
			query: "select count(*) || ' ' || sum(a) from app.wide_1", there: "20 210"},
		{rule: "a partitioned table under another name", body: "table \"app.parts\" {\ntarget = \"archive.pieces\"\n}",
			query: "select count(*) from archive.pieces", there: "60"},
		{rule: "an excluded column of a parent", body: "table \"app.parent\" {\nexclude_columns = [\"b\"]\n}",
			query: "select string_agg(k::text, ' ') from app.child k", there: "(2,3)"},
		{rule: "all at once", body: "table \"other.readings\" {\nwhere = \"id < 5\"\ntarget = \"third.Values\"\nexclude_columns = [\"value\"]\n}",
			query: `select string_agg(v::text, ' ' order by id) from third."Values" v`, there: "(1) (2) (3) (4)"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, web)
			plan := newCarry(t, source, target, c.body).arrives(t)
			var left strings.Builder
			for _, l := range plan.Changes[0].Mirror.LeftOut {
				left.WriteString("[" + l.Kind + " " + l.Name + "]")
			}
			if c.leftOut != "" && left.String() != c.leftOut {
				t.Errorf("left out: %s", &left)
			}
			if c.query != "" {
				if got := target.Query1(t, c.query); got != c.there {
					t.Errorf("there is %q, want %q", got, c.there)
				}
			}
		})
	}
}

func TestPatternsThatMatchNothing(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, web)
	c := newCarry(t, source, target, `exclude = ["app.adit"]`)
	plan, _, err := c.apply(t.Context(), t)
	if err == nil || codes(plan, planner.Refusal) != "B110" || !strings.Contains(plan.Findings[0].Detail, "Did you mean app.audit") {
		t.Errorf("%v\n%+v", err, plan.Findings)
	}
	if got := target.Query1(t, "select count(*) from pg_namespace where nspname in ('app', 'bascule')"); got != "0" {
		t.Error("a refusal left something behind")
	}
}

const guarded = `
	create function refuse() returns trigger language plpgsql as $$ begin raise exception 'a trigger fired'; end $$;
	create trigger refuse before insert on t for each row execute function refuse();
	create trigger refuse_all before insert or truncate on t for each statement execute function refuse();`

func TestSchemaOfItsOwn(t *testing.T) {
	t.Parallel()
	const shape = `create table t (id int primary key, a text, g int generated always as (id + 1) stored); create sequence s;`
	const rows = `insert into t select i, 'x' || i from generate_series(1, 1000) i; select setval('s', 77)`
	for _, c := range []struct{ rule, target, body, code string }{
		{rule: "the same shape", target: shape},
		{rule: "another order of columns, and more of them", target: "create table t (more int default 7, a text, g int generated always as (id + 1) stored, id int primary key)"},
		{rule: "triggers do not fire", target: shape + guarded},
		{rule: "another type", target: "create table t (id bigint primary key, a text, g int generated always as (id + 1) stored)", code: "B133"},
		{rule: "a column is missing", target: "create table t (id int primary key, g int generated always as (id + 1) stored)", code: "B133"},
		{rule: "a column more that wants a value", target: shape + "alter table t add more int not null", code: "B133"},
		{rule: "no table", target: "", code: "B133"},
		{rule: "under another name", target: "create schema x; create table x.u (id int, a text, g int generated always as (id + 1) stored)",
			body: "table \"public.t\" {\ntarget = \"x.u\"\n}\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, shape+rows)
			if c.target != "" {
				target.Exec(t, c.target)
			}
			m := newCarry(t, source, target, c.body+"schema {\ncopy = false\n}")
			plan, _, err := m.apply(t.Context(), t)
			if got := codes(plan, planner.Refusal); got != c.code || (err != nil) != (c.code != "") {
				t.Fatalf("%q, %v\n%s", got, err, findings(plan))
			}
			if err != nil {
				return
			}
			name := "t"
			if c.body != "" {
				name = "x.u"
			}
			const sum = "select count(*) || ' ' || sum(hashtext(a) + id * g::bigint) from "
			if want, got := source.Query1(t, sum+"t"), target.Query1(t, sum+name); got != want {
				t.Errorf("rows: %s, want %s", got, want)
			}
			if plan := m.plan(t); !plan.Empty() {
				t.Error("there is more to do")
			}
		})
	}
}

func TestRowsThatAreThereAreNotLost(t *testing.T) {
	t.Parallel()
	const some = "create table t (id int primary key, a text); insert into t values (1, 'old'), (3000, 'old'); create view v as select id from t"
	for _, c := range []struct{ rule, target, body string }{
		{"the schema is the target's", some, "schema {\ncopy = false\n}"},
		{"the schema is copied", some, ""},
		{"the table has another shape", "create table t (b int); insert into t values (1); create function f() returns int language sql as 'select 7'", ""},
		{"only an object", "create function f() returns int language sql as 'select 7'", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, `create table t (id int primary key, a text); create table referring (id int references t); create view v as select id from t;
				create function f() returns int language sql as 'select 1'; create type mood as enum ('a');
				insert into t select i, 'x' || i from generate_series(1, 1000) i; insert into referring values (1)`)
			target.Exec(t, c.target)
			if c.body != "" {
				target.Exec(t, "create table referring (id int references t)")
			}
			before := target.Query(t, contents)
			m := newCarry(t, source, target, c.body)
			plan, _, err := m.apply(t.Context(), t)
			if err == nil || exitCode(err) != 4 {
				t.Fatalf("%v\n%s", err, findings(plan))
			}
			if got := target.Query(t, contents); got != before {
				t.Errorf("a refusal changed the target to\n%s", got)
			}
			m.allow = []string{"mirror.app"}
			plan, _, err = m.apply(t.Context(), t)
			if err != nil {
				t.Fatal(err)
			}
			if c.body == "" {
				m.equal(t, plan, verify.Options{})
			}
			if want, got := source.Query(t, "select * from t order by 1"), target.Query(t, "select * from t order by 1"); got != want {
				t.Errorf("rows: %s", got)
			}
		})
	}
}

func TestAnEarlierCopyIsOverwritten(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, web)
	c := newCarry(t, source, target, "")
	c.arrives(t)
	source.Exec(t, "insert into other.plain values (99); alter table other.readings add more int; drop view app.seen_twice")
	c.body = "copy {\nworkers = 2\n}\nschema {\nskip = [\"statistics\"]\n}"
	c.allow = []string{"mirror.app"}
	plan, _, err := c.apply(t.Context(), t)
	if err == nil || codes(plan, planner.Refusal) != "B154" {
		t.Fatalf("a view that the source has no more: %v\n%s", err, findings(plan))
	}
	target.Exec(t, "drop view app.seen_twice")
	c.allow = nil
	if plan, _, err = c.apply(t.Context(), t); err == nil || exitCode(err) != 4 {
		t.Fatalf("%v\n%s", err, findings(plan))
	}
	c.allow = []string{"mirror.app"}
	if plan, _, err = c.apply(t.Context(), t); err != nil {
		t.Fatal(err)
	}
	c.equal(t, plan, verify.Options{MoreOnTarget: true})
	if got := c.plan(t); !got.Empty() {
		t.Error("there is more to do")
	}
}

func TestAProtectedMirrorIsRefused(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create table t (id int)")
	target.Exec(t, "create table t (id int); insert into t values (1)")
	c := newCarry(t, source, target, "protect = true")
	c.allow = []string{"mirror.app"}
	if plan, _, err := c.apply(t.Context(), t); exitCode(err) != 4 || codes(plan, planner.Refusal) != "B144" {
		t.Errorf("%v\n%s", err, findings(plan))
	}
}
