package pgoutput_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bascule/executor/stream/pgoutput"
)

// A message is written as the test reads best: text as it is, \0 and numbers as
// escapes.
const (
	oid    = "\x00\x00\x40\x01"
	lsn    = "\x00\x00\x00\x16\xB3\x74\xD8\x48"
	lsnEnd = "\x00\x00\x00\x16\xB3\x74\xD8\x78"
	second = "\x00\x00\x00\x00\x00\x0F\x42\x40" // after 2000-01-01

	oneB  = "\x00\x02b\x00\x00\x00\x01\x07n"      // (binary 7, null)
	oneT  = "\x00\x02t\x00\x00\x00\x01au"         // (text a, unchanged)
	key   = "\x00\x02t\x00\x00\x00\x03keyn"       // (text key, null)
	none  = "\x00\x00"                            // ()
	empty = "\x00\x01t\x00\x00\x00\x00"           // (text of no length)
	short = "\x00\x01t\x00\x00\x00\x09too little" // and one byte more
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, msg, want string }{
		{"begin", "B" + lsn + second + "\x00\x00\x02\xF1", "{16/B374D848 2000-01-01 00:00:01 +0000 UTC 753}"},
		{"commit", "C\x00" + lsn + lsnEnd + second, "{16/B374D848 16/B374D878 2000-01-01 00:00:01 +0000 UTC}"},
		{"commit of a byte more", "C\x00" + lsn + lsnEnd + second + "x", "malformed pgoutput message: type 'C'..."},
		{"origin", "O" + lsn + "from\x00", "{16/B374D848 from}"},
		{"relation", "R" + oid + "s\x00t\x00d\x00\x02\x01a\x00\x00\x00\x00\x17\xFF\xFF\xFF\xFF\x00b\x00\x00\x00\x00\x19\x00\x00\x00\x04",
			"{16385 s t 100 [{true a 23 -1} {false b 25 4}]}"},
		{"relation of pg_catalog, no columns", "R" + oid + "\x00t\x00n\x00\x00", "{16385 pg_catalog t 110 []}"},
		{"relation of too many columns", "R" + oid + "s\x00t\x00d\xFF\xFF\x01a\x00", "malformed pgoutput message: type 'R'..."},
		{"relation without an end to its name", "R" + oid + "s", "malformed pgoutput message: type 'R'..."},
		{"type", "Y" + oid + "s\x00mood\x00", "{16385 s mood}"},
		{"insert", "I" + oid + "N" + oneB, row('I', "", "", oneB)},
		{"insert of no columns", "I" + oid + "N" + none, row('I', "", "", none)},
		{"insert of an empty text", "I" + oid + "N" + empty, row('I', "", "", empty)},
		{"insert with an old row", "I" + oid + "K" + key + "N" + oneB, "malformed pgoutput message: type 'I'..."},
		{"insert cut short", "I" + oid + "N" + short[:12], "malformed pgoutput message: type 'I'..."},
		{"insert and more", "I" + oid + "N" + short, "malformed pgoutput message: type 'I'..."},
		{"update", "U" + oid + "N" + oneT, row('U', "", "", oneT)},
		{"update of the key", "U" + oid + "K" + key + "N" + oneT, row('U', "K", key, oneT)},
		{"update with the old row", "U" + oid + "O" + oneB + "N" + oneT, row('U', "O", oneB, oneT)},
		{"update without a new row", "U" + oid + "K" + key, "malformed pgoutput message: type 'U'..."},
		{"delete by key", "D" + oid + "K" + key, row('D', "K", key, "")},
		{"delete by row", "D" + oid + "O" + oneB, row('D', "O", oneB, "")},
		{"delete of nothing", "D" + oid + "N" + oneB, "malformed pgoutput message: type 'D'..."},
		{"value of negative length", "I" + oid + "N\x00\x01t\xFF\xFF\xFF\xFF", "malformed pgoutput message: type 'I'..."},
		{"value of an unknown kind", "I" + oid + "N\x00\x01x", "malformed pgoutput message: type 'I'..."},
		{"truncate", "T\x00\x00\x00\x02\x03" + oid + "\x00\x00\x40\x02", "{true true [16385 16386]}"},
		{"truncate, plain", "T\x00\x00\x00\x01\x00" + oid, "{false false [16385]}"},
		{"truncate of more than there are", "T\xFF\xFF\xFF\xFF\x00" + oid, "malformed pgoutput message: type 'T'..."},
		{"message", "M\x01" + lsn + "ours\x00\x00\x00\x00\x02hi", "{true 16/B374D848 ours [104 105]}"},
		{"message outside", "M\x00" + lsn + "\x00\x00\x00\x00\x00", "{false 16/B374D848  []}"},
		{"message cut short", "M\x01" + lsn + "ours\x00\x00\x00\x00\x03hi", "malformed pgoutput message: type 'M'..."},
		{"a stream's begin, of protocol 2", "S\x00\x00\x00\x01\x01", "malformed pgoutput message: type 'S'..."},
		{"nothing", "", "malformed pgoutput message: type '\\x00'..."},
	} {
		got := parse([]byte(tc.msg))
		if want, cut := strings.CutSuffix(tc.want, "..."); got != tc.want && !(cut && strings.HasPrefix(got, want)) {
			t.Errorf("%s:\n got %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

func row(kind byte, oldKind, before, after string) string {
	var k byte
	if oldKind != "" {
		k = oldKind[0]
	}
	return fmt.Sprintf("{%d 16385 %d %v %v}", kind, k, []byte(before), []byte(after))
}

// parse reads a message by its first byte, as text.
func parse(msg []byte) string {
	var m any
	var err error
	kind := byte(0)
	if len(msg) > 0 {
		kind = msg[0]
	}
	switch kind {
	case pgoutput.TypeBegin:
		m, err = pgoutput.ParseBegin(msg)
	case pgoutput.TypeCommit:
		m, err = pgoutput.ParseCommit(msg)
	case pgoutput.TypeOrigin:
		m, err = pgoutput.ParseOrigin(msg)
	case pgoutput.TypeRelation:
		m, err = pgoutput.ParseRelation(msg)
	case pgoutput.TypeType:
		m, err = pgoutput.ParseType(msg)
	case pgoutput.TypeTruncate:
		m, err = pgoutput.ParseTruncate(msg)
	case pgoutput.TypeMessage:
		m, err = pgoutput.ParseMessage(msg)
	default:
		var r pgoutput.Row
		err = pgoutput.ParseRow(msg, &r)
		m = r
	}
	var malformed *pgoutput.FormatError
	if err != nil && !errors.As(err, &malformed) {
		return "another error: " + err.Error()
	}
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%v", m)
}

// Rows are decoded where they are.
func TestRowsAllocateNothing(t *testing.T) {
	messages := [][]byte{
		[]byte("I" + oid + "N" + oneB),
		[]byte("U" + oid + "O" + oneB + "N" + oneT),
		[]byte("D" + oid + "K" + key),
	}
	var r pgoutput.Row
	if n := testing.AllocsPerRun(100, func() {
		for _, m := range messages {
			if err := pgoutput.ParseRow(m, &r); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := pgoutput.ParseBegin([]byte("B" + lsn + second + "\x00\x00\x02\xF1")); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// No input panics, and a row's tuples never reach beyond the message.
func FuzzParse(f *testing.F) {
	for _, msg := range []string{
		"B" + lsn + second + "\x00\x00\x02\xF1", "C\x00" + lsn + lsnEnd + second, "O" + lsn + "from\x00",
		"R" + oid + "s\x00t\x00d\x00\x01\x01a\x00\x00\x00\x00\x17\xFF\xFF\xFF\xFF", "Y" + oid + "s\x00mood\x00",
		"I" + oid + "N" + oneB, "U" + oid + "K" + key + "N" + oneT, "U" + oid + "O" + oneB + "N" + oneT,
		"D" + oid + "K" + key, "T\x00\x00\x00\x01\x03" + oid, "M\x01" + lsn + "ours\x00\x00\x00\x00\x02hi", "",
	} {
		f.Add([]byte(msg))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		parse(msg)
		var r pgoutput.Row
		if pgoutput.ParseRow(msg, &r) != nil {
			return
		}
		parts := len(r.Old) + len(r.New)
		if parts > len(msg) || cap(r.Old) != len(r.Old) || cap(r.New) != len(r.New) {
			t.Errorf("%q: tuples of %d bytes", msg, parts)
		}
	})
}

func BenchmarkParseRow(b *testing.B) {
	msg := []byte("I" + oid + "N\x00\x05")
	for range 5 {
		msg = append(msg, "t\x00\x00\x00\x0C0123456789ab"...)
	}
	b.ReportAllocs()
	var r pgoutput.Row
	for b.Loop() {
		if err := pgoutput.ParseRow(msg, &r); err != nil {
			b.Fatal(err)
		}
	}
}
