package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/executor/schema/archive"
)

// sample writes an archive of 1.minor with the given entries, as pg_dump does.
func sample(minor byte, entries ...archive.Entry) []byte {
	w := &writer{minor: minor}
	w.WriteString("PGDMP")
	w.Write([]byte{1, minor, 0, 4, 8, 1})
	if minor >= 15 {
		w.WriteByte(0)
	} else {
		w.int(0)
	}
	for _, v := range []int{56, 34, 12, 29, 1, 124, 0} {
		w.int(v)
	}
	w.text("app")
	w.text("15.20 (Debian)")
	w.text("16.1")
	entries = append([]archive.Entry{
		{DumpID: 1, Desc: "ENCODING", Tag: "ENCODING", Definition: "SET client_encoding = 'LATIN1';\n", Section: archive.PreData},
		{DumpID: 2, Desc: "STDSTRINGS", Tag: "STDSTRINGS", Definition: "SET standard_conforming_strings = 'off';\n", Section: archive.PreData},
		{DumpID: 3, Desc: "SEARCHPATH", Tag: "SEARCHPATH", Definition: "SELECT pg_catalog.set_config('search_path', 'a, ''b''', false);\n", Section: archive.PreData},
	}, entries...)
	w.int(len(entries))
	for _, e := range entries {
		w.entry(e)
	}
	return w.Bytes()
}

type writer struct {
	bytes.Buffer
	minor byte
}

func (w *writer) int(v int) {
	sign := byte(0)
	if v < 0 {
		sign, v = 1, -v
	}
	w.WriteByte(sign)
	w.Write(binary.LittleEndian.AppendUint32(nil, uint32(v)))
}

func (w *writer) text(s string) {
	w.int(len(s))
	w.WriteString(s)
}

func (w *writer) entry(e archive.Entry) {
	w.int(e.DumpID)
	w.int(map[bool]int{true: 1}[e.HasData])
	w.text(fmt.Sprint(e.Class))
	w.text(fmt.Sprint(e.OID))
	w.text(e.Tag)
	w.text(e.Desc)
	w.int(int(e.Section))
	for _, s := range []string{e.Definition, e.Drop, e.Copy, e.Schema} {
		w.text(s)
	}
	w.int(-1) // a null tablespace
	if w.minor >= 14 {
		w.text(e.AccessMethod)
	}
	if w.minor >= 16 {
		w.int(int(e.RelKind))
	}
	w.text(e.Owner)
	w.text("false")
	for _, id := range e.Dependencies {
		w.text(fmt.Sprint(id))
	}
	w.int(-1)
	w.WriteByte(3)
	w.Write(make([]byte, 8))
}

var sampleEntry = archive.Entry{
	DumpID: 200, Class: 1259, OID: 4000000000, Tag: "a b", Desc: "TABLE", Section: archive.PreData,
	Definition: "CREATE TABLE s.\"a b\" ();\n", Drop: "DROP TABLE s.\"a b\";\n", Copy: "COPY", Schema: "s", Owner: "o",
	HasData: true, Dependencies: []int{5, 9000},
}

func TestReadKnowsEveryVersion(t *testing.T) {
	for minor := byte(12); minor <= 16; minor++ {
		want := sampleEntry
		if minor >= 14 {
			want.AccessMethod = "heap"
		}
		if minor >= 16 {
			want.RelKind = 'r'
		}
		// Bytes of data after the table of contents are none of its business.
		a, err := archive.Read(iotest.OneByteReader(io.MultiReader(bytes.NewReader(sample(minor, want)), strings.NewReader("data"))))
		if err != nil {
			t.Fatalf("1.%d: %v", minor, err)
		}
		if diff := cmp.Diff(&archive.Archive{
			Version: archive.Version{Major: 1, Minor: minor}, DumpVersion: "16.1", ServerVersion: "15.20 (Debian)", Database: "app",
			Created: time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC), Encoding: "LATIN1", SearchPath: "a, 'b'",
			Entries: []archive.Entry{want},
		}, a); diff != "" {
			t.Errorf("1.%d: want -, got +\n%s", minor, diff)
		}
	}
}

func TestReadRefusesWhatItDoesNotKnow(t *testing.T) {
	good := sample(14, sampleEntry)
	change := func(at int, b ...byte) []byte {
		out := bytes.Clone(good)
		copy(out[at:], b)
		return out
	}
	for _, c := range []struct {
		rule string
		in   []byte
		want string
	}{
		{"nothing", nil, "at byte 0: the archive ends too early"},
		{"plain text", []byte("-- PostgreSQL database dump"), "at byte 5: this is no custom-format archive of pg_dump"},
		{"an older format", change(6, 11), "at byte 8: archive version 1.11 is not known; 1.12 to 1.16 are"},
		{"a newer format", change(6, 17), "at byte 8: archive version 1.17 is not known; 1.12 to 1.16 are"},
		{"another major format", change(5, 2), "at byte 8: archive version 2.14 is not known; 1.12 to 1.16 are"},
		{"the directory format", change(10, 5), "at byte 11: format 5 is not the custom format"},
		{"no integer size", change(8, 0), "at byte 10: integers of 0 bytes and offsets of 8 are out of range"},
		{"a text that no server can send", change(52, 0xff, 0xff, 0xff, 0x7f), "at byte 56: a text of 2147483647 bytes is longer than any server can send"},
		{"an entry cut off", good[:len(good)-20], fmt.Sprintf("at byte %d: the archive ends too early", len(good)-20)},
	} {
		_, err := archive.Read(bytes.NewReader(c.in))
		var format *archive.FormatError
		if !errors.As(err, &format) || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.rule, err, c.want)
		}
	}
}

func TestReadPassesOnTheReadersError(t *testing.T) {
	broken := errors.New("cut")
	_, err := archive.Read(io.MultiReader(bytes.NewReader(sample(14)[:30]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "at byte 30") {
		t.Errorf("got %v", err)
	}
}

func TestMemoryFollowsTheInput(t *testing.T) {
	in := sample(14)
	copy(in[len(in)-100:], bytes.Repeat([]byte{0, 0xff, 0xff, 0xff, 0x3f}, 20)) // texts of a gigabyte, says it
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := archive.Read(bytes.NewReader(in)); err == nil {
		t.Error("nothing was wrong")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d bytes were allocated for %d", got, len(in))
	}
}

func FuzzRead(f *testing.F) {
	for minor := byte(12); minor <= 16; minor++ {
		f.Add(sample(minor, sampleEntry))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := archive.Read(bytes.NewReader(in))
		if (a == nil) == (err == nil) {
			t.Fatalf("both or neither: %v, %v", a, err)
		}
		if err != nil {
			return
		}
		for _, e := range a.Entries {
			e.Identity()
			e.OwnerSQL()
		}
	})
}
