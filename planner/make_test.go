package planner_test

import (
	"errors"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

// fleet is three mirrors of one block, and one more.
const fleet = `
locals { keys = toset(["eu", "us"]) }
peer "src" {
  for_each = local.keys
  host = "src-${each.key}.example"
}
peer "dst" { host = "dst.example" }
mirror "shop" {
  for_each   = local.keys
  source     = peer.src[each.key]
  target     = peer.dst
  continuous = false
  schema { copy = false }
}
`

// newFleet has both instances into one target, and complete.
func newFleet(t *testing.T) *world {
	w := newWorld("")
	w.hcl = fleet
	other := shop()
	other.Identity.OID = 6
	w.live = map[string]*planner.Live{
		`peer.src["eu"]`: {Endpoint: "src-eu.example:5432/app", Database: shop(), Ledger: &catalog.Ledger{}},
		`peer.src["us"]`: {Endpoint: "src-us.example:5432/app", Database: other, Ledger: &catalog.Ledger{}},
		"peer.dst":       {Endpoint: "dst.example:5432/app", Database: empty(), Ledger: &catalog.Ledger{}},
	}
	w.applied(t)
	return w
}

func TestMake(t *testing.T) {
	refused := errors.New("peer.a: connect to a.example:5432/app: no route to host")
	for _, c := range []struct {
		rule, body string
		edit       func(w *world)
		want       string
	}{
		{"a mirror that is not there is created", "", nil, "+ mirror.app"},
		{"a complete mirror has nothing to do", "", func(w *world) { w.applied(t) }, "nothing"},
		{"how a copy is carried out may change", "", func(w *world) {
			w.applied(t)
			w.hcl = strings.Replace(w.hcl, "continuous = false", "continuous = false\n  copy { workers = 9 }", 1)
		}, "nothing"},
		{"changed settings copy everything again", "", func(w *world) {
			w.applied(t)
			w.hcl = strings.Replace(w.hcl, "continuous = false", "continuous = false\n  exclude = [\"public.lines\"]", 1)
		}, "-/+ mirror.app (exclude:  -> public.lines)"},
		{"another source is copied in its place", "", func(w *world) {
			w.applied(t)
			w.hcl = strings.Replace(w.hcl, "peer.a", "peer.c", 1) + `peer "c" { host = "c.example" }`
			w.live["peer.c"] = &planner.Live{Endpoint: "c.example:5432/app", Database: shop(), Ledger: &catalog.Ledger{}, Dump: w.live["peer.a"].Dump}
		}, "-/+ mirror.app (source: peer.a -> peer.c)"},
		{"another target is another mirror", "", func(w *world) {
			w.applied(t)
			w.hcl = strings.Replace(w.hcl, "peer.b", "peer.c", 1) + `peer "c" { host = "c.example" }`
			w.live["peer.c"] = &planner.Live{Endpoint: "c.example:5432/app", Database: empty(), Ledger: &catalog.Ledger{}}
		}, "-/+ mirror.app (target: peer.b -> peer.c); !B155"},
		{"protection is set by a change of the state alone", "", func(w *world) {
			w.applied(t)
			w.hcl = strings.Replace(w.hcl, "continuous = false", "continuous = false\n  protect = true", 1)
		}, "~ mirror.app (protect: false -> true)"},
		{"an interrupted mirror goes on", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Status = state.Creating
			w.ledger().Phase, w.ledger().Objects = catalog.PhaseCopying, 3
		}, "+ mirror.app"},
		{"a complete mirror is adopted after its state was lost", "", func(w *world) {
			w.applied(t)
			w.state.Resources, w.state.Lineage = nil, "00000000-other"
		}, "~ mirror.app"},
		{"a mirror with other settings is not adopted", "", func(w *world) {
			w.applied(t)
			w.state.Resources, w.ledger().Digest = nil, "other"
		}, "+ mirror.app"},
		{"an unfinished mirror is not adopted", "", func(w *world) {
			w.applied(t)
			w.state.Resources, w.state.Lineage, w.ledger().Phase = nil, "00000000-other", catalog.PhaseCopying
		}, "+ mirror.app"},
		{"a kill between the last record and the last save loses nothing", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Status = state.Creating
		}, "~ mirror.app"},
		{"a mirror that is removed from the files goes", "", func(w *world) { w.applied(t); w.withoutMirror() }, "- mirror.app"},
		{"its peers may go with it", "", func(w *world) {
			w.applied(t)
			w.hcl = `peer "b" { host = "b.example" }`
		}, "- mirror.app; forget peer.a"},
		{"its target may not", "", func(w *world) {
			w.applied(t)
			w.hcl = `peer "a" { host = "a.example" }`
			delete(w.live, "peer.b")
		}, "!B105"},
		{"a gone source does not hinder a removal", "", func(w *world) {
			w.applied(t)
			w.withoutMirror()
			w.live["peer.a"].Err, w.live["peer.a"].Database = refused, nil
		}, "- mirror.app; ?B101"},
		{"a gone target database does not either", "", func(w *world) {
			w.applied(t)
			w.withoutMirror()
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Missing: true}
		}, "- mirror.app"},
		{"an unreachable target does not, and keeps the mirror in the state", "", func(w *world) {
			w.applied(t)
			w.withoutMirror()
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Err: refused}
		}, "- mirror.app; ?B101; ?B227"},
		{"an unreachable target of a mirror that stays does", "", func(w *world) {
			w.applied(t)
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Err: refused}
		}, "!B101"},
		{"a protected mirror is not removed with its block", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Mirror.Protect = true
			w.withoutMirror()
		}, "!B144"},
		{"a protection is lifted though its target cannot be read", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Mirror.Protect = true
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Err: refused}
		}, "~ mirror.app (protect: true -> false); ?B101"},
		{"or its source", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Mirror.Protect = true
			w.live["peer.a"].Err, w.live["peer.a"].Database = refused, nil
		}, "~ mirror.app (protect: true -> false); ?B101"},
		{"or the target's database is gone", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Mirror.Protect = true
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Missing: true}
		}, "~ mirror.app (protect: true -> false)"},
		{"or is another", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Mirror.Protect = true
			w.dst.Identity.OID = 77
		}, "~ mirror.app (protect: true -> false)"},
		{"but by a change of its own", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Mirror.Protect = true
			w.hcl = strings.Replace(w.hcl, "continuous = false", "continuous = false\n  exclude = [\"public.lines\"]", 1)
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Err: refused}
		}, "!B101"},
		{"a protection that stays", "protect = true", func(w *world) {
			w.applied(t)
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Err: refused}
		}, "!B101"},
		{"a protected mirror is not destroyed", "protect = true", func(w *world) { w.applied(t); w.destroy = true }, "!B144"},
		{"nor replaced, though protect goes in the same change", "", func(w *world) {
			w.applied(t)
			w.recorded("mirror.app").Mirror.Protect = true
			w.hcl = strings.Replace(w.hcl, "continuous = false", "continuous = false\n  exclude = [\"public.lines\"]", 1)
		}, "-/+ mirror.app (exclude:  -> public.lines); !B144"},
		{"nor is its target overwritten", "protect = true", func(w *world) { table(w.dst, 30100, "public", "orders", "id", "note").HasRows = true },
			"+ mirror.app overwrites public.orders; ?B134; !B144"},
		{"destroy removes everything", "", func(w *world) { w.applied(t); w.destroy = true }, "- mirror.app; forget peer.a; forget peer.b"},
		{"destroy needs no source", "", func(w *world) {
			w.applied(t)
			w.destroy, w.live["peer.a"].Err, w.live["peer.a"].Database = true, refused, nil
		}, "- mirror.app; forget peer.a; forget peer.b"},
		{"destroy of nothing", "", func(w *world) { w.destroy = true }, "nothing"},
		{"another database in a peer's place", "", func(w *world) { w.applied(t); w.dst.Identity.OID = 77 }, "!B104"},
		{"which is left alone when the mirror goes", "", func(w *world) { w.applied(t); w.dst.Identity.OID = 77; w.withoutMirror() }, "- mirror.app; ?B104"},
		{"another server in a peer's place", "", func(w *world) { w.applied(t); w.src.Identity.SystemIdentifier = "8" }, "!B104"},
		{"a role that may not know the system identifier", "", func(w *world) { w.applied(t); w.dst.Identity.SystemIdentifier = "" }, "nothing"},
		{"a peer that nothing uses may be another", "", func(w *world) {
			w.applied(t)
			w.dst.Identity.OID = 77
			w.state.Resources = w.state.Resources[1:]
			w.live["peer.b"].Ledger = &catalog.Ledger{}
		}, "+ mirror.app"},
		{"a complete mirror's database is gone", "", func(w *world) {
			w.applied(t)
			w.live["peer.b"] = &planner.Live{Endpoint: "b.example:5432/app", Missing: true}
		}, "!B104"},
		{"an unreachable peer", "", func(w *world) { w.live["peer.a"].Err = refused }, "!B101"},
		{"an unreachable peer that no mirror names", "", func(w *world) {
			w.hcl += `peer "c" { host = "c.example" }`
			w.live["peer.c"] = &planner.Live{Err: refused}
		}, "+ mirror.app; ?B101"},
		{"no source database", "", func(w *world) { w.live["peer.a"].Missing, w.live["peer.a"].Database = true, nil }, "!B106"},
		{"no target database", "", func(w *world) { w.live["peer.b"].Missing = true }, "+ mirror.app; !B107"},
		{"no target database, to be created", "schema { create_database = true }", func(w *world) { w.live["peer.b"].Missing = true }, "+ mirror.app"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := newWorld(c.body)
			if c.edit != nil {
				c.edit(w)
			}
			p := w.plan(t)
			if got := brief(p); got != c.want {
				t.Errorf("%s\nwant %s\n%+v", got, c.want, p.Findings)
			}
		})
	}
}

