package view_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/cmd/view"
	"bascule/state"

	"github.com/jackc/pgx/v5/pgconn"
)

func interrupted() view.ResultReport {
	pg := &pgconn.PgError{Severity: "ERROR", Code: "53100", Message: "could not extend file: No space left on device", Hint: "Check free disk space."}
	return view.ResultReport{
		Outcomes: []view.Outcome{
			{Address: "mirror.a", Action: "create", Status: "done"},
			{Address: "mirror.b", Action: "create", Status: "failed", Err: fmt.Errorf("copy public.lines: %w", pg), File: "main.hcl", Line: 12},
			{Address: "mirror.c", Action: "create", Status: "interrupted", Err: errors.New("stopped")},
			{Address: "mirror.d", Action: "create", Status: "skipped"},
		},
		Left:  []string{"peer.next: schema bascule and the tables of mirror.b, 3 of 12 copied"},
		State: "bascule.state.json", Serial: 7, Took: 83 * time.Second,
		Continue: "bascule apply", GiveUp: "bascule destroy -target=mirror.b",
	}
}

func TestResult(t *testing.T) {
	failed, stopped, done := interrupted(), interrupted(), interrupted()
	failed.Failed = true
	stopped.Stopped, stopped.Failed = true, true
	done.Outcomes = done.Outcomes[:1]
	for name, r := range map[string]view.ResultReport{"failed": failed, "stopped": stopped, "done": done} {
		r.Sources = sources(t)
		s, out, _ := screen(view.Config{})
		if err := s.Result(r); err != nil {
			t.Fatal(err)
		}
		golden(t, "result-"+name, out.String())
	}
	s, out, _ := screen(view.Config{JSON: true})
	if err := s.Result(failed); err != nil {
		t.Fatal(err)
	}
	var d view.ResultDocument
	if err := json.Unmarshal(out.Bytes(), &d); err != nil || d.Status != "failed" || d.Outcomes[1].Errors[0].SQLState != "53100" {
		t.Errorf("%v, %s", err, out)
	}
}

// What many changes leave to do is said once, behind the last of them.
func TestRemarkOfMany(t *testing.T) {
	s, out, _ := screen(view.Config{})
	if err := s.Result(view.ResultReport{Outcomes: []view.Outcome{
		{Address: "ddl.a", Action: "run", Status: "done", Remark: "start bascule run"},
		{Address: "ddl.b", Action: "run", Status: "done"},
		{Address: "mirror.c", Action: "update", Status: "done", Remark: "it is paused"},
		{Address: "ddl.d", Action: "run", Status: "done", Remark: "start bascule run"},
	}}); err != nil {
		t.Fatal(err)
	}
	want := "\n\nmirror.c: it is paused\n\nddl.a, ddl.d: start bascule run\n"
	if got := out.String(); !strings.HasSuffix(got, want) || strings.Count(got, "start bascule run") != 1 {
		t.Errorf("got %s", got)
	}
}

func TestStatus(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ended := began.Add(130 * time.Second)
	s, out, _ := screen(view.Config{})
	err := s.Status(view.StatusReport{
		Mirrors: []view.MirrorStatus{
			{
				Address: "mirror.app", Source: "peer.prod", Target: "peer.next", Phase: "copying", Attempt: 2, Started: &began, Running: true,
				Tables: 84, TablesDone: 12, Bytes: 44 * gb, BytesDone: 19 * gb, Rows: 41234567, Objects: 21, ObjectsDone: 3, BytesSecond: 102 * mb, SecondsLeft: 250,
				Copying: []view.CopyStatus{
					{Table: "public.orders", Bytes: 38 * gb, BytesDone: 12 * gb, Chunks: 12, ChunksDone: 4, Wire: 100 * mb, Rows: 1200},
					{Table: "public.small", Bytes: mb, BytesDone: 0, Chunks: 1},
				},
				Builds: []view.BuildStatus{{Index: "public.i", Table: "public.t", Phase: "building index: scanning table", Done: 1, Total: 5}, {Table: "public.t", Phase: "initializing"}},
				Failed: []view.FailStatus{{Table: "public.bad", Error: "ERROR: invalid byte sequence (SQLSTATE 22021)"}},
			},
			{Address: "mirror.done", Source: "peer.prod", Target: "peer.b", Phase: "copied", Attempt: 1, Started: &began, Finished: &ended, SecondsTaken: 130, Tables: 3, TablesDone: 3, Bytes: gb, BytesDone: gb},
			{Address: "mirror.dead", Source: "peer.prod", Target: "peer.b", Phase: "copying", Started: &began, Error: "connection lost"},
			{Address: "mirror.away", Source: "peer.prod", Target: "peer.c", Phase: "declared", Unreachable: "peer.c: connect to c:5432/app: connection refused"},
		},
		Peers: []view.PeerStatus{{Address: "peer.prod", Endpoint: "db1:5432/app"}, {Address: "peer.b", Endpoint: "db2:5432/app"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status", out.String())
}

func TestState(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, out, _ := screen(view.Config{})
	err := s.State(&state.File{
		Format: 1, Version: "0.1.0", Serial: 7, Lineage: "6b1c8a52-5c0f-4d7e-9d3a-0d8f5e1c2b3a",
		Resources: []*state.Resource{
			{Address: `mirror.app["eu"]`, Status: state.Creating, Updated: at, Mirror: &state.Mirror{Source: "peer.a", Target: "peer.b", Settings: map[string]string{"exclude": "public.x", "engine": "stream"}}},
			{Address: "peer.a", Status: state.Ready, Updated: at, Peer: &state.Peer{Endpoint: "h:5432/d", SystemIdentifier: "741", DatabaseOID: 16384}},
		},
		Journal: []state.JournalEntry{{Address: `mirror.app["eu"]`, Step: "copy", Status: "failed", At: at, Error: "connection lost"}},
	}, "bascule.state.json")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "state", out.String())
}
