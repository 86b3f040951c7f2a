package view

import (
	"fmt"
	"strings"
)

// SlotsReport is what mirrors, of this state or of another, have on the peers.
type SlotsReport struct {
	Format  int         `json:"format"`
	Command string      `json:"command"`
	Peers   []SlotsPeer `json:"peers"`
}

// SlotsPeer is what was found on one peer.
type SlotsPeer struct {
	Address      string             `json:"address"`
	Endpoint     string             `json:"endpoint"`
	Unreachable  string             `json:"unreachable,omitempty"`
	Slots        []SlotEntry        `json:"slots"`
	Publications []PublicationEntry `json:"publications"`

	// Subscriptions that keep mirrors in step, on their targets, and Logs of DDL.
	Subscriptions []SubscriptionEntry `json:"subscriptions,omitempty"`
	Logs          []LogEntry          `json:"ddl_logs,omitempty"`

	// Nodes is what pglogical has for mirrors.
	Nodes []NodeEntry `json:"pglogical,omitempty"`
}

// MadeBy says whose something is that a mirror made.
type MadeBy struct {
	// Mirror of this state, "" where it is of none. Lineage is the beginning of the
	// lineage of the state that made it; Ours: it is this one's.
	Mirror  string `json:"mirror,omitempty"`
	Lineage string `json:"lineage,omitempty"`
	Ours    bool   `json:"ours"`

	// Orphan: of this lineage, and no mirror has it. Dropped: it was one.
	Orphan  bool `json:"orphan"`
	Dropped bool `json:"dropped,omitempty"`
}

// SlotEntry is one replication slot.
type SlotEntry struct {
	Name     string `json:"name"`
	Owner    MadeBy `json:"owner"`
	Database string `json:"database"`

	Active bool   `json:"active"`
	PID    int32  `json:"pid,omitempty"`
	Client string `json:"client,omitempty"`

	Temporary bool `json:"temporary,omitempty"`
	Failover  bool `json:"failover,omitempty"`
	Synced    bool `json:"synced,omitempty"`

	Confirmed string `json:"confirmed_flush_lsn,omitempty"`

	// Held are the bytes of WAL that it keeps, Safe how many more may be written before
	// it is in danger; nil: no limit.
	Held int64  `json:"held_bytes"`
	Safe *int64 `json:"safe_wal_size,omitempty"`

	WALStatus    string `json:"wal_status,omitempty"`
	Invalidation string `json:"invalidation,omitempty"`
}

// PublicationEntry is one publication.
type PublicationEntry struct {
	Name   string `json:"name"`
	Owner  MadeBy `json:"owner"`
	Tables int    `json:"tables"`
}

// SubscriptionEntry is one subscription, of the server's own or of pglogical.
type SubscriptionEntry struct {
	Name    string `json:"name"`
	Owner   MadeBy `json:"owner"`
	Engine  string `json:"engine"`
	Enabled bool   `json:"enabled"`
	Working bool   `json:"working"` // its worker is alive
	Slot    string `json:"slot,omitempty"`
}

// LogEntry is a schema with the log of DDL that event triggers write.
type LogEntry struct {
	Schema string `json:"schema"`
	Owner  MadeBy `json:"owner"`
}

// NodeEntry is what pglogical has for a mirror in a database: its node, or replication
// sets in one that was there before.
type NodeEntry struct {
	Name   string   `json:"name"` // that the mirror's subscription has, or had
	Owner  MadeBy   `json:"owner"`
	Node   string   `json:"node,omitempty"`
	Source bool     `json:"source"` // the mirror is sent from here, by these slots
	Slots  []string `json:"slots,omitempty"`
}

// what says what is there.
func (e *NodeEntry) what() string {
	switch {
	case e.Node == "":
		return "replication sets"
	case e.Source:
		return "node and replication sets"
	}
	return "node " + e.Node
}

// Slots shows what was found.
func (s *Screen) Slots(r SlotsReport) error {
	if s.json {
		r.Format, r.Command = DocumentFormat, "slots"
		return s.Document(r)
	}
	return s.Text(s.SlotsText(r))
}

// SlotsText renders what was found.
func (s *Screen) SlotsText(r SlotsReport) string {
	var b strings.Builder
	for i := range r.Peers {
		if i > 0 {
			b.WriteString("\n")
		}
		s.slotsPeer(&b, &r.Peers[i])
	}
	if b.Len() == 0 {
		b.WriteString("No peer is declared.\n")
	}
	return b.String()
}

func (s *Screen) slotsPeer(b *strings.Builder, p *SlotsPeer) {
	fmt.Fprintf(b, "%s  %s\n", s.out.paint(bold, p.Address), p.Endpoint)
	switch {
	case p.Unreachable != "":
		fmt.Fprintf(b, "  it cannot be asked: %s\n", p.Unreachable)
		return
	case len(p.Slots)+len(p.Publications)+len(p.Subscriptions)+len(p.Logs)+len(p.Nodes) == 0:
		b.WriteString("  nothing of a mirror\n")
		return
	}
	var slots, publications, subscriptions, logs, nodes grid
	slots.right(2)
	for i := range p.Slots {
		e := &p.Slots[i]
		slots.add(e.Name, e.Owner.String(), size(e.Held)+" of WAL", e.health(), e.reader())
	}
	for i := range p.Publications {
		e := &p.Publications[i]
		publications.add(e.Name, e.Owner.String(), count(e.Tables, "table"))
	}
	for i := range p.Subscriptions {
		e := &p.Subscriptions[i]
		subscriptions.add(e.Name, e.Owner.String(), e.Engine, workWord(e.Enabled, e.Working))
	}
	for i := range p.Logs {
		logs.add(p.Logs[i].Schema, p.Logs[i].Owner.String())
	}
	for i := range p.Nodes {
		e := &p.Nodes[i]
		nodes.add(e.Name, e.Owner.String(), e.what())
	}
	section(b, "slots", slots.lines("   "))
	section(b, "publications", publications.lines("   "))
	section(b, "subscriptions", subscriptions.lines("   "))
	section(b, "logs of DDL", logs.lines("   "))
	section(b, "pglogical", nodes.lines("   "))
}

// String is whose it is, for people.
func (m MadeBy) String() string {
	switch {
	case m.Dropped:
		return "orphan, dropped"
	case m.Orphan:
		return "orphan"
	case m.Mirror != "":
		return m.Mirror
	case m.Ours:
		return "no mirror of this state"
	case m.Lineage == "":
		return "not told by its name"
	}
	return "state " + m.Lineage
}

// reader says who streams from a slot.
func (e *SlotEntry) reader() string {
	if !e.Active {
		return "nobody reads it"
	}
	text := fmt.Sprintf("read by pid %d", e.PID)
	if e.Client != "" {
		text += " of " + e.Client
	}
	return text
}

// health says how safe a slot's WAL is.
func (e *SlotEntry) health() string {
	text := e.WALStatus
	if e.Invalidation != "" {
		text += ": " + e.Invalidation
	}
	if e.Safe != nil {
		text += ", " + size(*e.Safe) + " until it is in danger"
	}
	if e.Temporary {
		text += ", temporary"
	}
	if e.Synced {
		text += ", a copy of the primary's"
	}
	return text
}
