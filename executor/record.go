package executor

import (
	"context"

	"bascule/executor/journal"
	"bascule/planner"
	"bascule/state"
)

// recordPeers records which databases the plan's changes are about, before
// anything is done to them.
func (a *apply) recordPeers(ctx context.Context) error {
	used := map[string]bool{}
	for _, c := range a.cfg.Plan.Changes {
		if c.Mirror != nil && c.Action != planner.Remove && !protects(&c) {
			used[c.Mirror.Source], used[c.Mirror.Target] = true, true
		}
		if c.DDL != nil && c.Action != planner.Forget {
			used[c.DDL.Source] = true
			for _, m := range c.DDL.Mirrors {
				used[m.Target] = true
			}
		}
	}
	return a.Save(ctx, func(f *state.File) {
		for _, p := range a.cfg.Plan.Peers {
			if !used[p.Address] || p.Missing {
				continue
			}
			now := &state.Peer{Endpoint: p.Endpoint, SystemIdentifier: p.SystemIdentifier, DatabaseOID: p.DatabaseOID}
			if old := f.Find(p.Address); old == nil || old.Peer == nil || *old.Peer != *now {
				journal.Put(f, p.Address, &state.Resource{Address: p.Address, Status: state.Ready, Peer: now})
			}
		}
	})
}

// resource is the mirror's record in the state.
func resource(c *planner.Change, status string) *state.Resource {
	return &state.Resource{Address: c.Address, Status: status, Mirror: c.Mirror.State()}
}
