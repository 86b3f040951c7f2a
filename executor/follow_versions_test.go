package executor_test

import (
	"fmt"
	"os"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// Sources of the oldest versions that can be followed: 13 sends values as text and has
// no messages, and no version before 15 takes the newer form of what is asked of it.
// .ci/install has no servers of them: BASCULE_TEST_PG13 and PG14 name some.
func TestOldSources(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 14} {
		if name := fmt.Sprintf("BASCULE_TEST_PG%d", major); os.Getenv(name) == "" {
			t.Logf("not tried with %d: %s names no servers", major, name)
			continue
		}
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
