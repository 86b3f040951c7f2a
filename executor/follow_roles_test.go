package executor_test

import (
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// plainFollower is a mirror of what a plain role owns (see plain), by plain roles on
// both sides.
func plainFollower(t *testing.T, schema, body string) *follower {
	t.Helper()
	source := pgtest.Server(t, 15).Database(t, "")
	owner, _ := source.Role(t, "replication")
	source.Exec(t, "grant create on database "+source.Name+" to "+owner)
	as(t, source, owner, schema)
	target, applier := plainTarget(t)
	target.Exec(t, "grant create on schema public to "+applier)
	f := newFollower(t, source, target, body)
	source.Exec(t, "alter table public.mark owner to "+owner)
	f.sourceURL, f.targetURL = source.URLAs(owner), target.URLAs(applier)
	return f
}

// granted lets the target's role write without its triggers.
func (f *follower) granted(t *testing.T) {
	t.Helper()
	f.target.Exec(t, "grant set on parameter session_replication_role to "+f.role())
}

func (f *follower) role() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(f.targetURL, "postgres://"), ":")
	return name
}

func TestRolesThatFollow(t *testing.T) {
	long(t)
	t.Parallel()
	f := plainFollower(t, plain, "")
	f.granted(t)
	impatient(t, f)
	before := onSource(t, f.source)
	f.applied(t)
	stop := f.runs(t)
	f.writes(t, `insert into shop.customers (name, share) values ('new', 7); update shop.customers set mood = 'sad', share = null where id < 10; delete from shop.customers where id = 20`,
		"insert into shop.orders (customer, pair) values (1, row (1, 'x')); update shop.orders set pair = null where id < 20; delete from shop.orders where id > 490",
		"insert into shop.events values (9000, '2024-03-01'), (9001, '2030-01-01')", "begin; truncate shop.orders restart identity; insert into shop.orders (customer) values (3); commit")
	f.same(t, "shop.scratch")
	f.settled(t)
	stop()
	f.removed(t)
	if got := onSource(t, f.source); got != before {
		t.Errorf("the source's catalogues went from\n%s\nto\n%s", before, got)
	}
}

// impatient sets, on both roles, what ends the work of others and not ours.
func impatient(t *testing.T, f *follower) {
	t.Helper()
	for db, url := range map[*pgtest.DB]string{f.source: f.sourceURL, f.target: f.targetURL} {
		for _, setting := range []string{"statement_timeout = '1s'", "lock_timeout = '10ms'", "idle_in_transaction_session_timeout = '100ms'", "idle_session_timeout = '1s'",
			"default_transaction_read_only = on", "wal_sender_timeout = '3s'", "tcp_user_timeout = 1", "work_mem = '64kB'", "temp_buffers = '800kB'"} {
			name, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres://"), ":")
			db.Exec(t, "alter role "+name+" set "+setting)
		}
	}
}

const touched = `
	create schema shop; create table shop.t (id int primary key, v text, n int default 0); create table shop.u (id int primary key);
	create function shop.touch() returns trigger language plpgsql as 'begin new.n := new.n + 1; return new; end';
	create trigger touch before insert or update on shop.t for each row execute function shop.touch();
	create trigger off before insert or update on shop.t for each row execute function shop.touch();
	alter table shop.t disable trigger off;
	insert into shop.t values (1, 'a'), (2, 'b');`

// A role that may not set session_replication_role has the triggers of its own tables
// switched off while the mirror lives.
func TestTriggersAreSwitchedOff(t *testing.T) {
	long(t)
	t.Parallel()
	f := plainFollower(t, touched, "")
	const states = "select string_agg(tgname || ' ' || tgenabled::text, ', ' order by tgname) from pg_trigger where not tgisinternal"
	f.applied(t)
	if got := f.target.Query1(t, states); got != "off D, touch D" {
		t.Errorf("triggers are %s", got)
	}
	stop := f.runs(t)
	f.writes(t, "insert into shop.t values (3, 'c'); update shop.t set v = v || '!'; insert into shop.u values (1)")
	f.same(t)
	f.settled(t)
	stop()
	f.removed(t)
	if got := f.target.Query1(t, states); got != "off D, touch O" {
		t.Errorf("triggers are %s after the removal", got)
	}
}

// What a role lacks is said before anything is made, with the remedy.
func TestWhatARoleCannotFollow(t *testing.T) {
	long(t)
	t.Parallel()
	const keys = "create schema shop; create table shop.t (id int primary key); create table shop.u (id int primary key, t int references shop.t)"
	for _, c := range []struct{ rule, source, remedy string }{
		{"no REPLICATION", "alter role $S noreplication", "REPLICATION"},
		{"no CREATE on the database", "revoke create on database $D from $S", "GRANT CREATE ON DATABASE $D TO $S"},
		{"a table of another", "create table shop.other (id int primary key); grant select on shop.other to $S", "GRANT postgres TO $S"},
		{"foreign keys on the target", "", "GRANT SET ON PARAMETER session_replication_role TO $T"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			f := plainFollower(t, keys, "")
			name, _, _ := strings.Cut(strings.TrimPrefix(f.sourceURL, "postgres://"), ":")
			fill := strings.NewReplacer("$S", name, "$T", f.role(), "$D", f.source.Name)
			if c.source != "" {
				f.granted(t)
				f.source.Exec(t, fill.Replace(c.source))
			}
			before := f.source.Query(t, catalogue)
			plan, _, err := f.tries(t)
			if err == nil {
				t.Fatal("it was applied")
			}
			said := ""
			for _, x := range plan.Findings {
				if x.Severity == planner.Refusal {
					said += x.Code + " " + x.Summary + ": " + x.Detail + "\n"
				}
			}
			if !strings.Contains(said, fill.Replace(c.remedy)) {
				t.Errorf("%v; no %q in\n%s", err, fill.Replace(c.remedy), said)
			}
			if got := f.source.Query(t, catalogue); got != before {
				t.Error("a refusal left something on the source")
			}
			if got := f.target.Query1(t, "select count(*) from pg_namespace where nspname in ('bascule', 'shop')"); got != "0" {
				t.Error("a refusal left something on the target")
			}
		})
	}
}
