package view

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Phases of a continuous mirror that the ledger does not know. Its own are those
// while it is copied.
const (
	PhaseStreaming  = "streaming"
	PhaseCatchingUp = "catching up" // streams, and is far behind
	PhaseConnecting = "connecting"  // a runner has it, and no stream
	PhaseStopped    = "stopped"     // nobody has it
	PhasePaused     = "paused"
	PhaseHalted     = "halted"
)

// What a mirror that streams is doing.
const (
	ActivityIdle  = "idle"  // there is nothing to apply
	ActivityBusy  = "busy"  // transactions are applied, or one is being received
	ActivityStuck = "stuck" // there is, and nothing moves
)

// StreamStatus is how a continuous mirror follows its source.
type StreamStatus struct {
	// Activity is one of the constants above, or "" while it does not stream. Stuck
	// says why and for how long, where that is known.
	Activity string `json:"activity,omitempty"`
	Stuck    string `json:"stuck,omitempty"`

	// Held is who works on it now; nil: nobody. Waiting are runners that wait for it.
	Held    *HolderStatus  `json:"held,omitempty"`
	Waiting []HolderStatus `json:"waiting,omitempty"`

	// LagBytes from SourceNow to Applied; nil where the source cannot be asked.
	// LagSeconds is how old, by the source's clock, what is applied may be. Of an engine
	// of the servers' it is how long the target took to acknowledge what it did last;
	// nil while it acknowledges nothing.
	LagBytes   *int64   `json:"lag_bytes,omitempty"`
	LagSeconds *float64 `json:"lag_seconds,omitempty"`

	// Four places in the source's WAL; "" where they are not known.
	SourceNow string `json:"source_lsn,omitempty"`
	Sent      string `json:"sent_lsn,omitempty"`
	Received  string `json:"received_lsn,omitempty"`
	Applied   string `json:"applied_lsn,omitempty"`

	// Behind are the bytes from each place to SourceNow.
	SentBehind     int64 `json:"sent_behind,omitempty"`
	ReceivedBehind int64 `json:"received_behind,omitempty"`

	// Committed is when the last applied transaction was, by the source's clock.
	Committed *time.Time `json:"committed,omitempty"`

	// Counts since the mirror began, and now a second. Missing changes found no row.
	Transactions       int64    `json:"transactions"`
	Changes            int64    `json:"changes"`
	Missing            int64    `json:"missing"`
	TransactionsSecond *float64 `json:"transactions_per_second,omitempty"`
	ChangesSecond      *float64 `json:"changes_per_second,omitempty"`

	Tables TableStates `json:"table_states"`

	// Engine of the servers' own that is to keep it in step; nil: it is Bascule's stream.
	// Of what that applies nobody counts transactions and rows.
	Engine *EngineStatus `json:"engine,omitempty"`

	Slot *SlotStatus `json:"slot,omitempty"`
	Halt *HaltStatus `json:"halt,omitempty"`

	// Unreachable is why the source could not be asked.
	Unreachable string `json:"unreachable,omitempty"`
}

// TableStates counts the tables that are followed.
type TableStates struct {
	Streaming int `json:"streaming"`
	Copying   int `json:"copying"`
	Removed   int `json:"removed"`

	// Inserts are those of Streaming of which no UPDATE and DELETE is followed.
	Inserts int `json:"inserts_only"`
}

// HolderStatus is a session on the target by which a process works on a mirror.
type HolderStatus struct {
	PID         int32  `json:"pid"`
	Client      string `json:"client"`
	Application string `json:"application"`
}

// SlotStatus is a replication slot.
type SlotStatus struct {
	Name   string `json:"name"`
	Absent bool   `json:"absent,omitempty"`
	Active bool   `json:"active"`
	PID    int32  `json:"pid,omitempty"`

	WALStatus    string `json:"wal_status,omitempty"`
	Invalidation string `json:"invalidation,omitempty"`

	// Held are the bytes of WAL that it keeps, Safe how many more may be written before
	// it is in danger; nil: no limit.
	Held int64  `json:"held_bytes"`
	Safe *int64 `json:"safe_wal_size,omitempty"`
}

// HaltStatus is why a mirror stands still.
type HaltStatus struct {
	Code     string `json:"code"`
	LSN      string `json:"lsn,omitempty"`
	Table    string `json:"table,omitempty"`
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy"`
	Terminal bool   `json:"terminal,omitempty"`
}

