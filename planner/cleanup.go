package planner

import (
	"cmp"
	"fmt"

	"bascule/config/pgname"
	"bascule/planner/sourcelog"
	"bascule/state"
)

// cleanupSteps take off the source what a mirror made there. Each may find nothing
// left to do.
func cleanupSteps(s *Stream, source string) []Step {
	var steps []Step
	if s.OwnSlot {
		steps = append(steps, Step{ID: "drop slot", Kind: "cleanup", Peer: source, Summary: "drop replication slot " + s.Slot + ", and with it the WAL that it holds",
			SQL: []string{"DROP_REPLICATION_SLOT " + pgname.Quote(s.Slot)}})
	}
	if s.Log != "" {
		steps = append(steps, Step{ID: "drop log", Kind: "cleanup", Peer: source, Summary: "drop the log of DDL, and its event triggers", SQL: sourcelog.DropSQL(s.Log)})
	}
	if s.OwnPublications {
		drop := []string{"drop publication if exists " + pgname.Quote(s.Publication)}
		if s.Inserts != "" {
			drop = append(drop, "drop publication if exists "+pgname.Quote(s.Inserts))
		}
		steps = append(steps, Step{ID: "drop publications", Kind: "cleanup", Peer: source, Summary: "drop its publications", SQL: drop})
	}
	for _, x := range s.Identities {
		steps = append(steps, Step{ID: "put back " + shown(x.Schema, x.Name), Kind: "cleanup", Peer: source,
			Summary: fmt.Sprintf("put the replica identity of %s back to %s", shown(x.Schema, x.Name), x.Was), SQL: []string{x.Back()}})
	}
	return steps
}

// restoreSteps switch on again, on the target, the triggers that a mirror switched off.
func restoreSteps(s *Stream, target string) []Step {
	if s == nil || len(s.Silenced) == 0 {
		return nil
	}
	var sql []string
	for _, t := range s.Silenced {
		sql = append(sql, "alter table only "+t.Table+" "+t.Was+" trigger "+pgname.Quote(t.Name))
	}
	return []Step{{ID: "triggers", Kind: "cleanup", Peer: target, Summary: "switch " + plural(len(sql), "trigger", "triggers") + " on again", SQL: sql}}
}

// madeBy is what a recorded mirror made on its source: as the ledger has it, else as
// the state has it; nil for one that copied once.
func (m *maker) madeBy(r *state.Resource) *Stream {
	live := m.in.Live[r.Mirror.Target]
	if !m.replaced(r.Mirror.Target) {
		if s := recordedStream(ledgerMirror(live, MirrorID(m.in.State.Lineage, r.Address))); s != nil {
			if on := r.Mirror.OnSource; on != nil {
				s.Log = cmp.Or(s.Log, on.Log) // made before it was recorded
			}
			s.Log = cmp.Or(s.Log, m.leftLog(s, r.Mirror.Source))
			return s
		}
	}
	on := r.Mirror.OnSource
	if on == nil {
		return nil
	}
	s := &Stream{Slot: on.Slot, OwnSlot: on.Slot != "", OwnPublications: len(on.Publications) > 0}
	s.Engine, s.Subscription = r.Mirror.Engine, cmp.Or(r.Mirror.Subscription, on.Slot)
	s.Log, s.DisableTriggers = on.Log, r.Mirror.DisabledTriggers
	if s.OwnPublications {
		s.Publication = on.Publications[0]
	}
	if len(on.Publications) > 1 {
		s.Inserts = on.Publications[1]
	}
	for _, x := range on.Identities {
		s.Identities = append(s.Identities, ReplicaIdentity(x))
	}
	return s
}

// State is what the state file keeps of the mirror.
func (m *Mirror) State() *state.Mirror {
	s := &state.Mirror{Source: m.Source, Target: m.Target, Digest: m.Digest, Settings: m.Settings, Protect: m.Protect,
		Continuous: m.Stream != nil}
	if m.Stream == nil {
		return s
	}
	s.Engine, s.Subscription = m.Stream.Engine, m.Stream.Subscription
	s.DisabledTriggers = m.Stream.DisableTriggers
	on := &state.OnSource{Log: m.Stream.Log}
	if m.Stream.OwnSlot {
		on.Slot = m.Stream.Slot
	}
	if m.Stream.OwnPublications {
		on.Publications = []string{m.Stream.Publication, m.Stream.Inserts}
	}
	for _, x := range m.Stream.Identities {
		on.Identities = append(on.Identities, state.ReplicaIdentity(x))
	}
	s.OnSource = on
	return s
}

// HeldBy names what holds the WAL of a mirror on its source, where slot is the one that
// Bascule streams from. Between two applies pglogical has another in its place, which the
// extension gives a name.
func HeldBy(engine, slot string) string {
	if engine == EnginePglogical {
		return "pglogical's slot of subscription " + slot
	}
	return "replication slot " + slot
}

// sourceCleanup returns the steps on the source of a removal, and says what stays
// where they cannot be taken now.
func (m *maker) sourceCleanup(r *state.Resource, s *Stream) []Step {
	if s == nil || m.replaced(r.Mirror.Source) || r.Left() {
		return nil
	}
	steps := cleanupSteps(s, r.Mirror.Source)
	live := m.in.Live[r.Mirror.Source]
	switch {
	case len(steps) == 0, live != nil && live.Err == nil && !live.Missing:
		return steps
	case live == nil:
		m.unfinished[r.Address] = true
		m.find(peerStillNeeded(r.Mirror.Source, []string{r.Address}))
		return steps
	case live.Missing:
		return nil // the database is gone, and its slots with it
	}
	m.unfinished[r.Address] = true
	what := HeldBy(s.Engine, s.Slot)
	if !s.OwnSlot {
		what = "publication " + s.Publication
	}
	m.find(Finding{Code: codeLeftOnSource, Severity: Warning, Address: r.Address,
		Summary: fmt.Sprintf("%s cannot be reached, so %s and what else the mirror made there stays for now", r.Mirror.Source, what),
		Detail:  "The slot holds WAL on that server. The mirror stays in the state until the next apply that reaches it, which removes them."})
	return steps
}
