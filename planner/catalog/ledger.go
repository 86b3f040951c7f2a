package catalog

import "time"

// LedgerFormat is the newest format of the ledger that this build reads, and the one
// that executor/ledger writes.
const LedgerFormat = 4

// Ledger is what schema bascule on a target says. It is written by
// executor/ledger alone.
type Ledger struct {
	// Format is 0 when the database has no ledger.
	Format  int
	Mirrors []LedgerMirror
}

// Phases of a mirror in the ledger.
const (
	PhaseSchema  = "schema"  // objects are being created
	PhaseCopying = "copying" // rows are being copied, indexes built
	PhaseCopied  = "copied"  // a one-off mirror is complete

	PhaseStreaming = "streaming" // a continuous mirror's initial copy is complete
)

// LedgerMirror is one mirror's record.
type LedgerMirror struct {
	ID      string // <first 8 hex digits of the lineage>/<address>
	Address string
	Lineage string
	Digest  string
	Phase   string

	Started, Updated time.Time
	Finished         time.Time // zero until it is complete
	Error            string

	// Attempt counts the snapshots taken, from 1.
	Attempt int

	Tables []LedgerTable

	// Objects is how many are recorded as made by an attempt that has not ended.
	Objects int

	// Objects made and still to make after the rows.
	ObjectsDone, ObjectsTotal int

	// Stream is nil for a mirror that copies once, and where the format is 1.
	Stream *LedgerStream

	// Position of the main stream; nil until the mirror has a slot. Beside are those of
	// streams beside it, over which tables catch up.
	Position *LedgerPosition
	Beside   []LedgerPosition

	Members []LedgerMember

	// DDL are the commands that were recorded, in the order that they were.
	DDL []LedgerDDL
}

// LedgerDDL is a command of a ddl block as the ledger has it.
type LedgerDDL struct {
	ID       string
	Address  string
	Checksum string // of the command: SHA-256 in hex

	// Begun: a transaction of the source has run it, and was about to commit; whether it
	// did is the source's to say.
	Begun bool

	// LSN of the source's commit, and when the target had it; 0 and zero until then.
	LSN     LSN
	Applied time.Time
}

// LedgerStream is how a continuous mirror was applied.
type LedgerStream struct {
	// Generation goes up with each change of the settings or of the members.
	Generation int64

	// Settings is a planner.Stream as JSON.
	Settings string

	// Timeline of the source on which the position is.
	Timeline int32

	// Halt is nil while nothing stands in its way.
	Halt *LedgerHalt

	// Handed: the servers' own engine goes on from the position, or may.
	Handed bool
}

// HaltShape is the code of a halt before a row that does not fit the target's table.
const HaltShape = "shape"

// HaltDDL is the code of a halt before a transaction with DDL that nobody declared, and
// that does not run on the target.
const HaltDDL = "undeclared"

// AwaitsCommand reports whether a halt of this code ends, or may end, by a ddl block that
// says what somebody ran on the source.
func AwaitsCommand(code string) bool {
	return code == HaltShape || code == HaltDDL || ByDefinition(code)
}

// ByDefinition reports whether a server that refuses a row by this SQLSTATE may do so for
// another definition than the source's: of what may be null, how long it may be, what it
// must fulfil, and what values an enum has.
func ByDefinition(code string) bool { return definitions[code] }

var definitions = map[string]bool{"23502": true, "22001": true, "22003": true, "22P02": true, "23514": true, "23505": true, "23503": true, "23P01": true}

// LedgerHalt is why a continuous mirror stands still. Its fields are those of
// executor/ledger.Halt.
type LedgerHalt struct {
	Code     string `json:"code"`
	LSN      string `json:"lsn"`
	Table    string `json:"table"`
	Key      string `json:"key"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy"`
	Terminal bool   `json:"terminal"`
}

// LedgerPosition is how far a stream is applied.
type LedgerPosition struct {
	Name  string // "" for the main one
	Epoch int64
	LSN   LSN

	// Committed is when the last applied transaction was committed, by the source's
	// clock; zero before the first. Updated is when the row was last written, by the
	// target's.
	Committed, Updated time.Time

	// Counts since the mirror began: transactions, changes of rows, changes that found
	// no row.
	Transactions, Changes, Missing int64
}

// States of a LedgerMember.
const (
	MemberCopying  = "copying"
	MemberWaiting  = "waiting"
	MemberFollowed = "streaming"
	MemberRemoved  = "removed"
)

// LedgerMember is a table that a continuous mirror follows.
type LedgerMember struct {
	Source       uint32 // oid on the source
	Schema, Name string // on the source
	TargetSchema string
	TargetName   string
	Follow       string // all, inserts
	Key, Dropped []string
	State        string
	Point        LSN // 0 until it is copied
}

// LedgerTable is one table's record.
type LedgerTable struct {
	Schema, Name string // on the target
	OID          uint32 // on the target
	Bytes        int64  // on the source's disk: heap and TOAST
	Estimate     float64
	State        string // waiting, copying, copied, failed
	Chunks       int    // 0 until it is cut
	ChunksDone   int
	Rows         int64 // written by finished chunks
	BytesDone    int64 // share of Bytes in finished chunks
	Error        string
}
