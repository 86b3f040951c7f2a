package executor_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// A command ends pglogical's worker, which the server starts again after five seconds, and
// then after three minutes: the apply that waits for it tells why, and starts it when the
// cause is gone.
func TestCommandWhoseCauseGoes(t *testing.T) {
	t.Parallel()
	x := newEngined(t, "pglogical", 15, 15, nil)
	x.applied(t)
	x.target.Exec(t, "alter table account add column note text")
	x.more = block("noted", "alter table public.account add column note text")
	var g sync.WaitGroup
	g.Go(func() {
		pgtest.Eventually(t, func() error {
			if strings.Count(x.events.String(), "is down") < 2 {
				return fmt.Errorf("it is not said twice:\n%s", x.events)
			}
			return nil
		})
		x.target.Exec(t, "alter table account drop column note")
	})
	x.applied(t)
	g.Wait()
	if !x.handed(t) {
		t.Error("taken from pglogical")
	}
	x.writes(t, "update account set note = 'x' where id < 50")
	x.equal(t)
	x.settled(t)
}
