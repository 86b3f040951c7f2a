package target

import (
	"bytes"
	"fmt"
)

// single sends one change as it came.
func (s *Session) single(it *Item) error { return s.one(it, expect{}) }

// one sends one change as one statement; e says whose it is.
func (s *Session) one(it *Item, e expect) error {
	t := it.Table
	if !cutInto(&s.scratch.places, it.New, len(t.columns)) || !cutInto(&s.scratch.places, it.Old, len(t.columns)) {
		return fmt.Errorf("%s: %w", t, errTuple)
	}
	switch {
	case it.Kind == Insert && it.New != nil:
		s.insertOne(t, it.New, e)
	case it.Kind == Update && it.New != nil && (it.Old != nil || t.lastKey >= 0):
		s.updateOne(t, it.Old, it.New, e)
	case it.Kind == Delete && it.Old != nil:
		s.deleteOne(t, it.Old, e)
	default:
		return fmt.Errorf("%s: a change of kind %q without what it needs", t, it.Kind)
	}
	return nil
}

// cutInto cuts a tuple of n columns, if there is one, into memory that grows.
func cutInto(places *[]int, tuple []byte, n int) bool {
	if cap(*places) < n {
		*places = make([]int, n)
	}
	*places = (*places)[:n]
	return tuple == nil || cut(tuple, *places)
}

func (s *Session) insertOne(t *Table, tuple []byte, e expect) {
	s.send(t, t.insertRow(), "insert", nil, tuple, e)
}

func (s *Session) deleteOne(t *Table, old []byte, e expect) {
	s.send(t, t.deleteRow(t.checks(e)), "delete", old, nil, e)
}

// updateOne updates one row. Without old it keeps its key.
func (s *Session) updateOne(t *Table, old, tuple []byte, e expect) {
	set := append(s.scratch.set[:0], t.settable()...)
	p, q := 2, 2
	barred := false
	for i, c := range t.columns {
		value := valueAt(tuple, p)
		p += len(value)
		switch {
		case value[0] == unchanged || !c.sent:
			set[i] = kept
		case c.key && old != nil && !bytes.Equal(value, valueAt(old, q)):
			set[i] = written
		case c.always && !c.key && (old == nil || !bytes.Equal(value, valueAt(old, q))):
			set[i] = written // the source may have set it to its default
		}
		barred = barred || set[i] == written && c.always
		if old != nil {
			q = after(old, q)
		}
	}
	s.scratch.set = set
	if old == nil {
		old = tuple
	}
	st := t.updateRow
	if barred {
		st = t.moveRow
	}
	s.send(t, st(set, t.checks(e)), "update", old, tuple, e)
}

// checks reports whether a statement for one row has to check itself.
func (t *Table) checks(e expect) bool { return e.careful == nil && !t.nothing }

// send has a statement executed with values of a row.
func (s *Session) send(t *Table, st *statement, op string, old, tuple []byte, e expect) {
	a, b := t.cuts(tuple, old)
	if tuple != nil && a == nil || old != nil && b == nil {
		s.fail(fmt.Errorf("%s: %w", t, errTuple))
		return
	}
	e.kind, e.op, e.rows, e.table = counted, op, 1, t
	if e.careful == nil {
		e.kind = completed
	}
	s.expect(e)
	values := s.scratch.values[:0]
	for _, arg := range st.args {
		if arg.old {
			values = append(values, valueAt(old, b[arg.column]))
		} else {
			values = append(values, valueAt(tuple, a[arg.column]))
		}
	}
	s.wire.values(s.prepared(st), values)
	clear(values)
	s.scratch.values = values[:0]
}
