package view

import (
	"fmt"
	"strings"
	"time"
)

// PeerStatus is one peer. Of one that was asked for, what this program has there.
type PeerStatus struct {
	Address  string `json:"address"`
	Endpoint string `json:"endpoint"`

	// Asked: the rest says what was seen there.
	Asked    bool            `json:"asked,omitempty"`
	Sessions []SessionStatus `json:"sessions,omitempty"`
	Slots    []SlotStatus    `json:"slots,omitempty"`

	// Subscriptions that keep mirrors in step which end here.
	Subscriptions []SubscriptionStatus `json:"subscriptions,omitempty"`

	// Held are the bytes of WAL that the slots keep, the one that keeps most.
	Held int64 `json:"held_bytes,omitempty"`

	Unreachable string `json:"unreachable,omitempty"`
}

// SubscriptionStatus is one subscription with our prefix.
type SubscriptionStatus struct {
	Name    string `json:"name"`
	Engine  string `json:"engine"` // subscription, pglogical
	Enabled bool   `json:"enabled"`
	Working bool   `json:"working"` // its worker is alive
	Slot    string `json:"slot,omitempty"`
}

// SessionStatus is one of our sessions on a server.
type SessionStatus struct {
	PID         int32      `json:"pid"`
	Application string     `json:"application"`
	Database    string     `json:"database,omitempty"`
	State       string     `json:"state"`
	Query       string     `json:"query"`
	Since       *time.Time `json:"since,omitempty"`
	Seconds     float64    `json:"seconds"` // since then
	Waiting     string     `json:"waiting,omitempty"`
	BlockedBy   []int32    `json:"blocked_by,omitempty"`
}

// peerStatus renders what there is on a peer.
func (s *Screen) peerStatus(b *strings.Builder, p *PeerStatus) {
	fmt.Fprintf(b, "%s  %s\n", s.out.paint(bold, p.Address), p.Endpoint)
	if p.Unreachable != "" {
		fmt.Fprintf(b, "  it cannot be asked: %s\n", p.Unreachable)
		return
	}
	if len(p.Sessions) == 0 {
		b.WriteString("  sessions: none\n")
	}
	section(b, "sessions", sessionLines(p.Sessions))
	var subscriptions grid
	for _, x := range p.Subscriptions {
		subscriptions.add(x.Name, x.Engine, workWord(x.Enabled, x.Working))
	}
	section(b, "subscriptions", subscriptions.lines("   "))
	if len(p.Slots) == 0 {
		b.WriteString("  slots: none\n")
		return
	}
	var g grid
	for i := range p.Slots {
		g.add(append([]string{p.Slots[i].Name}, slotFacts(&p.Slots[i])...)...)
	}
	section(b, "slots", g.lines("   "))
	fmt.Fprintf(b, "  they hold %s of WAL\n", size(p.Held))
}

func sessionLines(list []SessionStatus) []string {
	var g grid
	for _, x := range list {
		state := x.State
		if x.Since != nil {
			state += " for " + span(time.Duration(x.Seconds*float64(time.Second)))
		}
		waits := ""
		if x.Waiting != "" && x.Waiting != "Client: ClientRead" {
			waits = "waits for " + x.Waiting
		}
		if len(x.BlockedBy) > 0 {
			waits += ", " + "blocked by " + pids(x.BlockedBy)
		}
		g.add(fmt.Sprint(x.PID), x.Application, state, strings.TrimPrefix(waits, ", "), x.Query)
	}
	return g.lines("   ")
}

func pids(list []int32) string {
	var parts []string
	for _, p := range list {
		parts = append(parts, fmt.Sprint(p))
	}
	return "pid " + strings.Join(parts, ", ")
}
