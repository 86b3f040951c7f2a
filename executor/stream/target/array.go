package target

import (
	"encoding/binary"
)

// Arrays are made in the form that all values of the stream have: the binary one, or
// array_in's text. Rows are arrays of the table's row type, so that a row's values go
// side by side as they came, array columns can be among them, and the type's modifiers
// are the columns' own.

// writes are the columns that an UPDATE writes of a row: neither its key nor what was
// unchanged.
func (t *Table) writes(set []byte, r *row) []byte {
	set = append(set[:0], t.settable()...)
	if r.state&hollow == 0 {
		return set
	}
	p := 2
	for i := range set {
		if r.tuple[p] == unchanged {
			set[i] = kept
		}
		p = after(r.tuple, p)
	}
	return set
}

// settable are the columns that an UPDATE can set, but the key.
func (t *Table) settable() []byte {
	if t.settables == nil {
		t.settables = make([]byte, len(t.columns))
		for i, c := range t.columns {
			if c.sent && !c.key && !c.always {
				t.settables[i] = written
			}
		}
	}
	return t.settables
}

// refuses reports whether its row type cannot have nulls for columns that are not
// given: a domain refuses them.
func (t *Table) refuses() bool {
	for _, a := range t.shape.Columns {
		if a.Refuses {
			return true
		}
	}
	return false
}

// keyArray makes an array of key values. It is false when one has not the expected form.
func (t *Table) keyArray(b []byte, c *column, f *fold, list []sortable) ([]byte, bool) {
	if t.binary {
		b = arrayHead(b, c.typ, len(list))
		for _, at := range list {
			key := f.rows[at.place].key
			if key[0] != asBinary {
				return b, false
			}
			b = append(b, key[1:]...)
		}
		return b, true
	}
	b = append(b, '{')
	for i, at := range list {
		key := f.rows[at.place].key
		if key[0] != asText {
			return b, false
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = escaped(b, key[valueHead:], `\`)
		b = append(b, '"')
	}
	return append(b, '}'), true
}

// rowArray makes an array of rows. It is false when a value has not the expected form.
func (t *Table) rowArray(b []byte, f *fold, list []sortable, keysOnly bool) ([]byte, bool) {
	if cap(t.places) < len(t.columns) {
		t.places = make([]int, 2*len(t.columns))
	}
	places := t.places[:len(t.columns)]
	ok := true
	if t.binary {
		b = arrayHead(b, t.shape.Row, len(list))
		for _, at := range list {
			tuple := f.rows[at.place].tuple
			if !cut(tuple, places) {
				return b, false
			}
			if b, ok = t.binaryRow(b, tuple, places, keysOnly); !ok {
				return b, false
			}
		}
		return b, true
	}
	b = append(b, '{')
	for i, at := range list {
		tuple := f.rows[at.place].tuple
		if !cut(tuple, places) {
			return b, false
		}
		if i > 0 {
			b = append(b, ',')
		}
		if b, ok = t.textRow(b, tuple, places, keysOnly); !ok {
			return b, false
		}
	}
	return append(b, '}'), true
}

// arrayHead begins an array of one dimension without nulls.
func arrayHead(b []byte, element uint32, n int) []byte {
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 0) // nulls
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1) // first subscript
}

// binaryRow appends one element as record_recv reads it.
func (t *Table) binaryRow(b, tuple []byte, places []int, keysOnly bool) ([]byte, bool) {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(t.layout)))
	for _, c := range t.layout {
		b = binary.BigEndian.AppendUint32(b, c.typ)
		if c.source < 0 || keysOnly && !t.columns[c.source].key {
			b = append(b, noValue...)
			continue
		}
		p := places[c.source]
		switch tuple[p] {
		case asBinary:
			n := int(binary.BigEndian.Uint32(tuple[p+1:]))
			b = append(b, tuple[p+1:p+valueHead+n]...)
		case null, unchanged:
			b = append(b, noValue...)
		default:
			return b, false
		}
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b, true
}

// noValue is the length of a null.
const noValue = "\xff\xff\xff\xff"

// textRow appends one element as record_in reads it inside an array: each value is in
// the quotes of the record, and these are in the quotes of the array.
func (t *Table) textRow(b, tuple []byte, places []int, keysOnly bool) ([]byte, bool) {
	b = append(b, `"(`...)
	for i, c := range t.layout {
		if i > 0 {
			b = append(b, ',')
		}
		if c.source < 0 || keysOnly && !t.columns[c.source].key {
			continue
		}
		p := places[c.source]
		switch tuple[p] {
		case asText:
			b = append(b, `\"`...)
			b = escaped(b, bytesOf(valueAt(tuple, p)), `\\\`)
			b = append(b, `\"`...)
		case null, unchanged:
		default:
			return b, false
		}
	}
	return append(b, `)"`...), true
}

// escaped appends text with mark before each quote and backslash: one backslash inside
// an array, three inside a record that is inside an array.
func escaped(b, text []byte, mark string) []byte {
	from := 0
	for i, c := range text {
		if c == '"' || c == '\\' {
			b = append(append(b, text[from:i]...), mark...)
			from = i
		}
	}
	return append(b, text[from:]...)
}
