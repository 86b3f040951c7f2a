package planner_test

import (
	"slices"
	"strings"
	"testing"

	"bascule/planner"
)

// A word that is changed in engine is a change in place, and the plan says who goes on,
// and that nothing is copied again.
func TestEngineChanges(t *testing.T) {
	names := map[string]string{"stream": "Bascule's stream", "subscription": "the target's subscription", "pglogical": "pglogical"}
	for from, carried := range names {
		for to, carries := range names {
			w := newPglogical("")
			w.dst.Params["max_logical_replication_workers"] = "4"
			w.hcl = strings.Replace(w.hcl, `"pglogical"`, `"`+from+`"`, 1)
			w.streaming(t)
			w.handed(from)
			w.hcl = strings.Replace(w.hcl, `engine = "`+from, `engine = "`+to, 1)
			p := w.plan(t)
			if from == to {
				if len(p.Changes) > 0 {
					t.Errorf("%s: %+v", from, p.Changes)
				}
				continue
			}
			if len(p.Changes) != 1 || p.Refused() {
				t.Fatalf("%s to %s: %+v %+v", from, to, p.Changes, p.Findings)
			}
			c := p.Changes[0]
			want := carried + " hands over to " + carries + ", which goes on from the same position: nothing is copied again for it"
			if c.Action != planner.Update || c.Reason != want || c.Mirror.Bytes != 0 {
				t.Errorf("%s to %s: %s: %s, %d bytes", from, to, c.Action, c.Reason, c.Mirror.Bytes)
			}
			if slices.ContainsFunc(c.Mirror.Tables, func(x planner.Table) bool { return x.Work != "" }) || slices.ContainsFunc(c.Steps, func(s planner.Step) bool { return s.Kind == "copy" }) {
				t.Errorf("%s to %s: something is copied: %+v", from, to, c.Steps)
			}
		}
	}
}
