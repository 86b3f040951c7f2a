package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"bascule/cmd/view"
	"bascule/executor/pglogical"
	"bascule/executor/slot"
	"bascule/executor/subscription"
	"bascule/planner"
	"bascule/planner/catalog"

	"github.com/jackc/pgx/v5"
)

// alsoFound is what else a mirror may have on a peer: a subscription on its target, a log
// of DDL on its source, or what pglogical has there for it. One of the three is set.
type alsoFound struct {
	subscription *catalog.OwnSubscription
	log          *catalog.Log
	pglogical    *pglogical.Found

	mirror, lineage string
	orphan, dropped bool
}

func (f *alsoFound) name() string {
	switch {
	case f.log != nil:
		return f.log.Schema
	case f.pglogical != nil:
		return f.pglogical.Name
	}
	return f.subscription.Name
}

// readAlso finds what is no slot and no publication. The slots of pglogical's
// subscriptions carry other names than mirrors give; they are added to the slots.
func (p *slotPeer) readAlso(ctx context.Context, conn *pgx.Conn, lineage string, addresses []string) error {
	subscriptions, err := catalog.ReadOwnSubscriptions(ctx, conn, slot.Prefix)
	if err != nil {
		return err
	}
	for i := range subscriptions {
		p.also = append(p.also, alsoFound{subscription: &subscriptions[i]})
	}
	logs, err := catalog.ReadLogs(ctx, conn)
	if err != nil {
		return err
	}
	for i := range logs {
		if strings.HasPrefix(logs[i].Comment, catalog.LogMark) {
			p.also = append(p.also, alsoFound{log: &logs[i]})
		}
	}
	nodes, err := pglogical.List(ctx, conn)
	if err != nil {
		return err
	}
	for i := range nodes {
		p.also = append(p.also, alsoFound{pglogical: &nodes[i]})
	}
	for i := range p.also {
		f := &p.also[i]
		f.mirror, f.lineage = slot.Whose(f.name(), lineage, addresses), slot.Lineage(f.name())
		read := f.pglogical != nil && f.pglogical.Active
		f.orphan = f.mirror == "" && f.lineage == lineage[:min(8, len(lineage))] && !read
	}
	slots, _, err := catalog.ReadSlots(ctx, conn)
	for i := range slots {
		if enginesSlot(&slots[i]) {
			p.found = append(p.found, slot.Found{Slot: &slots[i]})
		}
	}
	return err
}

// enginesSlots says of slots whose name does not tell it whose they are: those of the
// nodes that they are of, or of the subscriptions that read them, wherever these are.
func (l *slotList) enginesSlots() {
	readers := map[string]*alsoFound{}
	for _, p := range l.peers {
		for i := range p.also {
			f := &p.also[i]
			if s := f.subscription; s != nil && s.Slot != "" && readers[s.Slot] == nil {
				readers[s.Slot] = f
			}
			if f.pglogical != nil {
				for _, name := range f.pglogical.Slots {
					readers[name] = f
				}
			}
		}
	}
	for _, p := range l.peers {
		for i := range p.found {
			f := &p.found[i]
			if f.Slot == nil || !enginesSlot(f.Slot) {
				continue
			}
			if r := readers[f.Slot.Name]; r != nil {
				f.Mirror, f.Lineage = r.mirror, r.lineage
				f.Orphan = r.pglogical != nil && r.orphan // it goes with its node
			}
		}
	}
}

// pruneAlso drops an orphan. The slot that a subscription read is not dropped with it:
// that is on another server, and an orphan by itself once nobody reads it.
func (p *slotPeer) pruneAlso(ctx context.Context, conn *pgx.Conn, f *alsoFound) error {
	switch {
	case f.log != nil:
		return slot.DropLog(ctx, conn, f.log.Schema)
	case f.pglogical != nil:
		return p.prunePglogical(ctx, conn, f.name(), f.pglogical.Source)
	case f.subscription.Engine == catalog.EnginePglogical:
		return p.prunePglogical(ctx, conn, f.name(), false)
	}
	s := planner.Stream{Subscription: f.subscription.Name, Slot: f.subscription.Slot}
	for i, name := range f.subscription.Publications {
		if i == 0 {
			s.Publication = name
		} else {
			s.Inserts = name
		}
	}
	left, err := subscription.New(subscription.Config{Target: conn, TargetPeer: p.peer.Address, Stream: s}).Remove(ctx)
	if err == nil && len(left) > 0 {
		err = &keptError{text: strings.Join(left, "; ")}
	}
	return err
}

// droppedWith notes the slots that went with what pglogical had for a mirror.
func (p *slotPeer) droppedWith(f *alsoFound) {
	for i := range p.found {
		if x := p.found[i].Slot; f.pglogical != nil && x != nil && slices.Contains(f.pglogical.Slots, x.Name) {
			p.dropped[i] = true
		}
	}
}

// prunePglogical drops what pglogical has for a mirror on one side, with a slot that
// nobody reads.
func (p *slotPeer) prunePglogical(ctx context.Context, conn *pgx.Conn, name string, source bool) error {
	cfg := pglogical.Config{Stream: planner.Stream{Engine: planner.EnginePglogical, Subscription: name}, Label: name,
		TargetDatabase: p.database, Patience: time.Second}
	if source {
		cfg.Source = conn
	} else {
		cfg.Target = conn
	}
	_, err := pglogical.New(cfg).Remove(ctx) // what it has on the other side is listed, and pruned, there
	return err
}

// keptError is an orphan that was not dropped.
type keptError struct{ text string }

func (e *keptError) Error() string { return e.text }

// Hint says what the operator can do about it.
func (e *keptError) Hint() string { return "look at it, and drop it by hand if nobody needs it" }

// addAlso adds to what is shown of a peer.
func (l *slotList) addAlso(p *slotPeer, v *view.SlotsPeer) {
	for i := range p.also {
		f := &p.also[i]
		owner := l.owned(f.mirror, f.lineage, f.orphan, f.dropped)
		if f.log != nil {
			v.Logs = append(v.Logs, view.LogEntry{Schema: f.log.Schema, Owner: owner})
			continue
		}
		if n := f.pglogical; n != nil {
			v.Nodes = append(v.Nodes, view.NodeEntry{Name: n.Name, Owner: owner, Node: n.Node, Source: n.Source, Slots: n.Slots})
			continue
		}
		s := f.subscription
		v.Subscriptions = append(v.Subscriptions, view.SubscriptionEntry{Name: s.Name, Owner: owner, Engine: s.Engine, Enabled: s.Enabled, Working: s.Working, Slot: s.Slot})
	}
}
