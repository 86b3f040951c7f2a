package planner_test

import (
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

func TestReasons(t *testing.T) {
	interrupted := func(w *world) {
		w.applied(t)
		w.recorded("mirror.app").Status, w.ledger().Phase = state.Creating, catalog.PhaseCopying
	}
	for _, c := range []struct {
		rule string
		edit func(w *world)
		want string
	}{
		{"created", func(*world) {}, ""},
		{"replaced", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Mirror.Digest = "other"
		}, "its settings changed; everything is copied again"},
		{"interrupted", func(w *world) { interrupted(w); w.ledger().Objects = 1 },
			"it was interrupted; its snapshot is gone, so all tables are copied again, into the schema that is there"},
		{"interrupted at the very beginning", interrupted, "it was interrupted before it made anything"},
		{"adopted", func(w *world) { w.applied(t); w.state.Resources = nil },
			"the target's ledger says that it is complete; it is adopted into the state"},
		{"removed", func(w *world) { w.applied(t); w.withoutMirror() },
			"it is no longer in the configuration; its tables and their rows stay"},
		{"destroyed", func(w *world) { w.applied(t); w.destroy = true }, "everything is to go; its tables and their rows stay"},
	} {
		w := newWorld("")
		c.edit(w)
		if got := w.plan(t).Changes[0].Reason; got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

func TestRemovalSteps(t *testing.T) {
	steps := func(w *world) string {
		var list []string
		for _, c := range w.plan(t).Changes {
			if c.Action == planner.Remove {
				list = append(list, c.Address)
				for _, s := range c.Steps {
					list = append(list, "  "+strings.Join(append([]string{s.ID}, s.SQL...), ": "))
				}
			}
		}
		return strings.Join(list, "\n")
	}
	w := newWorld("")
	w.applied(t)
	w.destroy = true
	replaced := newWorld("")
	replaced.applied(t)
	replaced.destroy, replaced.dst.Identity.OID = true, 77
	for _, c := range []struct {
		rule string
		w    func() *world
		want string
	}{
		{"the last mirror takes the schema along", func() *world { return w },
			"mirror.app\n  ledger: drop schema bascule cascade\n  forget"},
		{"a database that was replaced is left alone", func() *world { return replaced }, "mirror.app\n  forget"},
		{"without a record there is nothing on the target to do", func() *world { w.live["peer.b"].Ledger = &catalog.Ledger{}; return w },
			"mirror.app\n  forget"},
		{"the last of several, too", func() *world { f := newFleet(t); f.destroy = true; return f },
			"mirror.shop[\"eu\"]\n  ledger: delete from bascule.mirror where id = '9d7f0c6e/mirror.shop[\"eu\"]'\n  forget\n" +
				"mirror.shop[\"us\"]\n  ledger: drop schema bascule cascade\n  forget"},
		{"another's mirror keeps the schema", func() *world {
			f := newFleet(t)
			f.destroy, f.targets = true, []string{`mirror.shop["us"]`}
			return f
		}, "mirror.shop[\"us\"]\n  ledger: delete from bascule.mirror where id = '9d7f0c6e/mirror.shop[\"us\"]'\n  forget"},
	} {
		if got := steps(c.w()); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.want)
		}
	}
	w = newFleet(t)
	w.hcl = strings.ReplaceAll(w.hcl, `"us"`, `"it's"`)
	for _, r := range w.state.Resources {
		r.Address = strings.ReplaceAll(r.Address, "us", "it's")
	}
	for i := range w.live["peer.dst"].Ledger.Mirrors {
		m := &w.live["peer.dst"].Ledger.Mirrors[i]
		m.ID = strings.ReplaceAll(m.ID, "us", "it's")
	}
	w.destroy, w.targets = true, []string{`mirror.shop["it's"]`}
	if got := steps(w); !strings.Contains(got, `'9d7f0c6e/mirror.shop["it''s"]'`) {
		t.Errorf("a key with a quote: %s", got)
	}
}
