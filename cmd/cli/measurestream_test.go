package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/cmd/view"
	"bascule/planner/catalog"
)

// Idle is told from busy, and both from stuck; every phase has its facts.
func TestMeasureStream(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	const id = "6b1c8a52/mirror.app"
	m := known{address: "mirror.app", source: "peer.a", target: "peer.b"}
	// what is read first; each case changes what is read a second later.
	first := func() *reading {
		return &reading{
			targets: map[string]*targetAnswer{"peer.b": {
				ledger: &catalog.Ledger{Format: 2, Mirrors: []catalog.LedgerMirror{{
					ID: id, Address: "mirror.app", Lineage: "6b1c8a52", Phase: catalog.PhaseStreaming, Finished: at,
					Stream:   &catalog.LedgerStream{Settings: `{"slot": "s"}`},
					Position: &catalog.LedgerPosition{LSN: 1000, Committed: at.Add(-time.Hour), Updated: at.Add(-time.Second), Transactions: 10, Changes: 100},
					Members: []catalog.LedgerMember{{State: catalog.MemberFollowed, Follow: "inserts"}, {State: catalog.MemberFollowed, Follow: "all"},
						{State: catalog.MemberCopying}},
				}}},
				progress: &catalog.Progress{}, clock: at,
				locks: []catalog.MirrorLock{{Mirror: id, Kind: catalog.LockLease, PID: 5}, {Mirror: id, Kind: catalog.LockRunner, PID: 5}},
			}},
			sources: map[string]*sourceAnswer{"peer.a": {now: &catalog.SourceNow{
				Clock: at, End: 1000,
				Slots:   []catalog.Slot{{Name: "s", Active: true, PID: 7, SafeWALSize: -1}},
				Senders: []catalog.StreamSender{{PID: 7, State: "streaming", Sent: 1000, Received: 1000}},
			}}},
		}
	}
	for _, c := range []struct {
		name   string
		change func(l *catalog.LedgerMirror, target *targetAnswer, source *sourceAnswer)
		want   string
	}{
		{"nothing to do", func(*catalog.LedgerMirror, *targetAnswer, *sourceAnswer) {}, "streaming idle lag 0 0.0s rate 0 0"},
		{"WAL of others, not reported yet", func(l *catalog.LedgerMirror, _ *targetAnswer, s *sourceAnswer) {
			s.now.End, s.now.Senders[0].Sent = 5000, 5000
		},
			"streaming idle lag 4000 0.0s rate 0 0"},
		{"at work", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			*l.Position = catalog.LedgerPosition{LSN: 2000, Transactions: 30, Changes: 150, Updated: target.clock, Committed: s.now.Clock.Add(-2 * time.Second)}
			s.now.End = 3000
		}, "streaming busy lag 1000 2.0s rate 20 50"},
		{"far behind", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			l.Position.Transactions++
			s.now.End = 1 << 30
		}, "catching up busy lag 1073740824 3601.0s rate 1 0"},
		{"a long transaction", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			l.Position.Updated = at.Add(-time.Minute)
			s.now.End, s.now.Senders[0].Received = 9000, 2000
		}, "streaming busy lag 8000 3601.0s rate 0 0"},
		{"stuck", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			l.Position.Updated = at.Add(-44 * time.Second)
			s.now.End = 2000
			target.activity = []catalog.Activity{{PID: 5, Application: "bascule/app/run"}, {PID: 9, Application: "bascule/app/apply", BlockedBy: []int32{77}}}
		}, "streaming stuck (for 45s; pid 9 on the target is blocked by pid 77) lag 1000 45.0s rate 0 0"},
		{"idle for long", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			l.Position.Updated = at.Add(-time.Hour)
		},
			"streaming idle lag 0 0.0s rate 0 0"},
		{"nobody", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			target.locks = nil
			s.now.Slots[0].Active = false
			s.now.End = 1500
		}, "stopped lag 500 2.0s rate 0 0"},
		{"a runner that cannot stream", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) { s.now.Slots[0].Active = false }, "connecting lag 0 0.0s rate 0 0"},
		{"paused", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			l.Stream.Settings = `{"slot": "s", "paused": true}`
		}, "paused lag 0 0.0s rate 0 0"},
		{"halted", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			l.Stream.Halt = &catalog.LedgerHalt{Code: "23505", Remedy: "bascule run -retry=mirror.app"}
		}, "halted 23505 bascule run -retry=mirror.app lag 0 0.0s rate 0 0"},
		{"the source is away", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			s.now, s.err = nil, errors.New("down")
		}, "streaming rate 0 0 down"},
		{"being copied", func(l *catalog.LedgerMirror, target *targetAnswer, s *sourceAnswer) {
			l.Phase, l.Position = catalog.PhaseCopying, nil
		}, "copying"},
	} {
		before, now := first(), first()
		target, source := now.targets["peer.b"], now.sources["peer.a"]
		target.clock, source.now.Clock = at.Add(time.Second), at.Add(time.Second)
		c.change(&target.ledger.Mirrors[0], target, source)
		s := measure(m, "6b1c8a52", target, at)
		now.addStream(&s, m, "6b1c8a52", before)
		if got := describeStream(&s); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if tables := fmt.Sprint(s.Stream.Tables); tables != "{2 1 0 1}" {
			t.Errorf("%s: tables %s", c.name, tables)
		}
	}
}

