package pgoutput

import (
	"bytes"
	"encoding/binary"
	"time"
)

// reader takes values off the front of a message. Once something is missing it has
// failed, and returns zeros.
type reader struct {
	rest   []byte
	failed bool
}

// end returns the error of a message that was not read to its last byte, or was too
// short.
func (r *reader) end(msg []byte) error {
	if !r.failed && len(r.rest) == 0 {
		return nil
	}
	e := &FormatError{Size: len(msg)}
	if len(msg) > 0 {
		e.Type = msg[0]
	}
	return e
}

func (r *reader) expect(b byte) {
	if r.byte() != b {
		r.failed = true
	}
}

// take returns the next n bytes, nil where there are fewer.
func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.rest) {
		r.failed, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// time is microseconds since 2000.
func (r *reader) time() time.Time {
	return epoch.Add(time.Duration(int64(r.uint64())) * time.Microsecond)
}

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (r *reader) string() string {
	n := bytes.IndexByte(r.rest, 0)
	if n < 0 {
		r.failed = true
		return ""
	}
	s := string(r.take(n))
	r.take(1)
	return s
}

// schema is a string that the server leaves empty for pg_catalog.
func (r *reader) schema() string {
	if s := r.string(); s != "" {
		return s
	}
	return "pg_catalog"
}

// tuple returns the TupleData at the front.
func (r *reader) tuple() []byte {
	n := tupleSize(r.rest)
	if n < 0 {
		r.failed = true
		return nil
	}
	return r.take(n)
}

// tupleSize is the length of the TupleData at the front of b, -1 where b holds no
// whole one.
func tupleSize(b []byte) int {
	if len(b) < 2 {
		return -1
	}
	at := 2
	for columns := int(binary.BigEndian.Uint16(b)); columns > 0; columns-- {
		if at >= len(b) {
			return -1
		}
		switch b[at] {
		case Null, Unchanged:
			at++
		case Text, Binary:
			if len(b)-at < 5 {
				return -1
			}
			size := int(int32(binary.BigEndian.Uint32(b[at+1:])))
			at += 5
			if size < 0 || size > len(b)-at {
				return -1
			}
			at += size
		default:
			return -1
		}
	}
	return at
}
