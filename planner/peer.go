package planner

import (
	"slices"

	"bascule/config"
	"bascule/state"
)

// peer notes how a peer was seen and, where the plan needs it, whether it is the
// database that was recorded.
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
	needed, left := m.needs(p.Address), m.removesFrom(p.Address)
	switch rec := m.in.State.Find(p.Address); {
	case live.Err != nil:
		if severity := unreachableSeverity(needed, m.narrowed() && !left); severity != "" {
			m.find(at(unreachable(p.Address, live, severity), p.Range))
		}
	case !needed && !left || rec == nil || rec.Peer == nil || !m.used(p.Address):
	case live.Missing:
		if m.complete(p.Address) {
			m.find(at(goneDatabase(p.Address, rec.Peer), p.Range))
		}
	case differs(rec.Peer, entry):
		f := otherDatabase(p.Address, rec.Peer, entry)
		if !m.declares(p.Address) {
			f.Severity = Warning // what goes is forgotten, and the database left alone
		}
		m.find(at(f, p.Range))
	}
}

// unreachableSeverity: a peer that the plan has no use for stops nothing, and is
// not spoken of in a plan that is not about it.
func unreachableSeverity(needed, narrowed bool) string {
	switch {
	case needed:
		return Refusal
	case narrowed:
		return ""
	}
	return Warning
}

func (m *maker) narrowed() bool {
	return m.in.Destroy || len(m.in.Targets) > 0 || len(m.in.Excludes) > 0
}

// needs reports whether what the plan is about cannot be without this peer.
func (m *maker) needs(peer string) bool { return m.declares(peer) || m.commanded(peer) }

// removesFrom reports whether this peer is the target of a mirror that the plan removes.
func (m *maker) removesFrom(peer string) bool {
	return slices.ContainsFunc(m.removed(), func(r *state.Resource) bool { return r.Mirror.Target == peer })
}

// declares reports whether a declared mirror that the plan is about names this peer. One
// whose protection alone is lifted has no use for it.
func (m *maker) declares(peer string) bool {
	return !m.in.Destroy && slices.ContainsFunc(m.in.Config.Mirrors, func(decl *config.Mirror) bool {
		return m.chosen(decl.Address) && !m.unprotects(decl) && (decl.Source.Address == peer || decl.Target.Address == peer)
	})
}

// replaced reports whether a peer is another database than the recorded one.
func (m *maker) replaced(peer string) bool {
	rec, live := m.in.State.Find(peer), m.in.Live[peer]
	if rec == nil || rec.Peer == nil || live == nil || live.Database == nil {
		return false
	}
	id := live.Database.Identity
	return differs(rec.Peer, Peer{SystemIdentifier: id.SystemIdentifier, DatabaseOID: id.OID})
}

// used reports whether something that exists depends on the peer being what it was.
func (m *maker) used(peer string) bool { return len(m.users(peer)) > 0 }

// users are the recorded mirrors of a peer.
func (m *maker) users(peer string) []string {
	var list []string
	for _, r := range m.in.State.Resources {
		if r.Mirror != nil && (r.Mirror.Source == peer || r.Mirror.Target == peer) {
			list = append(list, r.Address)
		}
	}
	return list
}

// complete reports whether a mirror was completed into this peer, and stays.
func (m *maker) complete(peer string) bool {
	return slices.ContainsFunc(m.in.State.Resources, func(r *state.Resource) bool {
		return r.Mirror != nil && r.Mirror.Target == peer && r.Status == state.Ready && !slices.Contains(m.removed(), r)
	})
}

// differs reports whether this is another database than the recorded one. Not every
// role may know the system identifier.
func differs(rec *state.Peer, now Peer) bool {
	known := rec.SystemIdentifier != "" && now.SystemIdentifier != ""
	return known && rec.SystemIdentifier != now.SystemIdentifier || rec.DatabaseOID != now.DatabaseOID
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
		if left := m.staying(r.Address); len(left) > 0 {
			m.stillNeeded(r.Address, left, declared)
			continue
		}
		m.plan.Changes = append(m.plan.Changes, Change{Address: r.Address, Action: Forget, Steps: []Step{
			{ID: "forget", Kind: "state", Summary: "leave the state file; nothing on the peer changes"}}})
	}
}

// staying are the recorded mirrors of a peer that this plan does not remove.
func (m *maker) staying(peer string) []string {
	return slices.DeleteFunc(m.users(peer), func(user string) bool {
		return !m.unfinished[user] && slices.ContainsFunc(m.plan.Changes, func(c Change) bool { return c.Address == user && c.Action == Remove })
	})
}

// stillNeeded says, once, that the target of what was applied is not declared. What
// a mirror made is on its target, so its source may go any time.
func (m *maker) stillNeeded(peer string, users []string, declared bool) {
	said := slices.ContainsFunc(m.plan.Findings, func(f Finding) bool { return f.Code == codePeerNeeded && f.Address == peer })
	targets := slices.DeleteFunc(users, func(user string) bool { return m.in.State.Find(user).Mirror.Target != peer })
	if !declared && !said && len(targets) > 0 {
		m.find(peerStillNeeded(peer, targets))
	}
}
