package pgoutput

import (
	"encoding/binary"
	"fmt"

	"bascule/planner/catalog"
)

// FormatError reports bytes that are no message of protocol version 1.
type FormatError struct {
	Type byte // 0: the message was empty
	Size int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("malformed pgoutput message: type %q, %d bytes", e.Type, e.Size)
}

// Hint says what the operator can do about it.
func (e *FormatError) Hint() string {
	return "the slot's output plugin must be pgoutput; if it is, report this with the version of the source"
}

// RelationOf returns the table that an Insert, Update or Delete is of, for whoever may
// pass it over. False: it is too short to be one.
func RelationOf(msg []byte) (oid uint32, ok bool) {
	if len(msg) < 5 {
		return 0, false
	}
	return binary.BigEndian.Uint32(msg[1:]), true
}

// ParseRow reads an Insert, Update or Delete. Its tuples are parts of msg.
func ParseRow(msg []byte, row *Row) error {
	r := reader{rest: msg}
	*row = Row{Type: r.byte(), Relation: r.uint32()}
	kind := r.byte()
	if kind == KeyTuple || kind == OldTuple {
		if row.Type == TypeInsert {
			r.failed = true
		}
		row.OldKind, row.Old = kind, r.tuple()
		if row.Type != TypeDelete {
			kind = r.byte()
		}
	} else if row.Type == TypeDelete {
		r.failed = true
	}
	switch row.Type {
	case TypeInsert, TypeUpdate:
		if kind != newTuple {
			r.failed = true
		}
		row.New = r.tuple()
	case TypeDelete:
	default:
		r.failed = true
	}
	return r.end(msg)
}

const newTuple = 'N'

// ParseBegin reads a Begin.
func ParseBegin(msg []byte) (Begin, error) {
	r := reader{rest: msg}
	r.expect(TypeBegin)
	b := Begin{Final: catalog.LSN(r.uint64()), Time: r.time(), XID: r.uint32()}
	return b, r.end(msg)
}

// ParseCommit reads a Commit.
func ParseCommit(msg []byte) (Commit, error) {
	r := reader{rest: msg}
	r.expect(TypeCommit)
	r.byte() // flags, of which there are none
	c := Commit{Final: catalog.LSN(r.uint64()), End: catalog.LSN(r.uint64()), Time: r.time()}
	return c, r.end(msg)
}

// ParseOrigin reads an Origin.
func ParseOrigin(msg []byte) (Origin, error) {
	r := reader{rest: msg}
	r.expect(TypeOrigin)
	o := Origin{Final: catalog.LSN(r.uint64()), Name: r.string()}
	return o, r.end(msg)
}

// ParseRelation reads a Relation.
func ParseRelation(msg []byte) (Relation, error) {
	r := reader{rest: msg}
	r.expect(TypeRelation)
	rel := Relation{OID: r.uint32(), Schema: r.schema(), Name: r.string(), Identity: r.byte()}
	n := int(r.uint16())
	if n > len(r.rest)/columnSize { // before memory is taken for them
		r.failed = true
	}
	if !r.failed && n > 0 {
		rel.Columns = make([]Column, n)
	}
	for i := range rel.Columns {
		rel.Columns[i] = Column{Key: r.byte()&keyFlag != 0, Name: r.string(), TypeOID: r.uint32(), Modifier: int32(r.uint32())}
	}
	return rel, r.end(msg)
}

const (
	keyFlag    = 1
	columnSize = 1 + 1 + 4 + 4 // the least that a column takes
)

// ParseType reads a Type.
func ParseType(msg []byte) (Type, error) {
	r := reader{rest: msg}
	r.expect(TypeType)
	t := Type{OID: r.uint32(), Schema: r.schema(), Name: r.string()}
	return t, r.end(msg)
}

// ParseTruncate reads a Truncate.
func ParseTruncate(msg []byte) (Truncate, error) {
	r := reader{rest: msg}
	r.expect(TypeTruncate)
	n, options := int(r.uint32()), r.byte()
	t := Truncate{Cascade: options&cascadeOption != 0, RestartIdentity: options&restartOption != 0}
	if n > len(r.rest)/4 {
		r.failed = true
	}
	if !r.failed {
		t.Relations = make([]uint32, n)
	}
	for i := range t.Relations {
		t.Relations[i] = r.uint32()
	}
	return t, r.end(msg)
}

const (
	cascadeOption = 1
	restartOption = 2
)

// ParseMessage reads a Message. Its content is part of msg.
func ParseMessage(msg []byte) (Message, error) {
	r := reader{rest: msg}
	r.expect(TypeMessage)
	m := Message{Transactional: r.byte()&transactionalFlag != 0, LSN: catalog.LSN(r.uint64()), Prefix: r.string()}
	m.Content = r.take(int(r.uint32()))
	return m, r.end(msg)
}

const transactionalFlag = 1
