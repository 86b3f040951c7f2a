package command

import (
	"strings"
	"testing"
	"time"

	"bascule/planner/catalog"
)

// An engine that does not move is told once for each that it waits for, and again after
// it has moved.
func TestStillness(t *testing.T) {
	t.Parallel()
	var w stillness
	for i, c := range []struct {
		at       catalog.LSN
		blockers string
		want     string // "": nothing
	}{
		{1, "", ""}, {2, "", ""}, {2, "", "works on one transaction"}, {2, "", ""}, {2, "pid 7", "a lock of pid 7"}, {2, "pid 7", ""},
		{3, "pid 7", ""}, {3, "pid 7", "a lock of pid 7"},
	} {
		got := w.next(c.at, 9, c.blockers)
		w.looked = time.Now()
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
}
