package target

import (
	"log/slog"
	"time"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
)

// Config sets up a Session. Mirror and Position are required.
type Config struct {
	// Mirror and Name are the position's key in the ledger. Position is what
	// ledger.TakePosition returned.
	Mirror, Name string
	Position     ledger.Position

	// Binary: values come in their types' binary form where they have one.
	Binary bool

	// SkipMissing: Careful counts updates and deletes that find no row, and goes on.
	SkipMissing bool

	// Log is told when a table cannot be folded. Default: nowhere.
	Log *slog.Logger
}

// Relation is the source's description of a table, as the stream saw it.
type Relation struct {
	OID          uint32
	Schema, Name string
	Columns      []Column

	// Full: its replica identity is FULL, so old rows are whole.
	Full bool
}

// Column of a Relation.
type Column struct {
	Name   string
	Type   uint32
	TypMod int32

	// Key: part of the replica identity.
	Key bool
}

// Kinds of an Item.
const (
	Insert = 'I'
	Update = 'U'
	Delete = 'D'
	Empty  = 'T' // TRUNCATE
)

// Item is one change of a row, or a TRUNCATE.
type Item struct {
	Kind    byte
	OldKind byte // of an UPDATE or DELETE: 'K' or 'O' as in pgoutput, 0 without Old

	// Truncate is the place in Segment.Truncates of an Item of kind Empty.
	Truncate int32

	Table *Table

	// Old and New are pgoutput's TupleData: an int16 count of columns, then for each
	// 'n', 'u', or 't' or 'b' with an int32 length and the value. They are not kept:
	// their memory is the caller's again when Send or Careful returns.
	Old, New []byte
}

// Truncate empties tables. Tables are the followed ones of the source's message; a
// CASCADE has named there every table that it reached.
type Truncate struct {
	Tables []*Table

	// RestartIdentity also restarts the sequences that the tables own.
	RestartIdentity bool
}

// Segment is a piece of one transaction on the target, which may hold many of the
// source. Usually it is the whole one: First and Last are set. A transaction too big
// for memory is a First, any number between, and a Last.
type Segment struct {
	First, Last bool

	Items     []Item
	Truncates []Truncate

	// Marks say to which source transaction items belong, in order.
	Marks []Mark

	// Of the whole transaction, on Last. To is the position after it. Committed is
	// when the last source transaction was, zero to leave what is recorded.
	// Transactions and Changes are added to the position's counts. A segment without
	// items moves the position alone.
	To                    catalog.LSN
	Committed             time.Time
	Transactions, Changes int64

	// Flush, on First: the commit waits until its WAL is on the target's disk.
	// Otherwise the session's synchronous_commit decides.
	Flush bool
}

// Mark is where a source transaction begins.
type Mark struct {
	// From is the place in Segment.Items of its first item.
	From int

	// Final is the LSN of its commit record.
	Final catalog.LSN
}

// final returns the commit LSN of the transaction that item i belongs to.
func (g *Segment) final(i int) catalog.LSN {
	var lsn catalog.LSN
	for _, m := range g.Marks {
		if m.From > i {
			break
		}
		lsn = m.Final
	}
	return lsn
}

// Commit is a transaction of the target that the server has committed.
type Commit struct {
	// To is the position reached.
	To catalog.LSN

	// WAL is a place behind its commit record in the target's log: when the log is
	// flushed up to it, the transaction survives a crash. Flushed is up to where it was
	// just after the commit.
	WAL, Flushed catalog.LSN

	Committed                      time.Time
	Transactions, Changes, Missing int64
}
