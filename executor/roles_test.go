package executor_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/verify"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// plain is what a role without any attribute can create.
const plain = `
	create schema shop;
	create type shop.mood as enum ('sad', 'ok');
	create domain shop.percent as numeric check (value between 0 and 100);
	create type shop.pair as (a int, b text);
	create type shop.span as range (subtype = float8);
	create function shop.twice(int) returns int language sql immutable as 'select $1 * 2';
	create procedure shop.nothing() language plpgsql as 'begin end';
	create aggregate shop.total(int) (sfunc = int4pl, stype = int, initcond = 0);
	create operator shop.|+| (leftarg = int, rightarg = int, function = pg_catalog.int4pl);
	create collation shop.german (locale = 'C');
	create text search configuration shop.plain (copy = pg_catalog.simple);
	create table shop.customers (id int generated always as identity primary key, name text not null unique, mood shop.mood default 'ok', share shop.percent);
	create table shop.orders (id serial primary key, customer int not null references shop.customers on delete cascade, pair shop.pair, at timestamptz not null default now());
	create table shop.events (id bigint, at date) partition by range (at);
	create table shop.events_1 partition of shop.events for values from ('2024-01-01') to ('2025-01-01');
	create table shop.events_2 partition of shop.events default;
	create index on shop.events (at);
	create unlogged table shop.scratch (a int);
	create sequence shop.loose start 7;
	create statistics shop.both on customer, at from shop.orders;
	create view shop.recent as select * from shop.orders where at > '2020-01-01';
	create materialized view shop.counts as select customer, count(*) from shop.recent group by 1;
	create unique index on shop.counts (customer);
	create function shop.touch() returns trigger language plpgsql as 'begin new.at := now(); return new; end';
	create trigger touch before insert on shop.orders for each row execute function shop.touch();
	create rule quiet as on delete to shop.scratch do instead nothing;
	insert into shop.customers (name, share) select 'c' || i, i from generate_series(1, 50) i;
	insert into shop.orders (customer, pair) select 1 + i % 50, row(i, 'x')::shop.pair from generate_series(1, 500) i;
	insert into shop.events select i, '2024-06-01'::date + i from generate_series(1, 400) i;
	insert into shop.scratch values (1), (2);
	select nextval('shop.loose');
	refresh materialized view shop.counts;
	select lo_from_bytea(4711, 'large');
	comment on table shop.orders is 'by customers';
	alter table shop.customers enable row level security;
	create policy mine on shop.customers using (name = current_user);`

// as runs SQL in a session of its own of this role.
func as(t *testing.T, db *pgtest.DB, role, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URLAs(role))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// plainTarget is an empty database, and a role that may create in it.
func plainTarget(t *testing.T) (target *pgtest.DB, role string) {
	t.Helper()
	target = pgtest.Server(t, 15).Database(t, "")
	role, _ = target.Role(t, "")
	target.Exec(t, "grant create on database "+target.Name+" to "+role)
	return target, role
}

func TestRolesThatAreNoSuperusers(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"owner", "reader"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			source := pgtest.Server(t, 15).Database(t, "")
			owner, _ := source.Role(t, "")
			source.Exec(t, "grant create on database "+source.Name+" to "+owner)
			as(t, source, owner, plain)
			role := owner
			if who == "reader" {
				role, _ = source.Role(t, "bypassrls")
				as(t, source, owner, "grant usage on schema shop to "+role+"; grant select on all tables in schema shop to "+role+
					"; grant select on all sequences in schema shop to "+role+"; grant select on large object 4711 to "+role)
			}
			target, applier := plainTarget(t)
			c := newCarry(t, source, target, "")
			c.sourceURL, c.targetURL = source.URLAs(role), target.URLAs(applier)
			c.arrives(t)
			if got := target.Query(t, "select distinct pg_get_userbyid(relowner) from pg_class where relnamespace = 'shop'::regnamespace"); got != applier {
				t.Errorf("owners are %s", got)
			}
		})
	}
}