// withoutMirror takes the mirror's block out of the files.
func (w *world) withoutMirror() { w.hcl = w.hcl[:strings.Index(w.hcl, `mirror "app"`)] }

func TestMakeIsNarrowed(t *testing.T) {
	for _, c := range []struct {
		rule              string
		targets, excludes []string
		edit              func(w *world)
		want              string
	}{
		{"all", nil, nil, nil, `- mirror.shop["eu"]; - mirror.shop["us"]; forget peer.dst; forget peer.src["eu"]; forget peer.src["us"]`},
		{"one instance", []string{`mirror.shop["eu"]`}, nil, nil, `- mirror.shop["eu"]`},
		{"all instances of a block", []string{"mirror.shop"}, nil, nil, `- mirror.shop["eu"]; - mirror.shop["us"]`},
		{"an instance and its peer", []string{`mirror.shop["eu"]`, `peer.src["eu"]`}, nil, nil, `- mirror.shop["eu"]; forget peer.src["eu"]`},
		{"a peer stays with what uses it", []string{`peer.src["eu"]`}, nil, nil, "nothing"},
		{"all but one instance", nil, []string{`mirror.shop["eu"]`}, nil, `- mirror.shop["us"]; forget peer.src["us"]`},
		{"an exclusion wins", []string{"mirror.shop"}, []string{`mirror.shop["us"]`}, nil, `- mirror.shop["eu"]`},
		{"no such address", []string{"mirror.shpo"}, nil, nil, "!B108"},
		{"no such key", nil, []string{`mirror.shop["fr"]`}, func(w *world) { w.targets = []string{`mirror.shop["eu"]`} }, `- mirror.shop["eu"]; !B108`},
		{"what is excluded may be unreachable", nil, []string{"mirror.shop"}, func(w *world) {
			w.destroy = false
			w.live["peer.dst"].Err, w.live["peer.dst"].Database = errors.New("down"), nil
		}, "nothing"},
		{"what is left may not", nil, []string{`mirror.shop["us"]`}, func(w *world) {
			w.destroy = false
			w.live["peer.dst"].Err, w.live["peer.dst"].Database = errors.New("down"), nil
		}, "!B101"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := newFleet(t)
			w.destroy, w.targets, w.excludes = true, c.targets, c.excludes
			if c.edit != nil {
				c.edit(w)
			}
			if got := brief(w.plan(t)); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
	w := newFleet(t)
	w.targets = []string{"mirror.shpo"}
	if f := w.plan(t).Findings[0]; !strings.Contains(f.Detail, "Did you mean mirror.shop") {
		t.Error(f.Detail)
	}
}
