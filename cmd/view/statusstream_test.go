package view_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"bascule/cmd/view"
	"bascule/executor/progress"
)

func ptr[T any](v T) *T { return &v }

// Continuous mirrors in each phase, and a peer.
func TestStatusOfStreams(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	runner := &view.HolderStatus{PID: 321, Client: "10.0.0.3", Application: "bascule/app/run"}
	slot := func(name string) *view.SlotStatus {
		return &view.SlotStatus{Name: name, Active: true, PID: 4711, WALStatus: "reserved", Held: 16 * mb}
	}
	mirror := func(name, phase string, s *view.StreamStatus) view.MirrorStatus {
		return view.MirrorStatus{Address: "mirror." + name, Source: "peer.prod", Target: "peer.next", Phase: phase, Attempt: 1,
			Started: &began, Finished: &began, Tables: 84, TablesDone: 84, Objects: 21, ObjectsDone: 21, Stream: s}
	}
	idle := mirror("app", view.PhaseStreaming, &view.StreamStatus{
		Activity: view.ActivityIdle, Held: runner, LagBytes: ptr(int64(56)), LagSeconds: ptr(0.0),
		SourceNow: "16/B374D880", Sent: "16/B374D880", Received: "16/B374D848", ReceivedBehind: 56, Applied: "16/B374D848",
		Committed: &began, Transactions: 41234, Changes: 1234567, TransactionsSecond: ptr(0.0), ChangesSecond: ptr(0.0),
		Tables: view.TableStates{Streaming: 80, Inserts: 3}, Slot: slot("bascule_app_9d7f0c6e"),
	})
	behind := mirror("busy", view.PhaseCatchingUp, &view.StreamStatus{
		Activity: view.ActivityBusy, Held: runner, Waiting: []view.HolderStatus{{PID: 5, Client: "local", Application: "bascule/busy/run"}},
		LagBytes: ptr(int64(12 * gb)), LagSeconds: ptr(4000.0),
		SourceNow: "19/1", Sent: "16/C0000000", SentBehind: 11 * gb, Received: "16/BF000000", ReceivedBehind: 11*gb + 16*mb, Applied: "16/B374D848",
		Committed: &began, Transactions: 1, Changes: 1, Missing: 2, TransactionsSecond: ptr(20300.4), ChangesSecond: ptr(81200.0),
		Tables: view.TableStates{Streaming: 2, Copying: 1, Removed: 1},
		Slot:   &view.SlotStatus{Name: "bascule_busy_9d7f0c6e", Active: true, PID: 1, WALStatus: "unreserved", Held: 12 * gb, Safe: ptr(int64(100 * mb))},
	})
	behind.Copying = []view.CopyStatus{{Table: "public.added", Bytes: gb, BytesDone: gb / 2, Chunks: 4, ChunksDone: 2, Wire: mb, Rows: 100}}
	stuck := mirror("stuck", view.PhaseStreaming, &view.StreamStatus{
		Activity: view.ActivityStuck, Stuck: "for 45s; pid 12 on the target is blocked by pid 77", Held: runner,
		LagBytes: ptr(int64(mb)), LagSeconds: ptr(45.2), SourceNow: "0/2000000", Applied: "0/1F00000", Slot: slot("s"),
	})
	stopped := mirror("stopped", view.PhaseStopped, &view.StreamStatus{
		LagBytes: ptr(int64(3 * gb)), LagSeconds: ptr(90000.0), SourceNow: "1/0", Applied: "0/40000000",
		Slot: &view.SlotStatus{Name: "bascule_stopped_9d7f0c6e", WALStatus: "extended", Held: 3 * gb},
	})
	halted := mirror("halted", view.PhaseHalted, &view.StreamStatus{
		Held: runner, Applied: "0/40000000", Slot: &view.SlotStatus{Name: "gone", Absent: true},
		Halt: &view.HaltStatus{Code: "23505", LSN: "0/40001000", Table: "public.orders", Key: "(id)=(7)",
			Text: "duplicate key value violates unique constraint \"orders_pkey\"", Remedy: "delete that row on the target, then: bascule run -retry=mirror.halted"},
	})
	halted.Error = "stream: connection refused"
	paused := mirror("paused", view.PhasePaused, &view.StreamStatus{Applied: "0/1", Unreachable: "peer.prod: connect to db1:5432/app: connection refused"})
	copying := mirror("new", "copying", &view.StreamStatus{Tables: view.TableStates{Copying: 84}, Slot: &view.SlotStatus{Name: "bascule_new_9d7f0c6e", WALStatus: "reserved", Held: gb}})
	copying.Finished, copying.Running, copying.TablesDone = nil, true, 3

	s, out, _ := screen(view.Config{})
	err := s.Status(view.StatusReport{
		Mirrors: []view.MirrorStatus{idle, behind, stuck, stopped, halted, paused, copying},
		Peers:   []view.PeerStatus{{Address: "peer.prod", Endpoint: "db1:5432/app"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status-streams", out.String())
}

// Mirrors that their servers keep in step, in each phase.
func TestStatusOfEngines(t *testing.T) {
	engine := func(edit func(*view.EngineStatus)) *view.EngineStatus {
		e := &view.EngineStatus{Name: "pglogical", Subscription: "bascule_app_9d7f0c6e", Handed: true, Enabled: true, Working: true}
		edit(e)
		return e
	}
	done := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	mirror := func(name, phase string, e *view.EngineStatus) view.MirrorStatus {
		return view.MirrorStatus{Address: "mirror." + name, Source: "peer.prod", Target: "peer.next", Phase: phase, Attempt: 1, Started: &done, Finished: &done,
			Stream: &view.StreamStatus{LagBytes: ptr(int64(56)), SourceNow: "16/B374D880", Applied: "16/B374D848", Tables: view.TableStates{Streaming: 80},
				Slot: &view.SlotStatus{Name: "s", Active: e.Working, PID: 17, WALStatus: "reserved", Held: mb}, Engine: e}}
	}
	disabled := mirror("disabled", view.PhaseHalted, engine(func(e *view.EngineStatus) {
		e.Name, e.Enabled, e.Working, e.Errors = "subscription", false, false, ptr(int64(2))
	}))
	disabled.Stream.Halt = &view.HaltStatus{Code: "engine", Text: "subscription bascule_app_9d7f0c6e is disabled", Remedy: "bascule apply: it hands it back"}
	s, out, _ := screen(view.Config{})
	err := s.Status(view.StatusReport{Mirrors: []view.MirrorStatus{
		mirror("works", view.PhaseStreaming, engine(func(*view.EngineStatus) {})),
		mirror("counted", view.PhaseCatchingUp, engine(func(e *view.EngineStatus) { e.Name, e.Errors = "subscription", ptr(int64(0)) })),
		mirror("down", view.PhaseDown, engine(func(e *view.EngineStatus) {
			e.Working, e.Remedy = false, "take the cause away"
			e.Causes = []string{"the target has no table public.a", "the target has no role \"app\""}
		})),
		mirror("untold", view.PhaseDown, engine(func(e *view.EngineStatus) { e.Working, e.Remedy = false, "take the cause away" })),
		mirror("begins", view.PhaseConnecting, engine(func(*view.EngineStatus) {})),
		disabled,
		mirror("interrupted", view.PhaseStopped, &view.EngineStatus{Name: "subscription", Subscription: "bascule_app_9d7f0c6e"}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status-engines", out.String())
}

func TestStatusOfPeer(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, out, _ := screen(view.Config{})
	err := s.Status(view.StatusReport{Peers: []view.PeerStatus{
		{
			Address: "peer.prod", Endpoint: "db1:5432/app", Asked: true, Held: 3 * gb,
			Sessions: []view.SessionStatus{
				{PID: 17, Application: "bascule/app/stream", Database: "app", State: "active", Since: &began, Seconds: 4000,
					Query: `START_REPLICATION SLOT "bascule_app_9d7f0c6e" LOGICAL 16/B374D848`, Waiting: "Client: WalSenderWaitForWAL"},
				{PID: 4711, Application: "bascule/app/copy", Database: "app", State: "idle in transaction", Since: &began, Seconds: 2,
					Query: "lock table only public.orders in access share mode", Waiting: "Lock: relation", BlockedBy: []int32{8, 9}},
				{PID: 4712, Application: "bascule/app/check"},
			},
			Slots: []view.SlotStatus{
				{Name: "bascule_app_9d7f0c6e", Active: true, PID: 17, WALStatus: "reserved", Held: 16 * mb},
				{Name: "bascule_old_9d7f0c6e", WALStatus: "unreserved", Held: 3 * gb, Safe: ptr(int64(100 * mb))},
				{Name: "bascule_lost_9d7f0c6e", WALStatus: "lost", Invalidation: "wal_removed"},
			},
		},
		{Address: "peer.next", Endpoint: "db2:5432/app", Asked: true, Subscriptions: []view.SubscriptionStatus{
			{Name: "bascule_app_9d7f0c6e", Engine: "subscription", Enabled: true, Working: true, Slot: "bascule_app_9d7f0c6e"},
			{Name: "bascule_second_9d7f0c6e", Engine: "pglogical", Enabled: true},
		}},
		{Address: "peer.none", Endpoint: "db4:5432/app", Asked: true},
		{Address: "peer.away", Endpoint: "db3:5432/app", Asked: true, Unreachable: "connection refused"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status-peer", out.String())
}

// What happens to a mirror that is kept streaming, for people and for programs.
func TestEvents(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	all := []progress.Event{
		progress.Noted{Mirror: "app", Text: "waiting: another process has it"},
		progress.StreamStarted{Mirror: "app", Slot: "bascule_app_9d7f0c6e"},
		progress.CaughtUp{Mirror: "app", Position: "16/B374D848", Transactions: 1, Changes: 1234},
		progress.ChunkMoved{Mirror: "app", Table: "t", Wire: 1}, // of a copy
		progress.Retrying{Mirror: "mirror.app", What: "stream", Err: errors.New("connection refused"), In: 400 * time.Millisecond},
		progress.Halted{Mirror: "app", Code: "23505", LSN: "16/B374D848", Table: "public.t", Key: "(id)=(7)", Text: "duplicate key\nin t", Remedy: "delete the row"},
		progress.StreamStopped{Mirror: "app", Position: "16/B374D848", Why: "asked to yield"},
	}
	s, out, stderr := screen(view.Config{})
	sink := s.Events(func() time.Time { return at })
	for _, e := range all {
		sink.Event(e)
	}
	if out.Len() != 0 {
		t.Errorf("standard output: %s", out)
	}
	golden(t, "events", stderr.String())

	s, out, stderr = screen(view.Config{JSON: true})
	sink = s.Events(func() time.Time { return at })
	for _, e := range all {
		sink.Event(e)
	}
	if stderr.Len() != 0 || !s.Answered() {
		t.Errorf("standard error: %s", stderr)
	}
	var kinds []string
	for line := range bytes.Lines(out.Bytes()) {
		var l view.EventLine
		if err := json.Unmarshal(line, &l); err != nil || l.Mirror != "mirror.app" || !l.Time.Equal(at) {
			t.Errorf("%s: %v", line, err)
		}
		kinds = append(kinds, l.Event)
	}
	if len(kinds) != 6 || kinds[4] != "halted" {
		t.Errorf("events %v", kinds)
	}
}