// Each finding's remedy, as its detail has it, is carried out, and then it works.
func TestWhatAPlainRoleCannotCarry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule string

		// ofSource and ofTarget are run there as superusers. $S and $T stand for the
		// roles, $D for the target database.
		ofSource, ofTarget, body, code string

		// The detail holds remedy; sourceFix and targetFix are it, carried out, or
		// another body is.
		remedy, sourceFix, targetFix, fixedBody string
	}{
		{rule: "an extension that is not trusted", ofSource: "create extension pageinspect", code: "B125",
			remedy: "CREATE EXTENSION pageinspect", targetFix: "create extension pageinspect"},
		{rule: "an extension that is not trusted, skipped", ofSource: "create extension pageinspect", code: "B125",
			remedy: `schema { skip_extensions = ["pageinspect"] }`, fixedBody: `schema { skip_extensions = ["pageinspect"] }`},
		{rule: "a C function", ofSource: "create function shop.c() returns int language internal as 'pg_backend_pid'", code: "B139",
			remedy: `skip = ["function"]`, fixedBody: `schema { skip = ["function:shop.c*"] }`},
		{rule: "an event trigger", code: "B139", remedy: `skip = ["event_trigger"]`, fixedBody: `schema { skip = ["event_trigger"] }`,
			ofSource: "create function shop.ev() returns event_trigger language plpgsql as 'begin end'; create event trigger $S_ev on ddl_command_end when tag in ('CREATE CAST') execute function shop.ev()"},
		{rule: "no SELECT on a table", ofSource: "create table shop.secret (a int); insert into shop.secret values (1)", code: "B130",
			remedy: "SELECT on them TO $S", sourceFix: "grant usage on schema shop to $S; grant select on shop.secret to $S"},
		{rule: "no SELECT on a table, excluded", ofSource: "create table shop.secret (a int)", code: "B130",
			remedy: "or exclude them", fixedBody: `exclude = ["shop.secret"]`},
		{rule: "no SELECT on a partitioned table", code: "B130", remedy: "SELECT on them TO $S", sourceFix: "grant select on shop.parted to $S",
			ofSource: "create table shop.parted (a int) partition by list (a); create table shop.parted_1 partition of shop.parted default; grant select on shop.parted_1 to $S"},
		{rule: "no SELECT on some columns", code: "B130", remedy: "SELECT on them TO $S", sourceFix: "grant select on shop.partly to $S",
			ofSource: "create table shop.partly (a int, b int); grant select (a) on shop.partly to $S"},
		{rule: "no USAGE on a schema", ofSource: "create schema closed; create table closed.t (a int); grant select on closed.t to $S", code: "B130",
			remedy: "GRANT USAGE on their schemas", sourceFix: "grant usage on schema closed to $S"},
		{rule: "no SELECT on a sequence", ofSource: "create sequence shop.hidden", code: "B130",
			remedy: "SELECT on them TO $S", sourceFix: "grant select on shop.hidden to $S"},
		{rule: "a large object of another", ofSource: "select lo_from_bytea(0, 'mine')", code: "B131",
			remedy: `skip = ["large_object"]`, fixedBody: `schema { skip = ["large_object"] }`},
		{rule: "row security that hides rows", code: "B129", remedy: "ALTER ROLE $S BYPASSRLS", sourceFix: "alter role $S bypassrls",
			ofSource: "create table shop.hides (a int); insert into shop.hides values (1); alter table shop.hides enable row level security; grant select on shop.hides to $S"},
		{rule: "forced row security", code: "B129", remedy: "ALTER ROLE $S BYPASSRLS", sourceFix: "alter role $S bypassrls",
			ofSource: "alter table shop.customers force row level security"},
		{rule: "no CREATE on the database", ofTarget: "revoke create on database $D from $T", code: "B138",
			remedy: "GRANT CREATE ON DATABASE $D TO $T", targetFix: "grant create on database $D to $T"},
		{rule: "no CREATE on schema public", ofSource: "create table public.t (a int); grant select on public.t to $S", code: "B138",
			remedy: "GRANT CREATE ON SCHEMA public TO $T", targetFix: "grant create on schema public to $T"},
		{rule: "a function in schema public", ofSource: "create function public.f() returns int language sql as 'select 1'", code: "B138",
			remedy: "GRANT CREATE ON SCHEMA public TO $T", targetFix: "grant create on schema public to $T"},
		{rule: "owners that the role is no member of", body: "schema { owners = true }", code: "B147",
			remedy: " TO $T", targetFix: "grant $S to $T"},
		{rule: "a cast without a function", ofSource: "create type shop.c1 as enum ('a'); create cast (shop.pair as text) with inout", code: ""},
		{rule: "a database setting that takes a superuser", ofSource: "do $$begin execute format('alter database %I set log_min_duration_statement = 7', current_database()); end$$", code: ""},
		{rule: "a foreign data wrapper", ofSource: "create foreign data wrapper nowhere", code: "B139",
			remedy: `skip = ["foreign_data_wrapper"]`, fixedBody: `schema { skip = ["foreign_data_wrapper"] }`},
		{rule: "a leakproof function", ofSource: "create function shop.lp() returns int language sql leakproof as 'select 1'", code: "B139",
			remedy: `skip = ["function"]`, fixedBody: `schema { skip = ["function:shop.lp*"] }`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source := pgtest.Server(t, 15).Database(t, "")
			owner, _ := source.Role(t, "")
			target, applier := plainTarget(t)
			with := strings.NewReplacer("$S", owner, "$T", applier, "$D", target.Name)
			source.Exec(t, "grant create on database "+source.Name+" to "+owner)
			as(t, source, owner, plain)
			source.Exec(t, with.Replace(c.ofSource))
			target.Exec(t, with.Replace(c.ofTarget))
			m := newCarry(t, source, target, c.body)
			m.sourceURL, m.targetURL = source.URLAs(owner), target.URLAs(applier)
			plan := m.plan(t)
			if got := codes(plan, planner.Refusal); got != c.code {
				t.Fatalf("refused with %q\n%s", got, findings(plan))
			}
			for _, f := range plan.Findings {
				if f.Severity == planner.Refusal && !strings.Contains(f.Detail, with.Replace(c.remedy)) {
					t.Errorf("the remedy is %s", f.Detail)
				}
			}
			source.Exec(t, with.Replace(c.sourceFix))
			target.Exec(t, with.Replace(c.targetFix))
			if c.fixedBody != "" {
				m.body = c.fixedBody
			}
			m.works(t)
		})
	}
}

