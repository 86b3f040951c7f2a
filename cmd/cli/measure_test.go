package cli

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"bascule/planner/catalog"
)

func TestMeasure(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	now := began.Add(10 * time.Second)
	ledger := func(change func(*catalog.LedgerMirror)) *catalog.Ledger {
		m := catalog.LedgerMirror{
			ID: "6b1c8a52/mirror.app", Address: "mirror.app", Lineage: "6b1c8a52", Phase: catalog.PhaseCopying, Started: began, Attempt: 1,
			ObjectsTotal: 4, ObjectsDone: 1,
			Tables: []catalog.LedgerTable{
				{Schema: "public", Name: "a", Bytes: 100, State: "copied", Chunks: 1, ChunksDone: 1, Rows: 7, BytesDone: 100},
				{Schema: "public", Name: "b", Bytes: 300, State: "copying", Chunks: 3, ChunksDone: 1, Rows: 5, BytesDone: 100},
				{Schema: "public", Name: "c", Bytes: 100, State: "failed", Error: "x"},
			},
		}
		change(&m)
		return &catalog.Ledger{Format: 1, Mirrors: []catalog.LedgerMirror{m}}
	}
	same := func(*catalog.LedgerMirror) {}
	busy := &catalog.Progress{
		Sessions: []catalog.Session{{PID: 9, Application: "bascule/6b1c8a52/mirror.app/copy"}},
		Copies:   []catalog.CopyProgress{{PID: 9, Schema: "public", Name: "b", Bytes: 50, Rows: 3}, {PID: 8, Schema: "other", Name: "b", Bytes: 1}},
		Builds:   []catalog.BuildProgress{{Schema: "public", Name: "a", Index: "public.i", Done: 1, Total: 4}, {Schema: "public", Name: "z"}},
	}
	for _, c := range []struct {
		name   string
		answer targetAnswer
		want   string
	}{
		{"in work", targetAnswer{ledger: ledger(same), progress: busy}, "copying running 1/3 tables 250/500 bytes 15 rows 25/s 10s left copying 1 building 1 failed 1"},
		{"nobody works on it", targetAnswer{ledger: ledger(same), progress: &catalog.Progress{}}, "copying idle 1/3 tables 200/500 bytes 12 rows 0/s 0s left copying 0 building 0 failed 1"},
		{"another lineage's record", targetAnswer{ledger: ledger(func(m *catalog.LedgerMirror) { m.Lineage = "ffffffff" }), progress: busy}, "creating idle 0/0 tables 0/0 bytes 0 rows 0/s 0s left copying 0 building 0 failed 0"},
		{"done", targetAnswer{ledger: ledger(func(m *catalog.LedgerMirror) { m.Phase, m.Finished = catalog.PhaseCopied, now }), progress: busy}, "copied idle 1/3 tables 250/500 bytes 15 rows 0/s 0s left copying 1 building 1 failed 1"},
		{"no answer", targetAnswer{err: errors.New("down")}, "creating idle 0/0 tables 0/0 bytes 0 rows 0/s 0s left copying 0 building 0 failed 0 down"},
	} {
		s := measure(known{address: "mirror.app", status: "creating"}, "6b1c8a52", &c.answer, now)
		state := "idle"
		if s.Running {
			state = "running"
		}
		got := fmt.Sprintf("%s %s %d/%d tables %d/%d bytes %d rows %d/s %ds left copying %d building %d failed %d",
			s.Phase, state, s.TablesDone, s.Tables, s.BytesDone, s.Bytes, s.Rows, s.BytesSecond, s.SecondsLeft, len(s.Copying), len(s.Builds), len(s.Failed))
		if s.Unreachable != "" {
			got += " " + s.Unreachable
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestWorksOn(t *testing.T) {
	m := &catalog.LedgerMirror{ID: "6b1c8a52/mirror.app", Address: "mirror.app"}
	long := &catalog.LedgerMirror{ID: "6b1c8a52/mirror.a_name_that_is_longer_than_sixty_three_bytes_allow_for"}
	for _, c := range []struct {
		application string
		mirror      *catalog.LedgerMirror
		want        bool
	}{
		{"bascule/6b1c8a52/mirror.app/copy", m, true},
		{"bascule/mirror.app/copy", m, true},
		{"bascule/app/lease", m, true},
		{"bascule/app2/lease", m, false},
		{"bascule-status", m, false},
		{"bascule/6b1c8a52/mirror.a_name_that_is_longer_than_sixty_three_", long, true},
	} {
		if got := worksOn(c.application, c.mirror); got != c.want {
			t.Errorf("%s: %v", c.application, got)
		}
	}
}
