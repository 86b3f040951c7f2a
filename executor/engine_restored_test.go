package executor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// A target that was restored to a backup of before the last apply lacks rows that the
// source does not send again, whatever its subscription says: the plan tells, and
// everything is copied again.
func TestEngineOfARestoredTarget(t *testing.T) {
	t.Parallel()
	target := pgtest.Own(t, 15)
	f := newFollower(t, pgtest.Server(t, 15).Database(t, removable), target.Database(t, ""), "engine = \"subscription\"")
	f.applied(t)
	data, backup := filepath.Join(target.Dir(), "data"), filepath.Join(target.Dir(), "backup")
	target.Stop(t)
	copied(t, data, backup)
	target.Start(t)
	f.to = plainly(t, f.target)

	f.writes(t, "create table b (id int primary key); insert into b values (1); insert into a values (1000, 'x')")
	f.applied(t)
	f.arrived(t)
	f.settled(t)

	target.Stop(t)
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	copied(t, backup, data)
	target.Start(t)
	f.to = plainly(t, f.target)
	plan := f.planned(t)
	if codes(plan, planner.Refusal) != "B173" || !strings.Contains(findings(plan), "was restored to a time before the last apply") {
		t.Errorf("a target that was restored: %s", findings(plan))
	}
	f.replaced(t, "mirror.app")
	f.same(t)
	f.settled(t)
}

// copied copies a folder with owners and rights.
func copied(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