// streamStatus renders the lines of a continuous mirror.
func (s *Screen) streamStatus(b *strings.Builder, m *MirrorStatus) {
	t := m.Stream
	for _, line := range [][2]string{
		{"lag", s.lag(t)},
		{"source", place(t.SourceNow, "now")},
		{"sent", place(t.Sent, behind(t.SentBehind))},
		{"received", place(t.Received, behind(t.ReceivedBehind))},
		{"applied", place(t.Applied, applied(t))},
		{"rate", rate(t)},
		{"total", appliedInAll(t)},
		{"engine", t.Engine.text()},
		{"follows", t.Tables.text()},
		{"slot", s.slot(t.Slot)},
		{"kept by", t.Held.text()},
	} {
		if line[1] != "" {
			fmt.Fprintf(b, "  %s %s\n", left(line[0], 8), line[1])
		}
	}
	for _, w := range t.Waiting {
		fmt.Fprintf(b, "  %s %s\n", left("waits", 8), w.text())
	}
	if t.Unreachable != "" {
		fmt.Fprintf(b, "  the source cannot be asked: %s\n", t.Unreachable)
	}
	if m.Phase == PhaseDown {
		fmt.Fprintf(b, "  %s\n%s", s.out.paint(red, "down:"), indent(t.Engine.why(), "    "))
	}
	if h := t.Halt; h != nil {
		fmt.Fprintf(b, "  %s\n%s", s.out.paint(red, "halted:"), indent(haltText(h.Code, h.LSN, h.Table, h.Key, h.Text, h.Remedy), "    "))
	}
}

// streamPhase says where a continuous mirror stands, and what it needs.
func (s *Screen) streamPhase(m *MirrorStatus) string {
	t, text := m.Stream, s.out.paint(bold, m.Phase)
	switch {
	case t.Activity == ActivityStuck:
		text += ", " + s.out.paint(red, "stuck")
		if t.Stuck != "" {
			text += " " + t.Stuck
		}
	case t.Activity != "":
		text += ", " + t.Activity
	case m.Phase == PhaseDown:
		text += ", " + s.out.paint(red, "its worker on the target has ended")
	case m.Phase == PhaseStopped && t.Engine != nil:
		text += ", " + s.out.paint(yellow, "nobody streams it; bascule apply hands it to its servers again")
	case m.Phase == PhaseStopped:
		text += ", " + s.out.paint(yellow, "nobody streams it; start: bascule run")
	case m.Phase == PhasePaused:
		text += ", its slot keeps WAL on the source"
	}
	return text
}

func (s *Screen) lag(t *StreamStatus) string {
	var parts []string
	if t.LagBytes != nil {
		parts = append(parts, size(*t.LagBytes))
	}
	switch {
	case t.LagSeconds == nil:
	case *t.LagSeconds == 0:
		parts = append(parts, "0s")
	default:
		parts = append(parts, span(time.Duration(*t.LagSeconds*float64(time.Second))))
	}
	return strings.Join(parts, ", ")
}

func place(lsn, remark string) string {
	if lsn == "" || remark == "" {
		return lsn
	}
	return left(lsn, 17) + "  " + remark
}

func behind(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return size(bytes) + " behind"
}

func applied(t *StreamStatus) string {
	var parts []string
	if t.LagBytes != nil && *t.LagBytes > 0 {
		parts = append(parts, size(*t.LagBytes)+" behind")
	}
	if t.Committed != nil {
		parts = append(parts, "last commit "+t.Committed.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

func rate(t *StreamStatus) string {
	if t.TransactionsSecond == nil || t.ChangesSecond == nil {
		return ""
	}
	return fmt.Sprintf("%s transactions/s, %s rows/s", thousands(*t.TransactionsSecond), thousands(*t.ChangesSecond))
}

func appliedInAll(t *StreamStatus) string {
	if t.Applied == "" || t.Engine.has() {
		return ""
	}
	text := count(int(t.Transactions), "transaction") + ", " + count(int(t.Changes), "row")
	if t.Missing > 0 {
		text += ", " + grouped(t.Missing) + " of them not found on the target"
	}
	return text
}

func (t TableStates) text() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{t.Streaming, "streaming"}, {t.Copying, "being copied"}, {t.Removed, "removed"}} {
		if p.n > 0 {
			parts = append(parts, count(p.n, "table")+" "+p.what)
		}
	}
	if t.Inserts > 0 {
		parts = append(parts, grouped(int64(t.Inserts))+" of them by inserts only")
	}
	return strings.Join(parts, ", ")
}

func (s *Screen) slot(t *SlotStatus) string {
	switch {
	case t == nil:
		return ""
	case t.Absent:
		return t.Name + "  " + s.out.paint(red, "is not there")
	}
	facts := strings.Join(slotFacts(t), ", ")
	if t.Invalidation != "" || t.WALStatus == "unreserved" || t.WALStatus == "lost" {
		facts = s.out.paint(red, facts)
	}
	return t.Name + "  " + facts
}

// slotFacts are what there is to say of a slot besides its name.
func slotFacts(t *SlotStatus) []string {
	active, reserved, safe := "inactive", t.WALStatus, ""
	if t.Active {
		active = fmt.Sprintf("active (pid %d)", t.PID)
	}
	if t.Invalidation != "" {
		reserved = "invalidated: " + t.Invalidation
	}
	if t.Safe != nil {
		safe = size(*t.Safe) + " more until it is in danger"
	}
	facts := []string{active, reserved, "holds " + size(t.Held) + " of WAL", safe}
	return slices.DeleteFunc(facts, func(f string) bool { return f == "" })
}

func (h *HolderStatus) text() string {
	if h == nil {
		return ""
	}
	return fmt.Sprintf("%s, pid %d on the target, client %s", h.Application, h.PID, h.Client)
}
