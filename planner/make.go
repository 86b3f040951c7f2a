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
	m := &maker{in: in, claims: map[string]int{}, unfinished: map[string]bool{}, plan: &Plan{
		Format: Format, Version: in.Version,
		ConfigDigest: in.Config.Digest, StateSerial: in.State.Serial, Lineage: in.State.Lineage,
		Destroy: in.Destroy, Targets: in.Targets, Excludes: in.Excludes, Replaces: in.Replaces,
		Peers: []Peer{}, Changes: []Change{}, Findings: []Finding{},
	}}
	m.readCommands()
	m.checkScope()
	m.checkReplaces()
	for _, p := range in.Config.Peers {
		m.peer(p)
	}
	m.mirrors()
	m.runs()
	m.forgottenPeers()
	slices.SortStableFunc(m.plan.Changes, func(a, b Change) int {
		if a.Action == Run && b.Action == Run {
			return 0 // they have an order of their own
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Address, b.Address))
	})
	return m.plan
}

// rank puts removals first, so that names are free again, commands behind the mirrors that
// carry them, and what is forgotten last.
func rank(c Change) int {
	switch c.Action {
	case Remove:
		return 0
	case Run:
		return 2
	case Forget:
		return 3
	}
	return 1
}

// maker is one Make at work.
type maker struct {
	in   Input
	plan *Plan

	// commands are the ddl blocks that have yet to run, in their order, applied those
	// that the state has as applied.
	commands, applied []*command

	// claims are the slots that mirrors of the plan take, by server.
	claims map[string]int

	// unfinished are the mirrors that this plan cannot remove whole.
	unfinished map[string]bool
}

func (m *maker) find(f Finding) { m.plan.Findings = append(m.plan.Findings, f) }

// chosen reports whether the plan is about this address.
func (m *maker) chosen(address string) bool { return m.in.chosen(address) }

func (in *Input) chosen(address string) bool {
	return (len(in.Targets) == 0 || names(in.Targets, address)) && !names(in.Excludes, address)
}

// Keeps reports whether the plan is about a declared mirror of this address, and not to
// remove it.
func (in *Input) Keeps(address string) bool { return !in.Destroy && in.chosen(address) }

// names reports whether a list of addresses names this one. A resource's address
// stands for all its for_each instances.
func names(list []string, address string) bool {
	return slices.ContainsFunc(list, func(a string) bool {
		return a == address || strings.HasPrefix(address, a+"[")
	})
}

// checkScope checks that the addresses that narrow the plan are there.
func (m *maker) checkScope() {
	known := m.addresses()
	for _, a := range slices.Concat(m.in.Targets, m.in.Excludes) {
		if !slices.ContainsFunc(known, func(k string) bool { return names([]string{a}, k) }) {
			m.find(noSuchAddress(a, nearest(a, known)))
		}
	}
}

// addresses are all that is declared or recorded, and those of their blocks, sorted.
func (m *maker) addresses() []string {
	var list []string
	for _, p := range m.in.Config.Peers {
		list = append(list, p.Address)
	}
	for _, decl := range m.in.Config.Mirrors {
		list = append(list, decl.Address)
	}
	for _, decl := range m.in.Config.DDL {
		list = append(list, decl.Address)
	}
	for _, r := range m.in.State.Resources {
		list = append(list, r.Address)
	}
	for _, a := range list {
		block, _, _ := strings.Cut(a, "[")
		list = append(list, block)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// declared returns the mirror block of an address, or nil.
func (m *maker) declared(address string) *config.Mirror {
	for _, decl := range m.in.Config.Mirrors {
		if decl.Address == address {
			return decl
		}
	}
	return nil
}

// removed are the recorded mirrors that the plan is to remove.
func (m *maker) removed() []*state.Resource {
	var list []*state.Resource
	for _, r := range m.in.State.Resources {
		if r.Mirror != nil && m.chosen(r.Address) && (m.in.Destroy || m.declared(r.Address) == nil) {
			list = append(list, r)
		}
	}
	return list
}
