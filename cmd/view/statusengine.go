package view

import (
	"fmt"
	"strings"
)

// PhaseDown is that of a mirror whose servers' engine should work and does not.
const PhaseDown = "down"

// EngineStatus is the servers' own engine that keeps a mirror in step.
type EngineStatus struct {
	Name         string `json:"name"` // subscription, pglogical
	Subscription string `json:"subscription"`

	// Handed: it has the mirror. Otherwise the mirror is with an apply, or was when that
	// was interrupted.
	Handed bool `json:"handed"`

	// Enabled: it is to work. Working: its worker on the target is alive.
	Enabled bool `json:"enabled"`
	Working bool `json:"working"`

	// Errors that its worker ended with; nil where nobody counts.
	Errors *int64 `json:"errors,omitempty"`

	// Causes are what was found that may have stopped it, as sentences. Remedy is what
	// to do, of one that is down.
	Causes []string `json:"causes,omitempty"`
	Remedy string   `json:"remedy,omitempty"`
}

// has reports whether the engine moves the mirror's rows now.
func (e *EngineStatus) has() bool { return e != nil && e.Handed }

// engineName says of an engine what it is.
func engineName(name, subscription string) string {
	if name == "subscription" {
		return "the target's own subscription " + subscription
	}
	return name + "'s subscription " + subscription
}

func (e *EngineStatus) text() string {
	if e == nil {
		return ""
	}
	parts := []string{engineName(e.Name, e.Subscription)}
	switch {
	case !e.Handed:
		parts = append(parts, "which does not have it now")
	case !e.Enabled:
		parts = append(parts, "not enabled")
	case !e.Working:
		parts = append(parts, "no worker")
	}
	if e.Errors != nil && *e.Errors > 0 {
		parts = append(parts, count(int(*e.Errors), "error")+" so far")
	}
	return strings.Join(parts, ", ")
}

// why lists what may have brought the engine down, and what to do.
func (e *EngineStatus) why() string {
	var b strings.Builder
	for _, c := range e.Causes {
		fmt.Fprintf(&b, "maybe because %s\n", c)
	}
	if len(e.Causes) == 0 {
		b.WriteString("tables and columns of both sides do not tell why\n")
	}
	fmt.Fprintf(&b, "what to do:  %s\n", e.Remedy)
	return b.String()
}

// workWord says how a subscription fares.
func workWord(enabled, working bool) string {
	switch {
	case !enabled:
		return "disabled"
	case !working:
		return "no worker"
	}
	return "working"
}
