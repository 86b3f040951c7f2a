package executor_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
	"bascule/state"
)

// away is a mirror whose target goes away.
type away struct {
	*follower
	kind   string
	before string // its source, before the mirror
}

// A target that cannot be reached: the source is put in order at once, and lets go of its
// WAL; the mirror stays in the state, with no word but a warning, and the rest goes when
// the target is back. So it is with each engine, and with a mirror that copied once.
func TestRemovalWithoutItsTarget(t *testing.T) {
	t.Parallel()
	source, target := pgtest.Pglogical(t, 15), pgtest.Pglogical(t, 15)
	var mirrors []*away
	for _, kind := range []string{"stream", "subscription", "pglogical", "once"} {
		body := fmt.Sprintf("engine = %q", kind)
		switch kind {
		case "stream":
			body = "stream { ddl = \"auto\" }\n" + byIdentities
		case "once":
			body = "continuous = false"
		}
		m := &away{follower: newFollower(t, source.Database(t, removable), target.Database(t, ""), body+"\nprotect = true"), kind: kind}
		m.before = onSource(t, m.source)
		m.applied(t)
		mirrors = append(mirrors, m)
	}
	target.Stop(t)
	for _, m := range mirrors {
		m.unprotected(t)
		m.leaves(t)
		m.staysSaid(t)
	}
	if got := mirrors[0].source.Query1(t, leftOver); got != nothingLeft {
		t.Errorf("left on the source: %s", got)
	}
	target.Start(t)
	for _, m := range mirrors {
		m.declaredAgain(t)
		m.gone(t, m.before)
	}
	if got := mirrors[0].target.Query1(t, leftOver); got != nothingLeft {
		t.Errorf("left on the target: %s", got)
	}
}

// unprotected lifts the mirror's protection, for which its target is not asked.
func (m *away) unprotected(t *testing.T) {
	t.Helper()
	if plan, _, err := m.removes(t); err == nil || codes(plan, planner.Refusal) != "B144" {
		t.Errorf("%s, protected: %v\n%s", m.kind, err, findings(plan))
	}
	m.body = strings.Replace(m.body, "protect = true", "", 1)
	if plan := m.applied(t); len(plan.Changes) != 1 || codes(plan, planner.Warning) != "B101" {
		t.Errorf("%s, the protection is lifted: %+v\n%s", m.kind, plan.Changes, findings(plan))
	}
}

// leaves removes the mirror while its target is away.
func (m *away) leaves(t *testing.T) {
	t.Helper()
	plan, result, err := m.removes(t)
	if err != nil || len(plan.Changes) != 1 || plan.Changes[0].Action != planner.Remove || codes(plan, planner.Warning) != "B101 B227" {
		t.Fatalf("%s: %v\n%+v\n%s%s", m.kind, err, plan.Changes, findings(plan), m.events)
	}
	if r := result.Outcomes[0]; !strings.Contains(r.Remark, "bascule state rm 'mirror.app'") {
		t.Errorf("%s: remark %q", m.kind, r.Remark)
	}
	if got := strings.Join(result.Left, "; "); got != "peer.target: what mirror.app has made there, and its records in schema bascule" {
		t.Errorf("%s: left %s", m.kind, got)
	}
	if after := onSource(t, m.source); after != m.before {
		t.Errorf("%s: the source was\n%s\nand is\n%s", m.kind, m.before, after)
	}
}

// staysSaid demands that another apply has nothing to do, and says what stays.
func (m *away) staysSaid(t *testing.T) {
	t.Helper()
	plan, _, err := m.removes(t)
	if err != nil || !plan.Empty() || codes(plan, planner.Warning) != "B101 B227" {
		t.Errorf("%s, again: %v\n%+v\n%s", m.kind, err, plan.Changes, findings(plan))
	}
	_, _, file := m.load(t, m.peersOnly())
	if r := file.Find("mirror.app"); r == nil || r.Status != state.Removing || !r.Left() {
		t.Errorf("%s, in the state: %+v", m.kind, r)
	}
}

// declaredAgain demands that a block which is put back is not taken for a mirror that
// still follows its source. What was copied once is as good as it was.
func (m *away) declaredAgain(t *testing.T) {
	t.Helper()
	plan := m.planned(t)
	if m.kind == "once" {
		if len(plan.Changes) != 1 || plan.Changes[0].Mirror.AdoptFrom == "" {
			t.Errorf("%s, declared again: %+v\n%s", m.kind, plan.Changes, findings(plan))
		}
		return
	}
	if codes(plan, planner.Refusal) != "B173" {
		t.Errorf("%s, declared again: %+v\n%s", m.kind, plan.Changes, findings(plan))
	}
}

// A source that cannot be reached: the target is put in order at once, what is on the
// source is named, and goes when it is back.
func TestEngineRemovalWithoutItsSource(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"subscription", "pglogical"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			server := pgtest.Own
			if engine == "pglogical" {
				server = pgtest.Pglogical
			}
			source := server(t, 15).Database(t, removable)
			f := newFollower(t, source, server(t, 15).Database(t, ""), fmt.Sprintf("engine = %q", engine))
			before := onSource(t, source)
			f.applied(t)
			slot := source.Query1(t, "select slot_name from pg_replication_slots")
			source.Stop(t)
			for range 2 {
				plan, result, err := f.removes(t)
				var away *session.ConnectError
				if !errors.As(err, &away) || away.Address != "peer.source" || codes(plan, planner.Warning) != "B101 B175" {
					t.Fatalf("%v\n%s", err, findings(plan))
				}
				if text, holds := strings.Join(result.Left, "\n"), planner.HeldBy(engine, "bascule_app_"); !strings.Contains(text, holds) || !strings.Contains(findings(plan), holds) {
					t.Errorf("%s is not said to be left:\n%s\n%s", holds, text, findings(plan))
				}
				if got := f.target.Query1(t, leftOver); got != "0 slots, 0 publications, 0 subscriptions, 0 origins, 1 schemas, 0 triggers" {
					t.Errorf("left on the target: %s", got)
				}
			}
			source.Start(t)
			if engine == "pglogical" { // what is printed for it finds the slot
				named := regexp.MustCompile(`pg_drop_replication_slot\((pglogical\..*?\))\), then`).FindStringSubmatch(f.events.String())
				if len(named) == 0 || source.Query1(t, "select "+named[1]) != slot {
					t.Errorf("%s is not slot %s\n%s", named, slot, f.events)
				}
			}
			f.gone(t, before)
			for _, db := range []*pgtest.DB{source, f.target} {
				if got := db.Query1(t, leftOver); got != nothingLeft {
					t.Errorf("left: %s", got)
				}
			}
		})
	}
}

// leftOver is what mirrors have on a server and in a database of it, nothingLeft what
// that is when they are gone.
const (
	leftOver = `
		select (select count(*) from pg_replication_slots) || ' slots, ' || (select count(*) from pg_publication) || ' publications, '
			|| (select count(*) from pg_subscription) || ' subscriptions, ' || (select count(*) from pg_replication_origin) || ' origins, '
			|| (select count(*) from pg_namespace where nspname in ('bascule', 'pglogical')) || ' schemas, '
			|| (select count(*) from pg_trigger where tgname like '%pglogical%') || ' triggers'`
	nothingLeft = "0 slots, 0 publications, 0 subscriptions, 0 origins, 0 schemas, 0 triggers"
)
