package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	magic        = "PGDMP"
	customFormat = 1

	// oldest and newest minor versions of format 1 that are read: pg_dump 9.0 to 18.
	oldest, newest = 12, 16

	// longest is the largest text that a server can send, and so the largest that
	// pg_dump can have written.
	longest = 1 << 30
)

// Read reads the header and the table of contents of a custom-format archive. It
// stops at the first byte of data, if any; what it read ahead of that is lost.
//
// Memory follows the bytes that are really there, never a length that the archive
// claims. An error is a *FormatError, or wraps what r returned.
func Read(r io.Reader) (*Archive, error) {
	d := &decoder{r: bufio.NewReader(r)}
	a, err := d.archive()
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	return a, nil
}

// FormatError says that the bytes are not an archive that this package reads.
type FormatError struct {
	// Offset of the byte after the one that could not be right.
	Offset int64
	Reason string
}

func (e *FormatError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason) }

// decoder reads an archive's parts. The first error stays, and every read after
// it returns zero values: callers ask for err at the end of a part.
type decoder struct {
	r       *bufio.Reader
	offset  int64
	err     error
	version Version

	intSize, offSize int
}

func (d *decoder) archive() (*Archive, error) {
	a := &Archive{StandardStrings: true}
	d.header(a)
	count := d.integer()
	if d.err == nil && count < 0 {
		d.fail("the number of entries is %d", count)
	}
	for i := int64(0); i < count && d.err == nil; i++ {
		d.entry(a)
	}
	return a, d.err
}

func (d *decoder) header(a *Archive) {
	if got := d.bytes(len(magic)); d.err == nil && string(got) != magic {
		d.fail("this is no custom-format archive of pg_dump")
		return
	}
	d.version = Version{d.octet(), d.octet(), d.octet()}
	if d.err == nil && (d.version.Major != 1 || d.version.Minor < oldest || d.version.Minor > newest) {
		d.fail("archive version %s is not known; 1.%d to 1.%d are", d.version, oldest, newest)
		return
	}
	a.Version = d.version
	d.intSize, d.offSize = int(d.octet()), int(d.octet())
	if d.err == nil && (d.intSize < 1 || d.intSize > 8 || d.offSize < 1 || d.offSize > 16) {
		d.fail("integers of %d bytes and offsets of %d are out of range", d.intSize, d.offSize)
		return
	}
	if format := d.octet(); d.err == nil && format != customFormat {
		d.fail("format %d is not the custom format", format)
		return
	}
	if d.version.least(15) {
		d.octet() // the algorithm; the table of contents is never compressed
	} else {
		d.integer() // the level
	}
	a.Created = d.time()
	a.Database, a.ServerVersion, a.DumpVersion = d.text(), d.text(), d.text()
}

// time reads a struct tm: seconds first, the year from 1900, then a flag for
// daylight saving.
func (d *decoder) time() time.Time {
	var v [7]int64
	for i := range v {
		v[i] = d.integer()
	}
	return time.Date(int(v[5])+1900, time.Month(v[4]+1), int(v[3]), int(v[2]), int(v[1]), int(v[0]), 0, time.UTC)
}

func (d *decoder) octet() byte {
	if d.err != nil {
		return 0
	}
	b, err := d.r.ReadByte()
	if err != nil {
		d.broken(err)
		return 0
	}
	d.offset++
	return b
}

// integer reads a sign byte and intSize bytes, the smallest first.
func (d *decoder) integer() int64 {
	negative := d.octet() != 0
	var v uint64
	for i := range d.intSize {
		v |= uint64(d.octet()) << (8 * i)
	}
	if d.err == nil && v > 1<<31 {
		d.fail("the integer %d is out of range", v)
		return 0
	}
	if negative {
		return -int64(v)
	}
	return int64(v)
}

// optional reads a length and as many bytes; a negative length is a null.
func (d *decoder) optional() (s string, ok bool) {
	n := d.integer()
	if d.err != nil || n < 0 {
		return "", false
	}
	if n > longest {
		d.fail("a text of %d bytes is longer than any server can send", n)
		return "", false
	}
	return string(d.bytes(int(n))), d.err == nil
}

func (d *decoder) text() string {
	s, _ := d.optional()
	return s
}

// bytes reads n bytes in steps, so that a wrong n costs no more memory than
// there is input.
func (d *decoder) bytes(n int) []byte {
	const step = 64 << 10
	var b []byte
	for len(b) < n && d.err == nil {
		from := len(b)
		b = append(b, make([]byte, min(n-from, step))...)
		got, err := io.ReadFull(d.r, b[from:])
		d.offset += int64(got)
		if err != nil {
			d.broken(err)
			return nil
		}
	}
	return b
}

func (d *decoder) broken(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		d.fail("the archive ends too early")
		return
	}
	d.err = fmt.Errorf("at byte %d: %w", d.offset, err)
}

func (d *decoder) fail(format string, args ...any) {
	d.err = &FormatError{Offset: d.offset, Reason: fmt.Sprintf(format, args...)}
}
