package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/cmd/view"
	"bascule/planner/catalog"
)

// An engine works, begins, is down or can never go on; what an apply does with it is no
// fault of its own.
func TestMeasureEngine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	const id = "6b1c8a52/mirror.app"
	m := known{address: "mirror.app", source: "peer.a", target: "peer.b", epoch: 3}
	first := func() *reading {
		return &reading{
			targets: map[string]*targetAnswer{"peer.b": {
				ledger: &catalog.Ledger{Mirrors: []catalog.LedgerMirror{{
					ID: id, Address: "mirror.app", Lineage: "6b1c8a52", Phase: catalog.PhaseStreaming, Finished: at,
					Stream:   &catalog.LedgerStream{Settings: `{"slot": "s", "engine": "subscription", "subscription": "sub"}`, Handed: true},
					Position: &catalog.LedgerPosition{LSN: 1000, Epoch: 3},
				}}},
				progress: &catalog.Progress{},
				engines: map[string]*catalog.EngineNow{id: {Engine: "subscription", Subscription: "sub", There: true, Enabled: true,
					Working: true, PID: 5, Slot: "s", Applied: 2000, Errors: 1}},
			}},
			sources: map[string]*sourceAnswer{"peer.a": {now: &catalog.SourceNow{End: 3000,
				Slots: []catalog.Slot{{Name: "s", Active: true, PID: 7, Confirmed: 2500, SafeWALSize: -1}}}}},
			causes: map[string][]string{"mirror.app": {"a cause"}},
		}
	}
	for _, c := range []struct {
		name string
		edit func(before, e *catalog.EngineNow, target *targetAnswer, source *catalog.SourceNow)
		want string
	}{
		{"works", func(_, _ *catalog.EngineNow, _ *targetAnswer, _ *catalog.SourceNow) {}, "streaming lag 500"},
		{"far behind", func(_, _ *catalog.EngineNow, _ *targetAnswer, s *catalog.SourceNow) { s.End = 1 << 30 }, "catching up lag 1073739324"},
		{"its origin is further than its slot", func(_, e *catalog.EngineNow, _ *targetAnswer, _ *catalog.SourceNow) { e.Applied = 2900 }, "streaming lag 100"},
		{"no worker", func(_, e *catalog.EngineNow, _ *targetAnswer, _ *catalog.SourceNow) { e.Working, e.PID = false, 0 }, "down lag 500"},
		{"another worker than a second ago", func(_, e *catalog.EngineNow, _ *targetAnswer, _ *catalog.SourceNow) { e.PID++ }, "down lag 500"},
		{"one more error", func(_, e *catalog.EngineNow, _ *targetAnswer, _ *catalog.SourceNow) { e.Errors++ }, "down lag 500"},
		{"a worker that was not there", func(before, _ *catalog.EngineNow, _ *targetAnswer, _ *catalog.SourceNow) { before.PID = 0 }, "connecting lag 500"},
		{"nobody reads the slot", func(_, _ *catalog.EngineNow, _ *targetAnswer, s *catalog.SourceNow) { s.Slots[0].Active = false }, "connecting lag 500"},
		{"disabled", func(_, e *catalog.EngineNow, _ *targetAnswer, _ *catalog.SourceNow) { e.Enabled = false }, "halted lag 500: is disabled"},
		{"disabled by an apply", func(_, e *catalog.EngineNow, target *targetAnswer, _ *catalog.SourceNow) {
			e.Enabled = false
			target.locks = []catalog.MirrorLock{{Mirror: id, Kind: catalog.LockLease}}
		}, "connecting lag 500"},
		{"no subscription", func(_, e *catalog.EngineNow, _ *targetAnswer, _ *catalog.SourceNow) { e.There = false }, "halted lag 500: sub is gone from the target"},
		{"a ledger of before the last apply", func(_, _ *catalog.EngineNow, target *targetAnswer, _ *catalog.SourceNow) {
			target.ledger.Mirrors[0].Position.Epoch = 2
		}, "halted lag 500: was restored to a time before the last apply"},
		{"no slot", func(_, _ *catalog.EngineNow, _ *targetAnswer, s *catalog.SourceNow) { s.Slots = nil }, "halted lag 1000: slot s is gone"},
		{"a slot that is lost", func(_, _ *catalog.EngineNow, _ *targetAnswer, s *catalog.SourceNow) { s.Slots[0].WALStatus = "lost" }, "halted lag 500: slot s is lost"},
		{"an invalidated slot", func(_, _ *catalog.EngineNow, _ *targetAnswer, s *catalog.SourceNow) {
			s.Slots[0].Invalidation = "wal_removed"
		}, "halted lag 500: lost: wal_removed"},
		{"with an apply", func(_, _ *catalog.EngineNow, target *targetAnswer, _ *catalog.SourceNow) {
			target.engines, target.ledger.Mirrors[0].Stream.Handed = nil, false
		}, "stopped lag 2000"},
	} {
		before, now := first(), first()
		c.edit(before.targets["peer.b"].engines[id], now.targets["peer.b"].engines[id], now.targets["peer.b"], now.sources["peer.a"].now)
		s := measure(m, "6b1c8a52", now.targets["peer.b"], at)
		now.addStream(&s, m, "6b1c8a52", before)
		got := fmt.Sprintf("%s lag %d", s.Phase, *s.Stream.LagBytes)
		want, text, _ := strings.Cut(c.want, ": ")
		if got != want || (s.Stream.Halt == nil) != (text == "") || text != "" && !strings.Contains(s.Stream.Halt.Text, text) {
			t.Errorf("%s: %s, %+v", c.name, got, s.Stream.Halt)
		}
		if down := s.Phase == view.PhaseDown; down != (s.Stream.Engine.Remedy != "") {
			t.Errorf("%s: %+v", c.name, s.Stream.Engine)
		}
		done, err := (&goal{maxLag: 1000}).reached(view.StatusReport{Mirrors: []view.MirrorStatus{s}}, time.Hour)
		if want := s.Phase == view.PhaseStreaming && *s.Stream.LagBytes <= 1000; done != want || (err != nil) != (s.Stream.Halt != nil) {
			t.Errorf("%s: -wait says %t, %v", c.name, done, err)
		}
	}
}

