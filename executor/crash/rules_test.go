package crash_test

import (
	"testing"

	"bascule/planner/catalog/pgtest"
)

// The rules tell one view of the source from a mixture of two: they break when any
// one table is as it was some transactions before.
func TestRulesSeeMixtures(t *testing.T) {
	t.Parallel()
	const act = "select act(1 + i % 2) from generate_series(1, 60) i;"
	tables := []string{"account_a", "account_b", "account_c", "parent", "child", "tally", "history"}
	setup := bankSchema + ";" + act
	for _, name := range tables {
		setup += "create table old_" + name + " as table " + name + ";"
	}
	db := pgtest.Server(t, 15).Database(t, setup+act)
	if broken := brokenRules(t, db); len(broken) > 0 {
		t.Fatalf("broken from the start: %q", broken)
	}
	for _, name := range tables {
		fill := func(from string) {
			db.Exec(t, "set session_replication_role = replica; delete from "+name+"; insert into "+name+" overriding system value table "+from)
		}
		db.Exec(t, "create table now_"+name+" as table "+name)
		fill("old_" + name)
		if len(brokenRules(t, db)) == 0 {
			t.Errorf("an old %s breaks no rule", name)
		}
		fill("now_" + name)
	}
	if broken := brokenRules(t, db); len(broken) > 0 {
		t.Errorf("broken in the end: %q", broken)
	}
}
