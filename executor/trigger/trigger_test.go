package trigger_test

import (
	"os"
	"slices"
	"testing"

	"bascule/executor/trigger"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// Triggers fire after the mirror as they did before it: those that were off stay off,
// and what somebody else switched since is his.
func TestTriggersAreRestored(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, `
		create function f() returns trigger language plpgsql as 'begin return new; end';
		create table a (id int);
		create table "B b" (id int);
		create trigger "Plain" before insert on a for each row execute function f();
		create trigger always before insert on a for each row execute function f();
		create trigger replica before insert on a for each row execute function f();
		create trigger off before insert on a for each row execute function f();
		create trigger other before insert on "B b" for each row execute function f();
		alter table a enable always trigger always;
		alter table a enable replica trigger replica;
		alter table a disable trigger off`)
	conn, state := db.Conn(t), func() string {
		return db.Query(t, "select tgname || ' ' || tgenabled::text from pg_trigger where not tgisinternal order by tgname collate \"C\"")
	}
	before := state()
	tables := []string{`"public"."a"`, `"public"."B b"`, `"public"."gone"`}
	var list []planner.Trigger
	for range 2 { // the second time they are off already
		var err error
		if list, err = trigger.Find(t.Context(), conn, tables, list); err != nil {
			t.Fatal(err)
		}
		if len(list) != 4 {
			t.Errorf("found %v", list)
		}
		if err := trigger.Silence(t.Context(), conn, list); err != nil {
			t.Fatal(err)
		}
		if got := state(); got != "Plain D\nalways D\noff D\nother D\nreplica D" {
			t.Errorf("silenced:\n%s", got)
		}
	}
	db.Exec(t, `drop trigger replica on a; create trigger replica before insert on a for each row execute function f(); alter table a enable always trigger "Plain"`)
	list = append(slices.Clone(list), planner.Trigger{Table: `"public"."gone"`, Name: "x", Was: "enable"})
	for range 2 {
		if err := trigger.Restore(t.Context(), conn, list); err != nil {
			t.Fatal(err)
		}
		if got := state(); got != "Plain A\nalways A\noff D\nother O\nreplica O" {
			t.Errorf("before:\n%s\nrestored:\n%s", before, got)
		}
	}
}
