package view

import (
	"fmt"
	"strings"
	"time"
)

// StatusReport is how far everything is that a configuration and a state name.
type StatusReport struct {
	Format  int            `json:"format"`
	Command string         `json:"command"`
	State   string         `json:"state"`
	Serial  int64          `json:"serial"`
	Mirrors []MirrorStatus `json:"mirrors"`
	Peers   []PeerStatus   `json:"peers"`
}

// MirrorStatus is how far one mirror is, from the state and from the target.
type MirrorStatus struct {
	Address string `json:"address"`
	Source  string `json:"source"`
	Target  string `json:"target"`

	// Phase is "declared" (not applied), the ledger's phase, "unknown", or one of the
	// constants for continuous mirrors.
	Phase string `json:"phase"`

	// Stream is of a continuous mirror that has a slot.
	Stream *StreamStatus `json:"stream,omitempty"`

	// Attempt counts the snapshots taken.
	Attempt int `json:"attempt,omitempty"`

	Started  *time.Time `json:"started,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
	Updated  *time.Time `json:"updated,omitempty"`

	Tables       int   `json:"tables"`
	TablesDone   int   `json:"tables_done"`
	Bytes        int64 `json:"bytes"`
	BytesDone    int64 `json:"bytes_done"`
	Rows         int64 `json:"rows"`
	Objects      int   `json:"objects"`
	ObjectsDone  int   `json:"objects_done"`
	BytesSecond  int64 `json:"bytes_per_second,omitempty"`
	SecondsLeft  int64 `json:"seconds_left,omitempty"`
	SecondsTaken int64 `json:"seconds_taken,omitempty"`

	// Running: a process works on it now.
	Running bool `json:"running"`

	Copying []CopyStatus  `json:"copying"`
	Builds  []BuildStatus `json:"builds"`
	Failed  []FailStatus  `json:"failed"`

	// Error is what stopped the mirror last. Unreachable is why the target could
	// not be asked.
	Error       string `json:"error,omitempty"`
	Unreachable string `json:"unreachable,omitempty"`
}

// CopyStatus is a table in work.
type CopyStatus struct {
	Table      string `json:"table"`
	Bytes      int64  `json:"bytes"`
	BytesDone  int64  `json:"bytes_done"`
	Chunks     int    `json:"chunks"`
	ChunksDone int    `json:"chunks_done"`

	// Wire and Rows of the parts in work now.
	Wire int64 `json:"wire"`
	Rows int64 `json:"rows"`
}

// BuildStatus is an index in work.
type BuildStatus struct {
	Index string `json:"index"`
	Table string `json:"table"`
	Phase string `json:"phase"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// FailStatus is a table that stopped with an error.
type FailStatus struct {
	Table string `json:"table"`
	Error string `json:"error"`
}

// Status shows how far things are.
func (s *Screen) Status(r StatusReport) error {
	if s.json {
		r.Format, r.Command = DocumentFormat, "status"
		return s.Document(r)
	}
	return s.Text(s.StatusText(r))
}

// StatusText renders a status.
func (s *Screen) StatusText(r StatusReport) string {
	var b strings.Builder
	for i := range r.Mirrors {
		if i > 0 {
			b.WriteString("\n")
		}
		s.mirrorStatus(&b, &r.Mirrors[i])
	}
	if len(r.Mirrors) > 0 && len(r.Peers) > 0 {
		b.WriteString("\n")
	}
	var g grid
	for i := range r.Peers {
		if p := &r.Peers[i]; p.Asked {
			s.peerStatus(&b, p)
		} else {
			g.add(p.Address, p.Endpoint)
		}
	}
	for _, l := range g.lines("  ") {
		fmt.Fprintln(&b, l)
	}
	if b.Len() == 0 {
		b.WriteString("Nothing is declared, and nothing is in the state.\n")
	}
	return b.String()
}

func (s *Screen) mirrorStatus(b *strings.Builder, m *MirrorStatus) {
	fmt.Fprintf(b, "%s  %s -> %s  %s\n", s.out.paint(bold, m.Address), m.Source, m.Target, s.phase(m))
	if m.Unreachable != "" {
		fmt.Fprintf(b, "  the target cannot be asked: %s\n", m.Unreachable)
	}
	if m.Tables > 0 && !m.streams() {
		fmt.Fprintf(b, "  tables   %s of %s\n", grouped(int64(m.TablesDone)), grouped(int64(m.Tables)))
		fmt.Fprintf(b, "  bytes    %s of %s, %d %%%s\n", size(m.BytesDone), size(m.Bytes), share(m.BytesDone, m.Bytes), speed(m))
		fmt.Fprintf(b, "  rows     %s\n", grouped(m.Rows))
	}
	if m.Objects > m.ObjectsDone || m.Objects > 0 && !m.streams() {
		fmt.Fprintf(b, "  objects  %s of %s\n", grouped(int64(m.ObjectsDone)), grouped(int64(m.Objects)))
	}
	if m.Stream != nil {
		s.streamStatus(b, m)
	}
	section(b, "copying", copyLines(m.Copying))
	section(b, "building", buildLines(m.Builds))
	section(b, "failed", failLines(m.Failed))
	if m.Error != "" {
		fmt.Fprintf(b, "  %s %s\n", s.out.paint(red, "last error:"), m.Error)
	}
}

// phase says where a mirror stands, and since when.
func (s *Screen) phase(m *MirrorStatus) string {
	if m.streams() {
		return s.streamPhase(m)
	}
	text := s.out.paint(bold, m.Phase)
	if m.Started != nil && m.Finished == nil {
		text += ", began " + m.Started.UTC().Format(time.RFC3339)
		if !m.Running {
			text += ", " + s.out.paint(yellow, "nobody works on it now")
		}
	}
	if m.Finished != nil {
		text += " " + m.Finished.UTC().Format(time.RFC3339)
		if m.SecondsTaken > 0 {
			text += " in " + span(time.Duration(m.SecondsTaken)*time.Second)
		}
	}
	if m.Attempt > 1 {
		text += fmt.Sprintf(", snapshot %d", m.Attempt)
	}
	return text
}

// streams reports whether the initial copy of a continuous mirror is complete.
func (m *MirrorStatus) streams() bool {
	switch m.Phase {
	case PhaseStreaming, PhaseCatchingUp, PhaseConnecting, PhaseStopped, PhasePaused, PhaseHalted, PhaseDown:
		return m.Stream != nil
	}
	return false
}

func speed(m *MirrorStatus) string {
	text := ""
	if m.BytesSecond > 0 {
		text += ", " + size(m.BytesSecond) + "/s"
	}
	if m.SecondsLeft > 0 {
		text += ", " + span(time.Duration(m.SecondsLeft)*time.Second) + " left"
	}
	return text
}

// section prints a heading and its lines, if there are any.
func section(b *strings.Builder, name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s:\n", name)
	for _, l := range lines {
		fmt.Fprintf(b, "    %s\n", l)
	}
}

func copyLines(list []CopyStatus) []string {
	var g grid
	g.right(1)
	for _, c := range list {
		now := ""
		if c.Wire > 0 {
			now = fmt.Sprintf("now %s, %s rows", size(c.Wire), grouped(c.Rows))
		}
		chunks := ""
		if c.Chunks > 1 {
			chunks = fmt.Sprintf("%d of %d chunks", c.ChunksDone, c.Chunks)
		}
		g.add(c.Table, fmt.Sprintf("%d %%", share(c.BytesDone, c.Bytes)), size(c.BytesDone)+" of "+size(c.Bytes), chunks, now)
	}
	return g.lines("   ")
}

func buildLines(list []BuildStatus) []string {
	var g grid
	g.right(1)
	for _, i := range list {
		done := ""
		if i.Total > 0 {
			done = fmt.Sprintf("%d %%", share(i.Done, i.Total))
		}
		name := "index " + i.Index
		if i.Index == "" {
			name = "an index of " + i.Table
		}
		g.add(name, done, i.Phase)
	}
	return g.lines("   ")
}

func failLines(list []FailStatus) []string {
	var lines []string
	for _, f := range list {
		lines = append(lines, f.Table+": "+f.Error)
	}
	return lines
}

// Redraw shows text anew: in place of what was there on a terminal, else below it.
func (s *Screen) Redraw(text string, terminal bool) error {
	if terminal {
		return s.Text("\x1b[H\x1b[2J" + text)
	}
	return s.Text(text + "\n")
}
