package planner

import (
	"cmp"
	"slices"
	"strings"

	"bascule/config"
	"bascule/state"
)

// MirrorID is a mirror's key in the ledger of its target.
func MirrorID(lineage, address string) string {
	return lineage[:min(8, len(lineage))] + "/" + address
}

// Make returns the plan that follows from the input.
func Make(in Input) *Plan {
	m := &maker{in: in, plan: &Plan{
		Format: Format, Version: in.Version,
		ConfigDigest: in.Config.Digest, StateSerial: in.State.Serial, Lineage: in.State.Lineage,
		Peers: []Peer{}, Changes: []Change{}, Findings: []Finding{},
	}}
	for _, p := range in.Config.Peers {
		m.peer(p)
	}
	m.mirrors()
	m.forgottenPeers()
	slices.SortStableFunc(m.plan.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Address, b.Address))
	})
	return m.plan
}

// rank puts removals first, so that names are free again, and peers around them.
func rank(c Change) int {
	switch {
	case c.Action == Remove:
		return 0
	case strings.HasPrefix(c.Address, "peer.") && c.Action != Forget:
		return 1
	case c.Action == Forget:
		return 3
	}
	return 2
}

// maker is one Make at work.
type maker struct {
	in   Input
	plan *Plan
}

func (m *maker) find(f Finding) { m.plan.Findings = append(m.plan.Findings, f) }

// chosen reports whether the plan is about this address.
func (m *maker) chosen(address string) bool {
	named := func(list []string) bool {
		return slices.ContainsFunc(list, func(a string) bool {
			return a == address || strings.HasPrefix(address, a+"[")
		})
	}
	return (len(m.in.Targets) == 0 || named(m.in.Targets)) && !named(m.in.Excludes)
}

// peer notes how a peer was seen and whether it is the database that was recorded.
func (m *maker) peer(p *config.Peer) {
	live := m.in.Live[p.Address]
	if live == nil {
		return
	}
	entry := Peer{Address: p.Address, Endpoint: live.Endpoint, Missing: live.Missing}
	switch {
	case live.Err != nil:
		entry.Error = live.Err.Error()
	case live.Database != nil:
		id := live.Database.Identity
		entry.Version, entry.Fingerprint = live.Database.Version.Text, live.Database.Fingerprint
		entry.SystemIdentifier, entry.DatabaseOID = id.SystemIdentifier, id.OID
	}
	m.plan.Peers = append(m.plan.Peers, entry)
	if live.Err != nil {
		m.find(at(unreachable(p.Address, live), p.Range))
		return
	}
	if live.Database == nil {
		return
	}
	rec := m.in.State.Find(p.Address)
	if rec != nil && rec.Peer != nil && m.used(p.Address) && differs(rec.Peer, entry) {
		m.find(at(otherDatabase(p.Address, rec.Peer, entry), p.Range))
	}
}

// used reports whether something that exists depends on the peer being what it was.
func (m *maker) used(peer string) bool {
	return slices.ContainsFunc(m.in.State.Resources, func(r *state.Resource) bool {
		return r.Mirror != nil && (r.Mirror.Source == peer || r.Mirror.Target == peer)
	})
}

func differs(rec *state.Peer, now Peer) bool {
	return rec.SystemIdentifier != now.SystemIdentifier || rec.DatabaseOID != now.DatabaseOID
}

// forgottenPeers plans that peers leave the state when nothing names them.
func (m *maker) forgottenPeers() {
	for _, r := range m.in.State.Resources {
		if r.Peer == nil || !m.chosen(r.Address) {
			continue
		}
		declared := slices.ContainsFunc(m.in.Config.Peers, func(p *config.Peer) bool { return p.Address == r.Address })
		if declared && !m.in.Destroy {
			continue
		}
		if m.used(r.Address) && !m.removesAll(r.Address) {
			if !declared {
				m.find(peerStillNeeded(r.Address, m.users(r.Address)))
			}
			continue
		}
		m.plan.Changes = append(m.plan.Changes, Change{Address: r.Address, Action: Forget, Steps: []Step{
			{ID: "forget", Kind: "state", Summary: "leave the state file; nothing on the peer changes"}}})
	}
}

func (m *maker) users(peer string) []string {
	var list []string
	for _, r := range m.in.State.Resources {
		if r.Mirror != nil && (r.Mirror.Source == peer || r.Mirror.Target == peer) {
			list = append(list, r.Address)
		}
	}
	return list
}

// removesAll reports whether this plan removes every mirror that uses the peer.
func (m *maker) removesAll(peer string) bool {
	for _, user := range m.users(peer) {
		removed := slices.ContainsFunc(m.plan.Changes, func(c Change) bool { return c.Address == user && c.Action == Remove })
		if !removed {
			return false
		}
	}
	return true
}