// works applies the mirror and compares what roles decide about least: rows and
// definitions.
func (c *carry) works(t *testing.T) {
	t.Helper()
	plan, _, err := c.apply(t.Context(), t)
	if err != nil {
		t.Fatalf("%v\n%s", err, findings(plan))
	}
	c.equal(t, plan, verify.Options{MoreOnTarget: true})
}

func TestMissingRoles(t *testing.T) {
	t.Parallel()
	const roles = `
		create role far_owner; create role far_group; create role far_reader login connection limit 5 in role far_group;
		create table a (id int primary key); alter table a owner to far_owner; grant select on a to far_reader;
		alter table a enable row level security; create policy p on a to far_group using (true);`
	source, target := pgtest.Own(t, 15).Database(t, roles), pgtest.Own(t, 15).Database(t, "")
	c := newCarry(t, source, target, "schema {\nowners = true\nprivileges = true\n}")
	plan := c.plan(t)
	if got := codes(plan, planner.Refusal); got != "B122" {
		t.Fatalf("refused with %q\n%s", got, findings(plan))
	}
	for _, f := range plan.Findings {
		if f.Code == "B122" && !strings.Contains(f.Detail, "roles = true") {
			t.Errorf("the remedy is %s", f.Detail)
		}
	}
	c.body = all
	c.arrives(t)
	want := "far_group|f|-1|\nfar_owner|f|-1|\nfar_reader|t|5|"
	if got := target.Query(t, "select rolname, rolcanlogin, rolconnlimit, rolpassword from pg_authid where rolname like 'far%' order by 1"); got != want {
		t.Errorf("the roles are\n%s", got)
	}
}
