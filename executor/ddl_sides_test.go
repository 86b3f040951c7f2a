package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

const forBoth = "mirrors = [mirror.app, mirror.other]"

// twoMirrors are two of one source, to targets of two versions, as followers of one
// configuration, each with this in its block. The second lacks tables none_*.
func twoMirrors(t *testing.T, body string) (f, g *follower) {
	t.Helper()
	source, target := pgtest.New(t, single+"create table busy (id serial primary key, n int default 0)")
	second := pgtest.Server(t, 17).Database(t, "")
	f = newFollower(t, source, target, body)
	f.more = fmt.Sprintf("peer \"second\" { url = %q }\n", second.URL) + strings.Replace(mirrorBlock("other", `exclude = ["public.none_*"]`+"\n"+body), "peer.target", "peer.second", 1)
	source.Exec(t, "create table none_at_all (id int primary key)")
	f.applied(t)
	other, at := *f, *f.carry
	other.carry = &at
	other.target, other.to = second, plainly(t, second)
	return f, &other
}

// What one of two targets refuses halts that mirror alone; when it is mended, the same
// apply brings the command there, and runs it nowhere again.
func TestCommandFailsOnOneOfTwo(t *testing.T) {
	t.Parallel()
	f, g := twoMirrors(t, "")
	g.target.Exec(t, "create view stands as select a from t")
	f.more += block("x", "alter table public.t drop a", forBoth)
	_, _, err := f.tries(t)
	if err == nil || !strings.Contains(err.Error(), "mirror.other") || !strings.Contains(g.halt(t), "2BP01") || f.halt(t) != "" {
		t.Errorf("%v\nhalts %q %q", err, f.halt(t), g.halt(t))
	}
	g.wants(t, "id b", "id a b")
	f.writes(t, "insert into t values (100, 1)")
	g.target.Exec(t, "drop view stands")
	f.applied(t)
	f.runs(t)
	f.writes(t, "update t set b = 0 where id = 100")
	f.same(t)
	g.same(t, "public.none_%")
	f.settled(t)
}

// A command for two mirrors of one source runs once there, and once on each target.
func TestCommandForTwoMirrors(t *testing.T) {
	t.Parallel()
	f, g := twoMirrors(t, "")
	stop := busy(t, f.source)
	f.writes(t, "insert into t values (100)")
	f.more += block("x", "alter table public.t rename to people; create table public.made (id int primary key, v text)", forBoth)
	f.applied(t)
	f.runs(t)
	f.writes(t, "insert into made values (1, 'x'); update people set b = 0 where id = 100; delete from made; insert into made values (2, 'y')")
	stop()
	f.same(t)
	g.same(t, "public.none_%")
	f.settled(t)
}

// What nobody declared comes to the targets of two mirrors that both log it, from a log of
// each, and nothing of one log to the other's target.
func TestUndeclaredForTwoMirrors(t *testing.T) {
	t.Parallel()
	f, g := twoMirrors(t, logs)
	f.runs(t)
	stop := busy(t, f.source)
	for _, sql := range []string{
		"begin; insert into t values (100, 'x', 1)", "alter table t rename b to c", "insert into t (id, c) values (101, 2); commit",
		"create table made (id int primary key, v text)", "insert into made values (1, 'x')", "alter table made rename to called", "update called set v = 'y'",
		"create table copied as select id, c from t", "insert into copied values (500, 5)", "create table none_here (id int primary key)", "insert into none_here values (1)",
		"create index concurrently by_a on t (a)",
	} {
		f.writes(t, sql)
	}
	stop()
	const notOf = `bascule\_%.ddl`
	f.same(t, notOf)
	g.same(t, notOf, "public.none_%")
	const made = "select count(*) || ' ' || (to_regclass('public.none_here') is not null) from pg_namespace where nspname ~ '^bascule_'"
	for x, want := range map[*follower]string{f: "0 true", g: "0 false"} {
		x.sameRows(t, "indexes", indexes, indexes)
		if got := x.target.Query1(t, made); got != want {
			t.Errorf("a target has %s, want %s", got, want)
		}
	}
	f.settled(t)
}

// What cannot run in a transaction runs on each side by itself.
func TestCommandAlone(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			source := pgtest.Server(t, 15).Database(t, single+"create table busy (id serial primary key, n int default 0)")
			f := newFollower(t, source, pgtest.Server(t, major).Database(t, ""), "")
			f.applied(t)
			f.runs(t)
			stop := busy(t, source)
			f.more = block("x", "create index concurrently by_a on public.t (a)") + block("y", "vacuum public.t", "depends_on = [ddl.x]")
			f.applied(t)
			f.sameRows(t, "indexes", indexes, indexes)
			f.more += block("z", "drop index concurrently public.by_a", "depends_on = [ddl.y]")
			f.applied(t)
			f.sameRows(t, "indexes", indexes, indexes)
			stop()
			f.same(t)
			f.settled(t)
		})
	}
}

const indexes = "select indexdef, (select indisvalid from pg_index where indexrelid = indexname::regclass) from pg_indexes where tablename = 't'"

// A statement that fails on one side alone leaves nothing invalid behind, and goes on
// when the cause is gone.
func TestCommandAloneFails(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.target.Exec(t, "update t set a = 'same' where id < 3")
	f.more = block("x", "create unique index concurrently by_a on public.t (a)")
	if _, _, err := f.tries(t); err == nil || !strings.Contains(err.Error(), "could not create unique index") {
		t.Errorf("%v", err)
	}
	if got := f.target.Query(t, "select count(*) from pg_indexes where tablename = 't'"); got != "1" {
		t.Errorf("%s indexes", got)
	}
	f.target.Exec(t, "update t set a = 'a' || id")
	f.applied(t)
	f.sameRows(t, "indexes", indexes, indexes)
	f.settled(t)
}

