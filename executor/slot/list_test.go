package slot_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"bascule/executor/slot"
	"bascule/planner/catalog/pgtest"
)

// What no mirror has is an orphan; what is another's, in use or temporary is none,
// and only orphans are dropped.
func TestListAndPrune(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Own(t, 17), shop)
	for _, name := range []string{"bascule_app_9d7f0c6e", "bascule_old_9d7f0c6e", "bascule_busy_9d7f0c6e", "bascule_app_00000000", "bascule_mine", "debezium"} {
		s.Exec(t, "select pg_create_logical_replication_slot('"+name+"', 'pgoutput')")
		s.Exec(t, "create publication "+name)
	}
	s.Exec(t, "create publication bascule_app_9d7f0c6ei; create publication bascule_old_9d7f0c6ei; create publication bascule_busy_9d7f0c6ei")
	s.Exec(t, "alter publication bascule_old_9d7f0c6e owner to "+s.role+"; alter publication bascule_old_9d7f0c6ei owner to "+s.role)
	busy := s.read("bascule_busy_9d7f0c6e", "bascule_busy_9d7f0c6e")
	if _, err := slot.Temporary(t.Context(), s.open(true).PgConn(), "bascule_gone_9d7f0c6e_copy", slot.Waiting{}); err != nil {
		t.Fatal(err)
	}
	list := func() string {
		t.Helper()
		found, err := slot.List(t.Context(), s.conn, lineage, []string{"mirror.app", "mirror.other"})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, f := range found {
			fmt.Fprintf(&b, "%v %s %q %q %v\n", f.Slot != nil, f.Name(), f.Mirror, f.Lineage, f.Orphan)
			err := slot.Prune(t.Context(), s.conn, f)
			if (err == nil) != f.Orphan {
				t.Errorf("prune %s: %v", f.Name(), err)
			}
		}
		return b.String()
	}
	const kept = `true bascule_app_00000000 "" "00000000" false
true bascule_app_9d7f0c6e "mirror.app" "9d7f0c6e" false
true bascule_busy_9d7f0c6e "" "9d7f0c6e" false
true bascule_gone_9d7f0c6e_copy "" "9d7f0c6e" false
true bascule_mine "" "" false
%sfalse bascule_app_00000000 "" "00000000" false
false bascule_app_9d7f0c6e "mirror.app" "9d7f0c6e" false
false bascule_app_9d7f0c6ei "mirror.app" "9d7f0c6e" false
false bascule_busy_9d7f0c6e "" "9d7f0c6e" false
false bascule_busy_9d7f0c6ei "" "9d7f0c6e" false
false bascule_mine "" "" false
%s`
	const slots, publications = "true bascule_old_9d7f0c6e \"\" \"9d7f0c6e\" true\n",
		"false bascule_old_9d7f0c6e \"\" \"9d7f0c6e\" true\nfalse bascule_old_9d7f0c6ei \"\" \"9d7f0c6e\" true\n"
	if got, want := list(), fmt.Sprintf(kept, slots, publications); got != want {
		t.Errorf("at first:\n%s", got)
	}
	if got, want := list(), fmt.Sprintf(kept, "", ""); got != want {
		t.Errorf("after it:\n%s", got)
	}
	_ = busy.Close(context.Background())
}
