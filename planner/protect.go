package planner

import (
	"strconv"

	"bascule/config"
	"bascule/state"
)

// protection plans that a mirror's protection is set or lifted, which changes the
// state and nothing else.
func (m *maker) protection(rec *state.Resource, decl *config.Mirror) {
	if rec.Mirror.Protect == decl.Protect {
		return
	}
	change := m.adoption(decl, MirrorID(m.in.State.Lineage, decl.Address))
	change.Attributes = []Attribute{{Name: "protect",
		Old: strconv.FormatBool(rec.Mirror.Protect), New: strconv.FormatBool(decl.Protect)}}
	change.Steps = []Step{{ID: StepProtect, Kind: "state", Summary: "record in the state file whether it is protected"}}
	m.plan.Changes = append(m.plan.Changes, change)
}

// StepProtect is the one step of a change that only records whether a mirror is protected.
const StepProtect = "protect"

// unprotects reports whether the protection of a mirror is lifted, and nothing else can be
// done to it: one of its peers cannot be read, or is not the database that was recorded.
// Without that a target that is gone for good could never be left.
func (m *maker) unprotects(decl *config.Mirror) bool {
	rec := m.in.State.Find(decl.Address)
	if rec == nil || rec.Mirror == nil || rec.Status != state.Ready || !rec.Mirror.Protect || decl.Protect {
		return false
	}
	was := rec.Mirror
	if was.Source != decl.Source.Address || was.Target != decl.Target.Address || was.Digest != decl.Digest() {
		return false
	}
	return m.away(was.Source) || m.away(was.Target)
}

// away reports whether the database that was recorded for a peer is not there to be read.
func (m *maker) away(peer string) bool {
	live := m.in.Live[peer]
	return live != nil && (live.Err != nil || live.Missing) || m.replaced(peer)
}
