package target

import (
	"encoding/binary"
	"sync/atomic"
)

// copyLeast rows are worth a COPY.
const copyLeast = 5

// insertAll sends the new rows of a table's fold, n of them, in the order they came.
func (s *Session) insertAll(t *Table, n int) {
	rows := t.fold.rows
	if n < copyLeast || t.mixed || t.shape.Rules || len(t.sent()) == 0 { // a COPY knows no rules
		s.insertEach(t, rows)
		return
	}
	if left := s.copyAll(t, rows); left != nil {
		s.insertEach(t, left)
	}
}

func (s *Session) insertEach(t *Table, rows []row) {
	for i := range rows {
		if inserted(&rows[i]) {
			s.insertOne(t, rows[i].tuple, expect{})
		}
	}
}

// inserted reports whether a row is a new one.
func inserted(r *row) bool {
	return r.state&alive != 0 && (r.state&existed == 0 || r.state&replaced != 0)
}

// copyAll copies rows, and returns those from the first on that has a value in another
// form than the others.
func (s *Session) copyAll(t *Table, rows []row) []row {
	w, sent := s.wire, new(atomic.Int64)
	s.expect(expect{kind: counted, op: "insert", table: t, sent: sent})
	w.text(s.prepared(t.copyIn()))
	if t.binary {
		w.copyPut([]byte(copySignature))
	}
	var left []row
	n := int64(0)
	for i := range rows {
		if !inserted(&rows[i]) {
			continue
		}
		if !t.writable(rows[i].tuple) {
			left = rows[i:]
			break
		}
		if t.binary {
			w.binaryRow(t, rows[i].tuple)
		} else {
			w.textRow(t, rows[i].tuple)
		}
		n++
	}
	if t.binary {
		w.copyPut([]byte(copyTrailer))
	}
	sent.Store(n)
	w.copyDone()
	return left
}

const (
	copySignature = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer   = "\xff\xff"
)

// writable reports whether a tuple is whole and all its values are in the form that
// the statement expects.
func (t *Table) writable(tuple []byte) bool {
	if len(tuple) < 2 {
		return false
	}
	form := byte(asText)
	if t.binary {
		form = asBinary
	}
	p := 2
	for i := range t.columns {
		if p >= len(tuple) {
			return false
		}
		if kind := tuple[p]; kind != form && kind != null && t.columns[i].sent {
			return false
		}
		if p = after(tuple, p); p < 0 {
			return false
		}
	}
	return p == len(tuple)
}

// binaryRow appends a row that is writable in COPY's binary format.
func (w *wire) binaryRow(t *Table, tuple []byte) {
	most := len(tuple) + 3*len(t.columns) // a null grows from one byte to four
	if most > blockSize/2 {
		w.largeBinaryRow(t, tuple)
		return
	}
	w.copyRoom(most)
	b := binary.BigEndian.AppendUint16(w.block, uint16(t.sentCount))
	p := 2
	for i := range t.columns {
		if tuple[p] != asBinary {
			if t.columns[i].sent {
				b = append(b, noValue...)
			}
			p = after(tuple, p)
			continue
		}
		end := p + valueHead + int(binary.BigEndian.Uint32(tuple[p+1:]))
		if t.columns[i].sent {
			b = append(b, tuple[p+1:end]...)
		}
		p = end
	}
	w.block = b
}

func (w *wire) largeBinaryRow(t *Table, tuple []byte) {
	w.copyPut(binary.BigEndian.AppendUint16(nil, uint16(t.sentCount)))
	p := 2
	for i := range t.columns {
		value := valueAt(tuple, p)
		p += len(value)
		switch {
		case !t.columns[i].sent:
		case value[0] == null:
			w.copyPut([]byte(noValue))
		default:
			w.copyPut(value[1:])
		}
	}
}

// textRow appends a row that is writable in COPY's text format.
func (w *wire) textRow(t *Table, tuple []byte) {
	first := true
	p := 2
	for i := range t.columns {
		value := valueAt(tuple, p)
		p += len(value)
		if !t.columns[i].sent {
			continue
		}
		if !first {
			w.copyByte('\t')
		}
		first = false
		if value[0] == null {
			w.copyPut([]byte(`\N`))
			continue
		}
		w.copyText(value[valueHead:])
	}
	w.copyByte('\n')
}

func (w *wire) copyByte(c byte) {
	w.copyRoom(1)
	w.block = append(w.block, c)
}

// copyText appends a value, with a backslash before what means something to COPY.
func (w *wire) copyText(text []byte) {
	if len(text) > blockSize/4 {
		for len(text) > 0 {
			n := min(len(text), blockSize/4)
			w.copyText(text[:n])
			text = text[n:]
		}
		return
	}
	w.copyRoom(2 * len(text))
	b, from := w.block, 0
	for i, c := range text {
		if c > '\\' || copyEscapes[c] == 0 {
			continue
		}
		b = append(append(b, text[from:i]...), '\\', copyEscapes[c])
		from = i + 1
	}
	w.block = append(b, text[from:]...)
}

// copyEscapes are the letters for what has to be escaped in COPY's text format.
var copyEscapes = ['\\' + 1]byte{'\\': '\\', '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f', '\v': 'v'}
