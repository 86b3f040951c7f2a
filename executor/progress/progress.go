package progress

import "time"

// Sink receives events. Event must not block for long and is called from many
// goroutines at once.
type Sink interface {
	Event(Event)
}

// Discard is a Sink that drops every event.
var Discard Sink = discard{}

type discard struct{}

func (discard) Event(Event) {}

// Event is one of the types of this package.
type Event interface{ event() }

// ChangeStarted and ChangeEnded enclose the work on one change of the plan.
type ChangeStarted struct{ Address, Action string }

// ChangeEnded ends a change; Err is nil when it is done.
type ChangeEnded struct {
	Address, Action string
	Took            time.Duration
	Err             error
}

// StageStarted says what a mirror is doing: "read schema", "create schema",
// "copy", "finish".
type StageStarted struct{ Mirror, Stage string }

// CopyStarted tells the size of the copy ahead.
type CopyStarted struct {
	Mirror  string
	Tables  int
	Bytes   int64 // on the source's disk: heap and TOAST
	Objects int   // indexes, constraints and the rest to build afterwards
}

// ChunkStarted says that a worker began with a part of a table. Bytes is the
// part's share of the table's size on the source's disk.
type ChunkStarted struct {
	Mirror, Table string
	Bytes         int64
	TableBytes    int64
}

// ChunkMoved reports that Wire bytes more of COPY data went through.
type ChunkMoved struct {
	Mirror, Table string
	Wire          int64
}

// ChunkEnded ends a part of a table. Bytes is as in ChunkStarted; a part that is
// given up and tried again has Err set.
type ChunkEnded struct {
	Mirror, Table string
	Rows, Bytes   int64
	Wire          int64
	Took          time.Duration
	Err           error
}

// TableCopied says that all rows of a table are on the target.
type TableCopied struct {
	Mirror, Table string
	Rows          int64
}

// ObjectStarted and ObjectEnded enclose the making of one object after the copy,
// or a batch of small ones.
type ObjectStarted struct{ Mirror, Kind, Name string }

// ObjectMoved is a long build's progress, of pg_stat_progress_create_index.
type ObjectMoved struct {
	Mirror, Kind, Name string
	Phase              string
	Done, Total        int64 // blocks or tuples; Total 0: unknown
}

// ObjectEnded ends the making of an object.
type ObjectEnded struct {
	Mirror, Kind, Name string
	Took               time.Duration
	Err                error
}

// Retrying says that something is tried again after a transient error.
type Retrying struct {
	Mirror, What string
	Err          error
	In           time.Duration
}

// Noted is something an operator should know: an object that was refused and is
// not essential, a wait for another session.
type Noted struct{ Mirror, Text string }

// Lagging says how far a mirror that catches up is behind its source.
type Lagging struct {
	Mirror string
	Behind int64 // bytes of WAL
}

// StreamStarted says that a continuous mirror begins to stream over its slot.
type StreamStarted struct{ Mirror, Slot string }

// CaughtUp says that all that was committed on the source when the stream connected
// is on the target.
type CaughtUp struct {
	Mirror, Position      string // an LSN
	Transactions, Changes int64  // since the mirror began
}

// StreamStopped says that a stream ended in good order, and why: "stopped", "asked
// to yield", "settings changed".
type StreamStopped struct{ Mirror, Position, Why string }

// Halted says that a continuous mirror stands still for an error, until its operator
// acts. Its fields are those of the ledger's record.
type Halted struct {
	Mirror                string
	Code, LSN, Table, Key string
	Text, Remedy          string
	Terminal              bool
}

func (ChangeStarted) event() {}
func (ChangeEnded) event()   {}
func (StageStarted) event()  {}
func (CopyStarted) event()   {}
func (ChunkStarted) event()  {}
func (ChunkMoved) event()    {}
func (ChunkEnded) event()    {}
func (TableCopied) event()   {}
func (ObjectStarted) event() {}
func (ObjectMoved) event()   {}
func (ObjectEnded) event()   {}
func (Retrying) event()      {}
func (Noted) event()         {}
func (StreamStarted) event() {}
func (CaughtUp) event()      {}
func (StreamStopped) event() {}
func (Halted) event()        {}
func (Lagging) event()       {}
