package executor_test

import (
	"testing"

	"bascule/planner/catalog/pgtest"
)

// A connection to the source that stands still for so long that the source gives it
// up, and one to the target that stands still with a batch under way: when data gets
// through again, all of it arrives, once.
func TestConnectionsStandStill(t *testing.T) {
	long(t)
	t.Parallel()
	source := pgtest.Own(t, 15, pgtest.WithSettings(map[string]string{"wal_sender_timeout": "2s"})).Database(t, bank)
	target := pgtest.Server(t, 15).Database(t, "")
	toSource, toTarget := pgtest.NewWire(t, source), pgtest.NewWire(t, target)
	f := newFollower(t, source, target, "")
	f.sourceURL, f.targetURL = toSource.URL, toTarget.URL
	f.applied(t)
	f.runs(t)
	const senders = "select count(*) from pg_stat_replication where application_name = 'bascule/app/stream'"
	trading(t, source, func() {
		f.arrived(t)
		source.Eventually(t, senders, "1")
		toSource.Hold()
		source.Eventually(t, senders, "0")
		toSource.Flow()
		f.arrived(t)

		toTarget.Hold()
		count := source.Query1(t, "select count(*) from transfer")
		source.Eventually(t, "select count(*) > "+count+" + 200 from transfer", "t")
		toTarget.Flow()
		f.arrived(t)

		toTarget.Hold()
		toSource.Hold()
		source.Eventually(t, senders, "0")
		toTarget.Cut()
		toSource.Cut()
		f.arrived(t)
	})
	f.same(t)
	f.balances(t)
	f.settled(t)
}
