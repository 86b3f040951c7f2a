package view

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"bascule/executor/progress"
)

// Events prints what happens to continuous mirrors, a line an event: to standard
// error, or as JSON objects to standard output. It is a progress.Sink.
type Events struct {
	screen *Screen
	now    func() time.Time

	mu sync.Mutex
}

// Events returns a sink that takes the time of each event from now.
func (s *Screen) Events(now func() time.Time) *Events {
	s.answered = s.json
	return &Events{screen: s, now: now}
}

// EventLine is one event as JSON.
type EventLine struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"` // started, caught up, stopped, retrying, halted, note
	Mirror string    `json:"mirror"`

	Slot         string `json:"slot,omitempty"`
	Position     string `json:"position,omitempty"`
	Transactions int64  `json:"transactions,omitempty"`
	Changes      int64  `json:"changes,omitempty"`

	// Text says why it stopped, what is tried again, or what there is to note.
	Text string `json:"text,omitempty"`

	// Error is a message of the server or ours. The rest is of a halt, and Seconds how
	// long until it is tried again.
	Error    string  `json:"error,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	Code     string  `json:"code,omitempty"`
	LSN      string  `json:"lsn,omitempty"`
	Table    string  `json:"table,omitempty"`
	Key      string  `json:"key,omitempty"`
	Remedy   string  `json:"remedy,omitempty"`
	Terminal bool    `json:"terminal,omitempty"`
}

// Event prints one event; those of a copy are none of it.
func (e *Events) Event(event progress.Event) {
	line, ok := eventLine(event)
	if !ok {
		return
	}
	line.Time, line.Mirror = e.now().UTC(), addressOf(line.Mirror)
	e.mu.Lock()
	defer e.mu.Unlock()
	// There is nobody to tell that an output is gone.
	if e.screen.json {
		enc := json.NewEncoder(e.screen.stdout)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(line)
		return
	}
	_, _ = io.WriteString(e.screen.stderr, line.text(e.screen.err))
}

func eventLine(event progress.Event) (EventLine, bool) {
	switch e := event.(type) {
	case progress.StreamStarted:
		return EventLine{Event: "started", Mirror: e.Mirror, Slot: e.Slot}, true
	case progress.CaughtUp:
		return EventLine{Event: "caught up", Mirror: e.Mirror, Position: e.Position, Transactions: e.Transactions, Changes: e.Changes}, true
	case progress.StreamStopped:
		return EventLine{Event: "stopped", Mirror: e.Mirror, Position: e.Position, Text: e.Why}, true
	case progress.Retrying:
		return EventLine{Event: "retrying", Mirror: e.Mirror, Text: e.What, Error: e.Err.Error(), Seconds: e.In.Seconds()}, true
	case progress.Halted:
		return EventLine{Event: "halted", Mirror: e.Mirror, Code: e.Code, LSN: e.LSN, Table: e.Table, Key: e.Key,
			Error: e.Text, Remedy: e.Remedy, Terminal: e.Terminal}, true
	case progress.Noted:
		return EventLine{Event: "note", Mirror: e.Mirror, Text: e.Text}, true
	}
	return EventLine{}, false
}

// text is the line for people, and for a halt the lines.
func (l *EventLine) text(s style) string {
	head := l.Time.Format(time.RFC3339) + " " + l.Mirror + ": "
	switch l.Event {
	case "started":
		return head + "streaming from slot " + l.Slot + "\n"
	case "caught up":
		return head + fmt.Sprintf("%s at %s, %s and %s since it began\n", s.paint(green, "caught up"), l.Position,
			count(int(l.Transactions), "transaction"), count(int(l.Changes), "change"))
	case "stopped":
		return head + fmt.Sprintf("stopped streaming at %s: %s\n", l.Position, l.Text)
	case "retrying":
		return head + fmt.Sprintf("%s: %s; trying again in %s\n", l.Text, l.Error, span(time.Duration(l.Seconds*float64(time.Second))))
	case "halted":
		return head + s.paint(red, "halted") + "\n" + indent(haltText(l.Code, l.LSN, l.Table, l.Key, l.Error, l.Remedy), "  ")
	}
	return head + l.Text + "\n"
}

// haltText says why a mirror stands still, in lines.
func haltText(code, lsn, table, key, text, remedy string) string {
	var g grid
	for _, row := range [][2]string{
		{"error:", strings.ReplaceAll(text, "\n", "; ")}, {"code:", code}, {"table:", table}, {"row:", key}, {"transaction:", lsn}, {"what to do:", remedy},
	} {
		if row[1] != "" {
			g.add(row[0], row[1])
		}
	}
	out := ""
	for _, line := range g.lines(" ") {
		out += line + "\n"
	}
	return out
}
