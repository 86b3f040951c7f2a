package planner

import (
	"maps"
	"slices"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/state"
)

// mirrors plans every mirror that is declared or recorded.
func (m *maker) mirrors() {
	declared := map[string]*config.Mirror{}
	if !m.in.Destroy {
		for _, decl := range m.in.Config.Mirrors {
			declared[decl.Address] = decl
			if m.chosen(decl.Address) {
				m.mirror(decl)
			}
		}
	}
	for _, r := range m.in.State.Resources {
		if r.Mirror != nil && declared[r.Address] == nil && m.chosen(r.Address) {
			m.remove(r)
		}
	}
}

// mirror plans one declared mirror.
func (m *maker) mirror(decl *config.Mirror) {
	source, target := m.in.Live[decl.Source.Address], m.in.Live[decl.Target.Address]
	if source == nil || target == nil || source.Err != nil || target.Err != nil {
		return // said at the peer
	}
	rec := m.in.State.Find(decl.Address)
	led := ledgerMirror(target, MirrorID(m.in.State.Lineage, decl.Address))
	if rec != nil && rec.Status == state.Ready && rec.Mirror.Digest == decl.Digest() {
		return
	}
	if rec == nil && m.adopts(decl, target) {
		return
	}
	if source.Missing {
		m.find(at(sourceMissing(decl.Source.Address, source.Endpoint), decl.Source.Range))
		return
	}
	d := &draft{maker: m, decl: decl, source: source.Database, target: target.Database, dump: source.Dump,
		resume: led != nil && led.Phase != catalog.PhaseCopied, again: led != nil && led.Phase == catalog.PhaseCopied}
	change := Change{Address: decl.Address, Action: Create, Steps: []Step{},
		File: decl.Range.Filename, Line: decl.Range.Start.Line}
	switch {
	case rec != nil && rec.Status == state.Ready:
		change.Action = Replace
		change.Reason = "its settings changed; everything is copied again"
		change.Attributes = attributes(rec.Mirror, decl)
		if decl.Protect {
			m.find(at(protected(decl.Address, "replaced"), decl.RangeOf("protect")))
		}
	case d.resume:
		change.Reason = "it was interrupted; its snapshot is gone, so all tables are copied again, into the schema that is there"
	}
	d.draft(&change)
	m.plan.Changes = append(m.plan.Changes, change)
}

// adopts plans to take over a complete mirror whose state file was lost.
func (m *maker) adopts(decl *config.Mirror, target *Live) bool {
	if target.Ledger == nil {
		return false
	}
	for _, l := range target.Ledger.Mirrors {
		if l.Address != decl.Address || l.Digest != decl.Digest() || l.Phase != catalog.PhaseCopied {
			continue
		}
		m.plan.Changes = append(m.plan.Changes, Change{
			Address: decl.Address, Action: Update, File: decl.Range.Filename, Line: decl.Range.Start.Line,
			Reason: "the target's ledger says that it is complete; it is adopted into the state",
			Mirror: &Mirror{Source: decl.Source.Address, Target: decl.Target.Address, Engine: decl.Engine,
				ID: MirrorID(m.in.State.Lineage, decl.Address), AdoptFrom: l.ID,
				Digest: decl.Digest(), Settings: decl.Settings()},
			Steps: []Step{{ID: "adopt", Kind: "state", Peer: decl.Target.Address, Summary: "adopt the record " + l.ID + " of the ledger"}},
		})
		return true
	}
	return false
}

// attributes lists what differs between what was applied and what is declared.
func attributes(rec *state.Mirror, decl *config.Mirror) []Attribute {
	was, is := maps.Clone(rec.Settings), decl.Settings()
	if was == nil {
		was = map[string]string{}
	}
	was["source"], was["target"] = rec.Source, rec.Target
	is["source"], is["target"] = decl.Source.Address, decl.Target.Address
	names := maps.Clone(was)
	maps.Copy(names, is)
	var list []Attribute
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was[name] != is[name] {
			list = append(list, Attribute{Name: name, Old: was[name], New: is[name]})
		}
	}
	return list
}

// remove plans that a mirror that is no longer declared goes.
func (m *maker) remove(r *state.Resource) {
	live := m.in.Live[r.Mirror.Target]
	switch {
	case live == nil:
		m.find(peerStillNeeded(r.Mirror.Target, []string{r.Address}))
		return
	case live.Err != nil:
		return
	}
	id := MirrorID(m.in.State.Lineage, r.Address)
	steps := []Step{}
	if led := ledgerMirror(live, id); led != nil {
		summary := "delete the mirror's records from schema bascule"
		sql := []string{"delete from bascule.mirror where id = '" + id + "'"}
		if len(live.Ledger.Mirrors) == 1 {
			summary, sql = "drop schema bascule, whose last mirror this is", []string{"drop schema bascule cascade"}
		}
		steps = append(steps, Step{ID: "ledger", Kind: "cleanup", Peer: r.Mirror.Target, Summary: summary, SQL: sql})
	}
	m.plan.Changes = append(m.plan.Changes, Change{Address: r.Address, Action: Remove,
		Reason: "it is no longer in the configuration; its tables and their rows stay",
		Mirror: &Mirror{Source: r.Mirror.Source, Target: r.Mirror.Target, ID: id, Digest: r.Mirror.Digest},
		Steps:  append(steps, Step{ID: "forget", Kind: "state", Summary: "leave the state file"})})
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
