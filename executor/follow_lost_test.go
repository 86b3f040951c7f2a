package executor_test

import (
	"os"
	"path/filepath"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// The state file of a mirror that streams is lost: the next apply takes the mirror over
// by what its target says, copies nothing, and the runner goes on with it. All of it
// is known again: a later removal leaves nothing.
func TestLostStateOfAStreamingMirror(t *testing.T) {
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, bank+"; create table log (line text); insert into log values ('one')")
	target := pgtest.Server(t, 15).Database(t, "")
	f := newFollower(t, source, target, "table \"public.log\" {\nreplica_identity = \"full\"\n}")
	before := onSource(t, source)
	f.applied(t)
	f.runs(t)
	const slots = "select slot_name from pg_replication_slots where database = current_database()"
	slot := source.Query1(t, slots)
	trading(t, source, func() {
		f.arrived(t)
		if err := os.Remove(filepath.Join(f.dir, "bascule.state.json")); err != nil {
			t.Fatal(err)
		}
		copied := f.events.count("CopyStarted")
		plan := f.applied(t)
		if len(plan.Changes) != 1 || plan.Changes[0].Mirror == nil || plan.Changes[0].Mirror.AdoptFrom == "" {
			t.Errorf("the plan was not to adopt: %+v", plan.Changes)
		}
		if got := f.events.count("CopyStarted"); got != copied {
			t.Errorf("it was copied again\n%s", f.events)
		}
		f.settled(t)
		f.arrived(t)
	})
	f.writes(t, "update log set line = line || '!'", "insert into log values ('two')")
	f.same(t)
	f.balances(t)
	f.settled(t)
	if got := source.Query(t, slots); got != slot {
		t.Errorf("the slots are %s, and were %s", got, slot)
	}
	const owners = `select string_agg(distinct mirror, ' ') from (select mirror from bascule.stream union all select mirror from bascule.position
		union all select mirror from bascule.member union all select mirror from bascule.relation union all select mirror from bascule.object union all select id from bascule.mirror) m`
	_, _, file := f.load(t, f.text())
	if got, want := target.Query1(t, owners), file.Lineage[:8]+"/mirror.app"; got != want {
		t.Errorf("records are of %s, want %s", got, want)
	}
	f.body += "\nstream {\nmax_delay = \"10ms\"\n}" // a change of what was adopted
	f.applied(t)
	f.same(t)
	f.settled(t)
	f.removed(t)
	if after := onSource(t, source); after != before {
		t.Errorf("the source was\n%s\nand is\n%s", before, after)
	}
}
