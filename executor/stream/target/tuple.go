package target

import (
	"encoding/binary"
	"errors"
)

// Kinds of a value in pgoutput's TupleData.
const (
	null      = 'n'
	unchanged = 'u' // TOAST that an UPDATE did not touch
	asText    = 't'
	asBinary  = 'b'
)

// valueHead is the kind and the length before a value's bytes.
const valueHead = 5

var errTuple = errors.New("a row from the source is not as its relation says")

// after returns the place behind the value that begins at p, or -1.
func after(tuple []byte, p int) int {
	if p >= len(tuple) {
		return -1
	}
	switch tuple[p] {
	case null, unchanged:
		return p + 1
	case asText, asBinary:
		if p+valueHead > len(tuple) {
			return -1
		}
		n := int(binary.BigEndian.Uint32(tuple[p+1:]))
		if n > len(tuple)-p-valueHead {
			return -1
		}
		return p + valueHead + n
	}
	return -1
}

// cut fills at with where each column begins. It is false when the tuple has not
// exactly so many.
func cut(tuple []byte, at []int) bool {
	if len(tuple) < 2 || int(binary.BigEndian.Uint16(tuple)) != len(at) {
		return false
	}
	p := 2
	for i := range at {
		at[i] = p
		if p = after(tuple, p); p < 0 {
			return false
		}
	}
	return p == len(tuple)
}

// valueAt is the value that begins at p, with its kind and length.
func valueAt(tuple []byte, p int) []byte { return tuple[p:after(tuple, p)] }

// bytesOf is a value without kind and length.
func bytesOf(value []byte) []byte {
	if len(value) < valueHead {
		return nil
	}
	return value[valueHead:]
}

// keyOf returns the key columns of a tuple, one behind the other with kinds and
// lengths, so that (1, 11) is not (11, 1). whole is false when one is unchanged TOAST.
// It is a part of the tuple where that has them side by side, else made in room.
func (t *Table) keyOf(tuple []byte, room *arena) (key []byte, whole bool, err error) {
	if len(tuple) < 2 || int(binary.BigEndian.Uint16(tuple)) != len(t.columns) {
		return nil, false, errTuple
	}
	whole = true
	first, p, made := -1, 2, 0
	for i := 0; i <= t.lastKey; i++ {
		end := after(tuple, p)
		if end < 0 {
			return nil, false, errTuple
		}
		if t.columns[i].key {
			if tuple[p] == unchanged {
				whole = false
			}
			if first < 0 {
				first = p
			}
			made += end - p
		}
		p = end
	}
	if made == p-first {
		return tuple[first:p], whole, nil
	}
	key = room.take(made)[:0]
	p = 2
	for i := 0; i <= t.lastKey; i++ {
		end := after(tuple, p)
		if t.columns[i].key {
			key = append(key, tuple[p:end]...)
		}
		p = end
	}
	return key, whole, nil
}

// fill returns a tuple that takes from later what it has and from earlier the values
// that later left unchanged; where earlier has not got them either, they stay so.
// Only columns that pick allows are taken from earlier. partial: some are unchanged.
func (t *Table) fill(later, earlier []byte, pick func(*column) bool, room *arena) (merged []byte, partial bool, err error) {
	a, b := t.cuts(later, earlier)
	if a == nil || b == nil {
		return nil, false, errTuple
	}
	merged = room.take(len(later) + len(earlier))[:0]
	merged = append(merged, later[:2]...)
	for i := range t.columns {
		value := valueAt(later, a[i])
		if value[0] == unchanged && pick(&t.columns[i]) {
			value = valueAt(earlier, b[i])
		}
		partial = partial || value[0] == unchanged
		merged = append(merged, value...)
	}
	return merged, partial, nil
}

// cuts cuts two tuples; nil for what is malformed.
func (t *Table) cuts(one, two []byte) (a, b []int) {
	n := len(t.columns)
	if t.places == nil || cap(t.places) < 2*n { // a table may have no column, and nil is malformed
		t.places = make([]int, 2*n)
	}
	a, b = t.places[:n], t.places[n:2*n]
	if !cut(one, a) {
		a = nil
	}
	if !cut(two, b) {
		b = nil
	}
	return a, b
}

// partial reports whether a tuple has unchanged values.
func (t *Table) partial(tuple []byte) (bool, error) {
	p := 2
	some := false
	for range t.columns {
		if p >= len(tuple) {
			return false, errTuple
		}
		some = some || tuple[p] == unchanged
		if p = after(tuple, p); p < 0 {
			return false, errTuple
		}
	}
	return some, nil
}

func anyColumn(*column) bool   { return true }
func keyColumn(c *column) bool { return c.key }

// arena gives out memory that lives as long as a segment.
type arena struct{ room []byte }

func (a *arena) take(n int) []byte {
	if cap(a.room)-len(a.room) < n {
		a.room = make([]byte, 0, max(n, min(2*cap(a.room), arenaMost), arenaLeast))
	}
	at := len(a.room)
	a.room = a.room[:at+n]
	return a.room[at : at+n : at+n]
}

// reset takes everything back. What a large row made large is let go.
func (a *arena) reset() {
	a.room = a.room[:0]
	if cap(a.room) > arenaMost {
		a.room = nil
	}
}

const (
	arenaLeast = 16 << 10
	arenaMost  = 1 << 20
)
