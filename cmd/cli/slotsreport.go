package cli

import (
	"bascule/cmd/view"
	"bascule/executor/slot"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// report is what is shown.
func (l *slotList) report() view.SlotsReport {
	r := view.SlotsReport{Peers: []view.SlotsPeer{}}
	for _, p := range l.peers {
		endpoint, _ := session.Endpoint(p.peer) // what is wrong with it was said when it was asked
		v := view.SlotsPeer{Address: p.peer.Address, Endpoint: endpoint, Slots: []view.SlotEntry{}, Publications: []view.PublicationEntry{}}
		if p.err != nil {
			v.Unreachable = p.err.Error()
		}
		for i := range p.found {
			f := &p.found[i]
			if f.Slot != nil {
				v.Slots = append(v.Slots, slotEntry(f.Slot, l.madeBy(f, p.dropped[i])))
				continue
			}
			v.Publications = append(v.Publications, view.PublicationEntry{Name: f.Name(), Owner: l.madeBy(f, p.dropped[i]), Tables: listed(f.Publication)})
		}
		l.addAlso(p, &v)
		r.Peers = append(r.Peers, v)
	}
	return r
}

func (l *slotList) madeBy(f *slot.Found, dropped bool) view.MadeBy {
	return l.owned(f.Mirror, f.Lineage, f.Orphan, dropped)
}

func (l *slotList) owned(mirror, lineage string, orphan, dropped bool) view.MadeBy {
	ours := l.w.file.Lineage
	return view.MadeBy{Mirror: mirror, Lineage: lineage, Ours: lineage == ours[:min(8, len(ours))], Orphan: orphan, Dropped: dropped}
}

func slotEntry(s *catalog.Slot, owner view.MadeBy) view.SlotEntry {
	e := view.SlotEntry{Name: s.Name, Owner: owner, Database: s.Database, Active: s.Active, PID: s.PID, Client: s.Client,
		Temporary: s.Temporary, Failover: s.Failover, Synced: s.Synced, Held: s.Held, WALStatus: s.WALStatus, Invalidation: s.Invalidation}
	if s.Confirmed != 0 {
		e.Confirmed = s.Confirmed.String()
	}
	if s.SafeWALSize >= 0 {
		e.Safe = &s.SafeWALSize
	}
	return e
}

// listed counts the tables that a publication names.
func listed(p *catalog.Publication) int {
	n := 0
	for _, t := range p.Tables {
		if t.Listed {
			n++
		}
	}
	return n
}
