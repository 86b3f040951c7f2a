package planner

import (
	"maps"
	"slices"
	"strconv"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/state"
)

// mirrors plans every mirror that is declared or recorded.
func (m *maker) mirrors() {
	if !m.in.Destroy {
		for _, decl := range m.in.Config.Mirrors {
			if m.chosen(decl.Address) {
				m.mirror(decl)
			}
		}
	}
	m.removals()
}

// mirror plans one declared mirror.
func (m *maker) mirror(decl *config.Mirror) {
	source, target := m.in.Live[decl.Source.Address], m.in.Live[decl.Target.Address]
	if source == nil || target == nil || source.Err != nil || target.Err != nil {
		return // said at the peer
	}
	rec := m.in.State.Find(decl.Address)
	led := ledgerMirror(target, MirrorID(m.in.State.Lineage, decl.Address))
	ready := rec != nil && rec.Status == state.Ready
	switch {
	case ready && rec.Mirror.Digest == decl.Digest():
		m.protection(rec, decl)
		return
	case !ready && m.adopts(decl, target):
		return
	case source.Missing:
		m.find(at(sourceMissing(decl.Source.Address, source.Endpoint), decl.Source.Range))
		return
	}
	change := Change{Address: decl.Address, Action: Create, Steps: []Step{},
		File: decl.Range.Filename, Line: decl.Range.Start.Line}
	d := newDraft(m, decl, source, target, led)
	d.locked = decl.Protect || rec != nil && rec.Mirror.Protect
	switch {
	case ready:
		change.Action = Replace
		change.Reason = "its settings changed; everything is copied again"
		change.Attributes = attributes(rec.Mirror, decl)
		if d.locked {
			m.find(at(protected(decl.Address, "replaced"), decl.RangeOf("protect")))
		}
		if rec.Mirror.Target != decl.Target.Address {
			m.find(at(moved(decl.Address, rec.Mirror.Target, decl.Target.Address), decl.RangeOf("target")))
		}
	case d.resume:
		change.Reason = "it was interrupted; its snapshot is gone, so all tables are copied again, into the schema that is there"
	case led != nil && led.Phase != catalog.PhaseCopied:
		change.Reason = "it was interrupted before it made anything"
	}
	d.draft(&change)
	m.plan.Changes = append(m.plan.Changes, change)
}

// adopts plans to take over a mirror that the ledger knows to be complete and the
// state does not: its file was lost, or the last save of an apply.
func (m *maker) adopts(decl *config.Mirror, target *Live) bool {
	if target.Ledger == nil {
		return false
	}
	for _, l := range target.Ledger.Mirrors {
		if l.Address != decl.Address || l.Digest != decl.Digest() || l.Phase != catalog.PhaseCopied {
			continue
		}
		change := m.adoption(decl, l.ID)
		change.Reason = "the target's ledger says that it is complete; it is adopted into the state"
		m.plan.Changes = append(m.plan.Changes, change)
		return true
	}
	return false
}

// adoption is a change of the state alone.
func (m *maker) adoption(decl *config.Mirror, from string) Change {
	return Change{
		Address: decl.Address, Action: Update, File: decl.Range.Filename, Line: decl.Range.Start.Line,
		Mirror: &Mirror{Source: decl.Source.Address, Target: decl.Target.Address, Engine: decl.Engine,
			ID: MirrorID(m.in.State.Lineage, decl.Address), AdoptFrom: from,
			Digest: decl.Digest(), Settings: decl.Settings(), Protect: decl.Protect},
		Steps: []Step{{ID: "adopt", Kind: "state", Peer: decl.Target.Address, Summary: "adopt the record " + from + " of the ledger"}},
	}
}

// protection plans that a mirror's protection is set or lifted, which changes the
// state and nothing else.
func (m *maker) protection(rec *state.Resource, decl *config.Mirror) {
	if rec.Mirror.Protect == decl.Protect {
		return
	}
	change := m.adoption(decl, MirrorID(m.in.State.Lineage, decl.Address))
	change.Attributes = []Attribute{{Name: "protect",
		Old: strconv.FormatBool(rec.Mirror.Protect), New: strconv.FormatBool(decl.Protect)}}
	change.Steps = []Step{{ID: "protect", Kind: "state", Summary: "record in the state file whether it is protected"}}
	m.plan.Changes = append(m.plan.Changes, change)
}

// attributes lists what differs between what was applied and what is declared.
func attributes(rec *state.Mirror, decl *config.Mirror) []Attribute {
	was, is := maps.Clone(rec.Settings), decl.Settings()
	if was == nil {
		was = map[string]string{}
	}
	was["source"], was["target"] = rec.Source, rec.Target
	is["source"], is["target"] = decl.Source.Address, decl.Target.Address
	all := maps.Clone(was)
	maps.Copy(all, is)
	var list []Attribute
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if was[name] != is[name] {
			list = append(list, Attribute{Name: name, Old: was[name], New: is[name]})
		}
	}
	return list
}

func ledgerMirror(live *Live, id string) *catalog.LedgerMirror {
	if live == nil || live.Ledger == nil {
		return nil
	}
	for i := range live.Ledger.Mirrors {
		if live.Ledger.Mirrors[i].ID == id {
			return &live.Ledger.Mirrors[i]
		}
	}
	return nil
}