func describeStream(s *view.MirrorStatus) string {
	t := s.Stream
	parts := []string{s.Phase, t.Activity}
	if t.Stuck != "" {
		parts = append(parts, "("+t.Stuck+")")
	}
	if t.Halt != nil {
		parts = append(parts, t.Halt.Code, t.Halt.Remedy)
	}
	if t.LagBytes != nil {
		parts = append(parts, "lag", fmt.Sprint(*t.LagBytes))
	}
	if t.LagSeconds != nil {
		parts = append(parts, fmt.Sprintf("%.1fs", *t.LagSeconds))
	}
	if t.ChangesSecond != nil {
		parts = append(parts, fmt.Sprintf("rate %.0f %.0f", *t.TransactionsSecond, *t.ChangesSecond))
	}
	return strings.Join(strings.Fields(strings.Join(append(parts, t.Unreachable), " ")), " ")
}

// What -wait waits for, and when it gives up.
func TestGoal(t *testing.T) {
	lag := func(phase string, bytes int64) view.MirrorStatus {
		return view.MirrorStatus{Address: "mirror.app", Phase: phase, Stream: &view.StreamStatus{LagBytes: &bytes}}
	}
	done := time.Now()
	g := &goal{maxLag: 1000, timeout: time.Minute}
	for _, c := range []struct {
		name   string
		mirror view.MirrorStatus
		waited time.Duration
		want   string
	}{
		{"near", lag(view.PhaseStreaming, 1000), 0, "true <nil> 0"},
		{"far", lag(view.PhaseCatchingUp, 1001), 0, "false <nil> 0"},
		{"far for long", lag(view.PhaseCatchingUp, 1001), time.Minute, "false after 1m0s, mirror.app is catching up, 1001 bytes behind 8"},
		{"near, but nobody streams it", lag(view.PhaseStopped, 0), 0, "false <nil> 0"},
		{"copied", view.MirrorStatus{Phase: "copied", Finished: &done}, time.Hour, "true <nil> 0"},
		{"not made", view.MirrorStatus{Address: "mirror.x", Phase: "declared"}, time.Hour, "false after 1m0s, mirror.x is declared 8"},
		{"halted", view.MirrorStatus{Address: "mirror.x", Stream: &view.StreamStatus{Halt: &view.HaltStatus{Text: "no"}}}, 0, "false mirror.x has halted: no 0"},
	} {
		ok, err := g.reached(view.StatusReport{Mirrors: []view.MirrorStatus{c.mirror}}, c.waited)
		var coded interface {
			error
			ExitCode() int
		}
		code := 0
		if errors.As(err, &coded) {
			code = coded.ExitCode()
		}
		if got := fmt.Sprint(ok, err, code); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if ok, err := (*goal)(nil).reached(view.StatusReport{}, 0); !ok || err != nil {
		t.Errorf("without a goal: %v, %v", ok, err)
	}
}