// Seconds are told of what the target acknowledges, and of nothing else.
func TestEngineSeconds(t *testing.T) {
	lag := 1500 * time.Millisecond
	for _, c := range []struct {
		rule string
		edit func(v *streamView)
		want string
	}{
		{"all that was sent", func(v *streamView) { v.sender.Flushed = 900 }, "0.0"},
		{"all that was sent of a sender that is behind", func(v *streamView) { v.sender.Flushed, v.sender.State = 900, "catchup" }, "1.5"},
		{"more than before", func(v *streamView) {}, "1.5"},
		{"no more than before", func(v *streamView) { v.beforeSender.Flushed = 800 }, ""},
		{"another sender than before", func(v *streamView) { v.beforeSender.PID = 6 }, ""},
		{"nothing before", func(v *streamView) { v.beforeSender = nil }, ""},
		{"not known", func(v *streamView) { v.sender.FlushLag = nil }, ""},
		{"a role that may not see it", func(v *streamView) { v.sender.Sent, v.sender.Flushed = 0, 0 }, ""},
		{"nobody", func(v *streamView) { v.sender = nil }, ""},
	} {
		v := &streamView{sender: &catalog.StreamSender{PID: 7, State: "streaming", Sent: 900, Flushed: 800, FlushLag: &lag},
			beforeSender: &catalog.StreamSender{PID: 7, Flushed: 700}}
		c.edit(v)
		got := ""
		if seconds := v.engineSeconds(view.PhaseStreaming); seconds != nil {
			got = fmt.Sprintf("%.1f", *seconds)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
		if v.engineSeconds(view.PhaseDown) != nil {
			t.Errorf("%s: down, and seconds are told", c.rule)
		}
	}
}
