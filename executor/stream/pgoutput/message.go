package pgoutput

import (
	"time"

	"bascule/planner/catalog"
)

// The first byte of a message.
const (
	TypeBegin    = 'B'
	TypeCommit   = 'C'
	TypeOrigin   = 'O'
	TypeRelation = 'R'
	TypeType     = 'Y'
	TypeInsert   = 'I'
	TypeUpdate   = 'U'
	TypeDelete   = 'D'
	TypeTruncate = 'T'
	TypeMessage  = 'M'
)

// Begin opens a transaction.
type Begin struct {
	// Final is the LSN of its commit record.
	Final catalog.LSN

	// Time of the commit, by the source's clock.
	Time time.Time

	XID uint32
}

// Commit ends a transaction.
type Commit struct {
	// Final is that of Begin; End is the byte behind the commit record, which can be
	// the Final of the next transaction.
	Final, End catalog.LSN

	Time time.Time
}

// Origin says that a transaction was itself replicated to the source.
type Origin struct {
	Final catalog.LSN // on the server it comes from
	Name  string
}

// Relation describes a table whose changes follow.
type Relation struct {
	OID          uint32
	Schema, Name string // Schema is pg_catalog where the message has none

	// Identity is its replica identity: d, n, f, i.
	Identity byte

	Columns []Column
}

// Column of a Relation. Columns that are not published, dropped or generated (but see
// publish_generated_columns, 18) are none.
type Column struct {
	// Key: it is part of the replica identity.
	Key bool

	Name     string
	TypeOID  uint32 // on the source
	Modifier int32
}

// Type names a type that is not built in, before a Relation that has columns of it.
type Type struct {
	OID          uint32
	Schema, Name string
}

// Row is the change of one row.
type Row struct {
	Type     byte // TypeInsert, TypeUpdate, TypeDelete
	Relation uint32

	// OldKind says what Old is: KeyTuple, the columns of the replica identity, the
	// others null; OldTuple, the row as it was; 0, nothing: an insert, or an update
	// that left the identity as it was.
	OldKind byte

	// Old and New are TupleData: the number of columns in two bytes, and then for each
	// its kind and, for Text and Binary, four bytes of length and the value.
	Old, New []byte
}

// Values of Row.OldKind.
const (
	KeyTuple = 'K'
	OldTuple = 'O'
)

// Kinds of a column's value in TupleData.
const (
	Null      = 'n'
	Unchanged = 'u' // a TOASTed value that an update left as it was
	Text      = 't'
	Binary    = 'b'
)

// Truncate empties tables, all at once.
type Truncate struct {
	Cascade, RestartIdentity bool
	Relations                []uint32
}

// Message is one that was sent by pg_logical_emit_message. Any role can send one.
type Message struct {
	// Transactional: it is part of the transaction whose Begin came before it.
	// Otherwise it can stand anywhere.
	Transactional bool

	LSN     catalog.LSN
	Prefix  string
	Content []byte // part of the message it was read from
}
