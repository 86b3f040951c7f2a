package planner

import (
	"bascule/config/pgname"
	"bascule/state"
)

// removals plans that recorded mirrors go that are no longer declared, or all.
func (m *maker) removals() {
	gone := map[string]int{} // records that the plan deletes, by target
	for _, r := range m.removed() {
		if decl := m.declared(r.Address); r.Mirror.Protect || decl != nil && decl.Protect {
			f := protected(r.Address, "removed")
			if decl != nil {
				f = at(f, decl.RangeOf("protect"))
			}
			m.find(f)
			continue
		}
		m.remove(r, gone)
	}
}

// remove plans that one mirror goes.
func (m *maker) remove(r *state.Resource, gone map[string]int) {
	live := m.in.Live[r.Mirror.Target]
	switch {
	case live == nil:
		m.find(peerStillNeeded(r.Mirror.Target, []string{r.Address}))
		return
	case live.Err != nil:
		m.removeFromSource(r, live)
		return
	}
	id := MirrorID(m.in.State.Lineage, r.Address)
	made := m.madeBy(r)
	if made != nil && r.Left() { // an apply that did not reach the target has cleaned the source
		made.OwnSlot, made.OwnPublications, made.Log, made.Identities = false, false, "", nil
	}
	steps := engineCleanup(made, r.Mirror.Target)
	steps = append(steps, m.sourceCleanup(r, made)...)
	if ledgerMirror(live, id) != nil && !m.replaced(r.Mirror.Target) {
		gone[r.Mirror.Target]++
		steps = append(steps, restoreSteps(made, r.Mirror.Target)...)
		summary := "delete the mirror's records from schema bascule"
		sql := []string{"delete from bascule.mirror where id = " + pgname.Literal(id)}
		if len(live.Ledger.Mirrors) == gone[r.Mirror.Target] {
			summary, sql = "drop schema bascule, whose last mirror this is", []string{"drop schema bascule cascade"}
		}
		steps = append(steps, Step{ID: "ledger", Kind: "cleanup", Peer: r.Mirror.Target, Summary: summary, SQL: sql})
	}
	m.plan.Changes = append(m.plan.Changes, Change{Address: r.Address, Action: Remove, Reason: m.removeReason() + "; its tables and their rows stay",
		Mirror: &Mirror{Source: r.Mirror.Source, Target: r.Mirror.Target, ID: id, Digest: r.Mirror.Digest, Stream: made},
		Steps:  append(steps, Step{ID: "forget", Kind: "state", Summary: "leave the state file"})})
}

func (m *maker) removeReason() string {
	if m.in.Destroy {
		return "everything is to go"
	}
	return "it is no longer in the configuration"
}
