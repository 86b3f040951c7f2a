package executor_test

import (
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

const keyless = `
	create table t (a int, b text); insert into t values (1, 'x'), (1, 'x'), (2, 'y'), (null, null);
	create table late (id int primary key deferrable, v int); insert into late values (1, 1);
	create table indexed (a int not null, b int not null, c text); create unique index u on indexed (b, a); insert into indexed values (1, 1, 'x'), (2, 1, 'y');`

const identities = "select string_agg(relname || ' ' || relreplident::text, ', ' order by relname) from pg_class where relname in ('t', 'late', 'indexed')"

// A table without a key is followed for its inserts, and its source's application can
// still write to it as it could.
func TestTablesWithoutKeysAreInsertOnly(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, keyless)
	f := newFollower(t, source, target, "")
	before := source.Query1(t, identities)
	plan := f.applied(t)
	if got := codes(plan, planner.Warning); !strings.Contains(got, "B102") {
		t.Errorf("warnings are %s", got)
	}
	f.runs(t)
	f.writes(t, "insert into t values (3, 'z'), (3, 'z'); insert into late values (2, 2); insert into indexed values (3, 3, 'z')")
	f.same(t)
	f.writes(t, "update t set b = 'moved' where a = 1; delete from t where a = 2; update late set v = 7; delete from late where id = 2; update indexed set c = 'moved'")
	f.arrived(t)
	if got, want := target.Query(t, "select * from t order by 1, 2"), "1|x\n1|x\n2|y\n3|z\n3|z\n|"; got != want {
		t.Errorf("the target has %s", got)
	}
	f.writes(t, "truncate t, late, indexed; insert into t values (9, 'after')")
	f.same(t)
	if got := source.Query1(t, identities); got != before {
		t.Errorf("replica identities went from %s to %s", before, got)
	}
	f.settled(t)
}

// A replica identity that the configuration asks for is planned, made, and put back.
func TestReplicaIdentitiesAreChangedAndPutBack(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, keyless+"create table keyed (id int primary key, v text, w json); insert into keyed values (1, 'a', '{}')")
	before := source.Query(t, catalogue)
	f := newFollower(t, source, target, `
		table "public.t" { replica_identity = "full" }
		table "public.late" { replica_identity = "full" }
		table "public.keyed" { replica_identity = "full" }
		table "public.indexed" { replica_identity = "index:u" }`)
	source.Exec(t, "drop table mark")
	if source.Query(t, catalogue) != before {
		t.Fatal("the catalogue does not return to what it was even without a mirror")
	}
	source.Exec(t, "create table mark (id bigserial primary key)")
	before = source.Query(t, catalogue)
	plan := f.applied(t)
	var steps strings.Builder
	for _, s := range plan.Changes[0].Steps {
		steps.WriteString(strings.Join(s.SQL, "; ") + "\n")
	}
	for _, want := range []string{`alter table only "public"."t" replica identity full`, `alter table only "public"."indexed" replica identity using index "u"`} {
		if !strings.Contains(steps.String(), want) {
			t.Errorf("the plan has no step %q:\n%s", want, &steps)
		}
	}
	if got, want := source.Query1(t, identities), "indexed i, late f, t f"; got != want {
		t.Errorf("replica identities are %s", got)
	}
	stop := f.runs(t)
	f.writes(t, "insert into t values (1, 'x'), (7, null); update t set b = 'moved' where ctid = (select min(ctid) from t where a = 1); delete from t where ctid = (select max(ctid) from t where a = 1 and b = 'x')",
		"update t set a = null; update t set a = 5 where b is null; delete from t where b = 'y'; insert into t select null, null from generate_series(1, 5); delete from t where ctid in (select ctid from t where a is null limit 3)",
		"begin; insert into t values (10, 'q'); update t set b = 'r' where a = 10; update t set b = 's' where a = 10; delete from t where a = 10; insert into t values (10, 't'), (10, 't'); delete from t where ctid = (select max(ctid) from t where a = 10); commit",
		"insert into late values (2, 2); update late set id = 3 - id; update late set v = null; delete from late where id = 1",
		"update indexed set c = 'moved' where a = 1; update indexed set a = 100 where a = 2; delete from indexed where a = 1; insert into indexed values (1, 1, null)",
		"update keyed set v = 'b'; update keyed set id = 2, w = '{\"a\": 1, \"a\": 2}'; insert into keyed values (1, 'c', 'null'); delete from keyed where id = 2")
	f.same(t)
	f.settled(t)
	stop()
	f.removed(t)
	if got := source.Query(t, catalogue); got != before {
		t.Errorf("the source's catalogues went from\n%s\nto\n%s", before, got)
	}
}

// removed takes the mirror out of the configuration, which must work.
func (f *follower) removed(t *testing.T) {
	t.Helper()
	if plan, result, err := f.removes(t); err != nil || len(result.Left) > 0 {
		t.Fatalf("%v, left %v\n%s%s", err, result.Left, findings(plan), f.events)
	}
	if got := f.target.Query1(t, "select count(*) from pg_namespace where nspname = 'bascule'"); got != "0" {
		t.Error("the ledger is still there")
	}
}

// What is made on the source goes with the mirror, whatever state it is in, and what
// is on the target stays.
func TestRemovalLeavesNothingOnTheSource(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"applied", "streaming", "halted", "paused"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.Server(t, 15).Database(t, ""), pgtest.Server(t, 15).Database(t, "")
			source.Load(t, everything)
			f := newFollower(t, source, target, "")
			before := source.Query(t, catalogue)
			if how == "paused" {
				f.body = "paused = true"
			}
			f.applied(t)
			rows := target.Query(t, contents)
			switch how {
			case "streaming":
				f.runs(t)
				f.arrived(t)
				rows = ""
			case "halted":
				f.runs(t)
				f.arrived(t)
				target.Exec(t, "drop table mark")
				f.writes(t, "insert into mark default values")
				target.Eventually(t, "select count(*) from bascule.stream where halt is not null", "1")
				rows = ""
			}
			f.removed(t)
			if got := source.Query(t, catalogue); got != before {
				t.Errorf("the source's catalogues went from\n%s\nto\n%s", before, got)
			}
			if got := target.Query(t, contents); rows != "" && got != rows {
				t.Errorf("the target's contents went from\n%s\nto\n%s", rows, got)
			}
		})
	}
}
