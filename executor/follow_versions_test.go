package executor_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// Sources of the oldest versions that can be followed: 13 sends values as text and has
// no messages, and no version before 15 takes the newer form of what is asked of it.
func TestOldSources(t *testing.T) {
	long(t)
	t.Parallel()
	for _, major := range []int{13, 14} {
		for _, c := range changes {
			t.Run(fmt.Sprintf("%d, %s", major, c.rule), func(t *testing.T) {
				t.Parallel()
				source := pgtest.Server(t, major).Database(t, c.schema)
				f := newFollower(t, source, pgtest.Server(t, 15).Database(t, ""), c.body)
				f.applied(t)
				stop := f.runs(t)
				f.writes(t, c.writes...)
				f.same(t, c.leftOut...)
				f.settled(t)
				stop()
				f.removed(t)
			})
		}
	}
}
