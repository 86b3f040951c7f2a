package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bascule/planner"
	"bascule/state"
)

// saveTime bounds a save of the state file after a cancel.
const saveTime = 30 * time.Second

// save changes the state file and saves it, also after a cancel: what came to be
// must be known.
func (a *apply) save(ctx context.Context, edit func(f *state.File)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	edit(a.cfg.State)
	slices.SortFunc(a.cfg.State.Resources, func(x, y *state.Resource) int { return strings.Compare(x.Address, y.Address) })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	a.cfg.Log.DebugContext(ctx, "state save begins", "serial", a.cfg.State.Serial)
	if err := a.cfg.Store.Save(ctx, a.cfg.State); err != nil {
		return fmt.Errorf("save the state: %w", err)
	}
	return nil
}

// step journals one step of a change around the work on it.
func (a *apply) step(ctx context.Context, address, id string, work func() error) error {
	if err := a.journal(ctx, address, id, "started", nil); err != nil {
		return err
	}
	err := work()
	status := "done"
	if err != nil {
		status = "failed"
	}
	if saved := a.journal(ctx, address, id, status, err); err == nil {
		err = saved
	}
	return err
}

// journal records where a step is. A step has one entry: its last word.
func (a *apply) journal(ctx context.Context, address, id, status string, err error) error {
	return a.save(ctx, func(f *state.File) {
		f.Journal = slices.DeleteFunc(f.Journal, func(e state.JournalEntry) bool { return e.Address == address && e.Step == id })
		e := state.JournalEntry{Address: address, Step: id, Status: status, At: time.Now().UTC()}
		if err != nil {
			e.Error = err.Error()
		}
		f.Journal = append(f.Journal, e)
	})
}

// settle ends a change in the state: its resource is as given, nil for none, and
// its journal is dropped.
func (a *apply) settle(ctx context.Context, address string, r *state.Resource) error {
	return a.save(ctx, func(f *state.File) {
		put(f, address, r)
		f.Journal = slices.DeleteFunc(f.Journal, func(e state.JournalEntry) bool { return e.Address == address })
	})
}

// put sets or removes a resource. The time it was created is kept.
func put(f *state.File, address string, r *state.Resource) {
	old := f.Find(address)
	f.Resources = slices.DeleteFunc(f.Resources, func(x *state.Resource) bool { return x.Address == address })
	if r == nil {
		return
	}
	r.Updated = time.Now().UTC()
	r.Created = r.Updated
	if old != nil {
		r.Created = old.Created
	}
	f.Resources = append(f.Resources, r)
}

func (a *apply) forget(ctx context.Context, address string) error {
	return a.settle(ctx, address, nil)
}

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
	return a.save(ctx, func(f *state.File) {
		for _, p := range a.cfg.Plan.Peers {
			if !used[p.Address] || p.Missing {
				continue
			}
			now := &state.Peer{Endpoint: p.Endpoint, SystemIdentifier: p.SystemIdentifier, DatabaseOID: p.DatabaseOID}
			if old := f.Find(p.Address); old == nil || old.Peer == nil || *old.Peer != *now {
				put(f, p.Address, &state.Resource{Address: p.Address, Status: state.Ready, Peer: now})
			}
		}
	})
}

// resource is the mirror's record in the state.
func resource(c *planner.Change, status string) *state.Resource {
	return &state.Resource{Address: c.Address, Status: status, Mirror: c.Mirror.State()}
}
