package stream

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"bascule/config/pgname"
	"bascule/executor/stream/pgoutput"
	"bascule/planner/catalog"
)

// begins is the first of the points of the table's parts.
func (rel *relation) begins() catalog.LSN {
	first := rel.member.Point
	for _, p := range rel.member.Parts {
		first = min(first, p.Point)
	}
	return first
}

// portion makes of a change what is to be applied of it, in a transaction with this
// commit, and reports whether that is anything. It matters for tables whose parts
// were copied at different points, as long as the stream is between these: a row
// that moves from one part to another is then deleted, or inserted, or both.
func (rel *relation) portion(row *pgoutput.Row, final catalog.LSN) (bool, error) {
	if len(rel.member.Parts) == 0 || !rel.member.Point.Covers(final) {
		return true, nil
	}
	before, err := rel.due(row.Old, final)
	if err != nil {
		return false, err
	}
	after, err := rel.due(row.New, final)
	if err != nil {
		return false, err
	}
	switch {
	case row.Type == pgoutput.TypeInsert:
		return after, nil
	case row.Type == pgoutput.TypeDelete:
		return before, nil
	case row.OldKind == 0:
		return after, nil
	case before && !after:
		row.Type, row.New = pgoutput.TypeDelete, nil
	case after && !before:
		if !whole(row.New) {
			return false, &shiftedError{final: final, table: pgname.Shown(rel.Schema, rel.Name),
				what: "a row changed its key from one part to another, and its unchanged large values were not sent"}
		}
		row.Type, row.OldKind, row.Old = pgoutput.TypeInsert, 0, nil
	}
	return before || after, nil
}

// due reports whether a change of the row with this tuple's key is yet to be applied.
func (rel *relation) due(tuple []byte, final catalog.LSN) (bool, error) {
	if tuple == nil {
		return false, nil
	}
	i := slices.IndexFunc(rel.Columns, func(c pgoutput.Column) bool { return c.Name == rel.member.Key[0] })
	key, ok := integer(tuple, i)
	if !ok {
		return false, fmt.Errorf("%s: the key of a change cannot be read", pgname.Shown(rel.Schema, rel.Name))
	}
	return !rel.member.PointOf(key).Covers(final), nil
}

// integer returns column i of a tuple as a number.
func integer(tuple []byte, i int) (int64, bool) {
	for rest := tuple[2:]; i >= 0 && len(rest) > 0; i-- {
		kind := rest[0]
		if kind != pgoutput.Text && kind != pgoutput.Binary {
			rest = rest[1:]
			continue
		}
		end := 5 + int(binary.BigEndian.Uint32(rest[1:]))
		value := rest[5:end]
		rest = rest[end:]
		switch {
		case i > 0:
		case kind == pgoutput.Text:
			n, err := strconv.ParseInt(string(value), 10, 64)
			return n, err == nil
		case len(value) == 2:
			return int64(int16(binary.BigEndian.Uint16(value))), true
		case len(value) == 4:
			return int64(int32(binary.BigEndian.Uint32(value))), true
		case len(value) == 8:
			return int64(binary.BigEndian.Uint64(value)), true
		}
	}
	return 0, false
}

// whole reports whether a tuple has all its values.
func whole(tuple []byte) bool {
	for rest := tuple[2:]; len(rest) > 0; {
		switch rest[0] {
		case pgoutput.Unchanged:
			return false
		case pgoutput.Text, pgoutput.Binary:
			rest = rest[5+int(binary.BigEndian.Uint32(rest[1:])):]
		default:
			rest = rest[1:]
		}
	}
	return true
}

// shiftedError reports a change that cannot be divided between parts of a table that
// were copied at different points.
type shiftedError struct {
	final       catalog.LSN
	table, what string
}

func (e *shiftedError) Error() string {
	return fmt.Sprintf("transaction %s: %s: %s", e.final, e.table, e.what)
}
