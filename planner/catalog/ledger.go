package catalog

import "time"

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