// What somebody ran on the source by hand halts the mirror where the rows no longer
// fit, and the block that says so has it go on.
func TestCommandRanOnSource(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rule, command, after string
		halts                bool
	}{
		{"a column", "alter table public.t add n int default 7 not null", "update t set n = id where id < 5; insert into t values (101, 'x', 1, 9)", true},
		{"a column that goes", "alter table public.t drop b", "update t set a = 'y' where id < 5; insert into t values (101, 'x')", false},
		{"a column that is renamed", "alter table public.t rename b to c", "update t set c = 0 where id < 5", true},
		{"a table that is renamed", "alter table public.t rename to people", "update people set b = 0 where id < 5; delete from people where id = 9", false},
		{"an index", "create index by_a on public.t (a)", "insert into t values (101)", false},
		{"a key that goes", "alter table public.t drop constraint t_pkey", "insert into t values (101), (101)", false},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			t.Parallel()
			f := commanded(t, "")
			f.runs(t)
			f.writes(t, "insert into t values (100, 'before', 1)", tc.command, tc.after)
			if tc.halts {
				pgtest.Eventually(t, func() error {
					if halt := f.halt(t); !strings.Contains(halt, `"shape"`) {
						return fmt.Errorf("halt %q", halt)
					}
					return nil
				})
			}
			f.more = block("x", tc.command, "ran_on_source = true")
			f.applied(t)
			f.same(t)
			f.sameRows(t, "shape", shape, shape)
			f.settled(t)
		})
	}
}

// A command that is declared together with a new mirror runs once that streams.
func TestCommandWithNewMirror(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, single)
	f := newFollower(t, source, target, "")
	f.more = block("x", added)
	f.applied(t)
	f.wants(t, "id a b n", "id a b n")
	f.runs(t)
	f.writes(t, "update t set n = 1")
	f.same(t)
	f.settled(t)
}

// A table that somebody else made meanwhile does not join by a command: it has rows
// that are nowhere else. The next plan adds it.
func TestCommandBesideNewTable(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.runs(t)
	f.source.Exec(t, "create table theirs (id int primary key); insert into theirs values (1)")
	f.more = block("x", "create table public.ours (id int primary key)")
	if _, _, err := f.triesOnly(t, "ddl.x"); err != nil {
		t.Fatal(err)
	}
	f.writes(t, "insert into ours values (1); insert into theirs values (2)")
	f.same(t, "public.theirs")
	works(t, f.applied(t), "theirs add ")
	f.same(t)
	f.settled(t)
}

// A table that somebody made by hand on the source has rows that no stream has: the
// block makes it on the target, and the next plan copies it there.
func TestCommandRanOnSourceForNewTable(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.runs(t)
	const made = "create table public.made (id int primary key, v text)"
	f.writes(t, made, "insert into made values (1, 'x'); insert into t values (100)")
	f.more = block("x", made, "ran_on_source = true")
	if _, _, err := f.triesOnly(t, "ddl.x"); err != nil {
		t.Fatal(err)
	}
	f.writes(t, "insert into made values (2, 'y'); update made set v = 'z' where id = 1")
	works(t, f.applied(t), "made again ")
	f.writes(t, "delete from made where id = 1")
	f.same(t)
	f.settled(t)
}

// Plain roles that own what a command alters run it on both sides.
func TestCommandByPlainRoles(t *testing.T) {
	t.Parallel()
	f := plainFollower(t, "create schema shop; create table shop.t (id int primary key, a text, b int); insert into shop.t select i, 'a', i from generate_series(1, 9) i", "")
	f.granted(t)
	f.applied(t)
	f.runs(t)
	f.writes(t, "update shop.t set b = 0 where id = 1")
	f.more = block("x", "alter table shop.t add n int default 3; create table shop.made (id int primary key); alter table shop.t rename a to c") +
		block("y", "create index concurrently by_n on shop.t (n)")
	f.applied(t)
	f.writes(t, "update shop.t set n = 4 where id = 2; insert into shop.made values (1)")
	f.same(t)
	f.settled(t)
	// What belongs to another role is refused, and has happened nowhere.
	f.source.Exec(t, "create table shop.foreign_table (id int primary key)")
	f.more += block("z", "alter table shop.foreign_table add n int")
	if _, _, err := f.triesOnly(t, "ddl.z"); err == nil {
		t.Error("it ran")
	}
}

// What commands made or renamed is found by who adds and copies tables later.
func TestTablesAfterCommands(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, single+"create table later (id int primary key)")
	f := newFollower(t, source, target, `exclude = ["public.later"]`)
	f.applied(t)
	f.runs(t)
	f.more = block("x", `create type public.mood as enum ('sad'); create function public.one(n int) returns int immutable language sql as 'select 1';
		alter table public.t add m public.mood; alter table public.t rename to people; create table public.made (id serial primary key, m public.mood, t int references public.people);
		create index by_one on public.people (public.one(b)); alter table public.people add constraint positive check (id > 0), add unique (a)`)
	f.applied(t)
	f.writes(t, "insert into made (m, t) values ('sad', 1); create table felt (id int primary key, m mood default 'sad', made int references made, check (one(id) > 0)); insert into felt values (1)")
	f.body = ""
	works(t, f.applied(t), "felt add later add ")
	f.same(t)
	f.replaced(t, `mirror.app.table["public.people"]`, `mirror.app.table["public.made"]`)
	f.writes(t, "insert into made (m) values ('sad'); update people set b = 0; update felt set made = 1")
	f.same(t)
	f.sameRows(t, "shape", shape, shape)
	f.sameRows(t, "constraints", "select conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace", "select conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace")
	f.settled(t)
}
