package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"bascule/cmd/view"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
)

const (
	// farBehind is how much WAL a mirror may be behind that is not catching up: a
	// segment of the server's log.
	farBehind = 16 << 20

	// stuckAfter is how long a position may stand still while there is something to
	// apply. An idle stream moves it every ten seconds.
	stuckAfter = 30 * time.Second
)

// streamView is what is known of one mirror that follows its source.
type streamView struct {
	ledger   *catalog.LedgerMirror
	settings planner.Stream
	target   *targetAnswer
	source   *catalog.SourceNow // nil: it could not be asked
	slotName string
	slot     *catalog.Slot
	sender   *catalog.StreamSender

	lease *catalog.MirrorLock

	// engine of the servers' own, where the mirror was handed to one.
	engine *catalog.EngineNow
	causes []string // of its standing still
	epoch  int64    // that its position had at the last apply, by the state

	// What was read before, or nil.
	before       *catalog.LedgerPosition
	beforeSender *catalog.StreamSender
	beforeEngine *catalog.EngineNow
	between      time.Duration
}

// addStream says how a continuous mirror follows its source, and in which phase it is.
func (r *reading) addStream(s *view.MirrorStatus, m known, lineage string, before *reading) {
	v := r.since(before, m, lineage)
	if v == nil {
		return
	}
	s.Stream = v.status()
	if a := r.sources[m.source]; a != nil && a.err != nil {
		s.Stream.Unreachable = a.err.Error()
	}
	if v.ledger.Phase != catalog.PhaseStreaming {
		return
	}
	if v.engine != nil {
		s.Phase, s.Running = v.enginePhase(s.Stream), v.engine.Working
		s.Stream.LagSeconds = v.engineSeconds(s.Phase)
		return
	}
	s.Phase, s.Running = v.phase(s.Stream), v.lease != nil
	if s.Phase == view.PhaseStreaming || s.Phase == view.PhaseCatchingUp {
		s.Stream.Activity, s.Stream.Stuck = v.activity(s.Stream)
	}
	s.Stream.LagSeconds = v.seconds(s.Stream)
}

// since is the view of a mirror, with what was read before.
func (r *reading) since(before *reading, m known, lineage string) *streamView {
	v := r.view(m, lineage)
	if v == nil || before == nil {
		return v
	}
	if old := before.view(m, lineage); old != nil {
		v.before, v.beforeSender, v.between = old.ledger.Position, old.sender, v.target.clock.Sub(old.target.clock)
		v.beforeEngine = old.engine
	}
	return v
}

// view collects what a reading has of a mirror; nil for one that is not continuous.
func (r *reading) view(m known, lineage string) *streamView {
	l := r.record(m, lineage)
	if l == nil || l.Stream == nil {
		return nil
	}
	v := &streamView{ledger: l, target: r.targets[m.target], causes: r.causes[m.address], epoch: m.epoch}
	_ = json.Unmarshal([]byte(l.Stream.Settings), &v.settings) // of a newer build, perhaps: then without a slot's name
	for i := range v.target.locks {
		if lock := &v.target.locks[i]; lock.Mirror == l.ID && lock.Kind == catalog.LockLease {
			v.lease = lock
		}
	}
	v.slotName = v.settings.Slot
	if v.engine = v.target.engines[l.ID]; v.engine != nil && v.engine.Slot != "" {
		v.slotName = v.engine.Slot
	}
	if a := r.sources[m.source]; a != nil && a.err == nil {
		v.source = a.now
		if v.slot = a.now.Slot(v.slotName); v.slot != nil && v.slot.Active {
			v.sender = a.now.Sender(v.slot.PID)
		}
	}
	return v
}

// status fills in everything but what it comes to.
func (v *streamView) status() *view.StreamStatus {
	t := &view.StreamStatus{Slot: slotStatus(v.slotName, v.slot), Engine: v.engineStatus()}
	if v.source == nil {
		t.Slot = nil
	}
	v.addHolders(t)
	v.addPlaces(t)
	for i := range v.ledger.Members {
		switch x := &v.ledger.Members[i]; x.State {
		case catalog.MemberFollowed:
			t.Tables.Streaming++
			if x.Follow == planner.FollowInserts {
				t.Tables.Inserts++
			}
		case catalog.MemberCopying, catalog.MemberWaiting:
			t.Tables.Copying++
		case catalog.MemberRemoved:
			t.Tables.Removed++
		}
	}
	if h := v.ledger.Stream.Halt; h != nil {
		t.Halt = &view.HaltStatus{Code: h.Code, LSN: h.LSN, Table: h.Table, Key: h.Key, Text: h.Text,
			Remedy: h.Remedy, Terminal: h.Terminal}
	}
	return t
}

// addHolders says who works on the mirror, and which runners wait.
func (v *streamView) addHolders(t *view.StreamStatus) {
	for _, l := range v.target.locks {
		if l.Mirror != v.ledger.ID {
			continue
		}
		h := view.HolderStatus{PID: l.PID, Client: l.Client, Application: l.Application}
		switch {
		case l.Kind == catalog.LockLease:
			t.Held = &h
		case l.Kind == catalog.LockRunner && (v.lease == nil || v.lease.PID != l.PID):
			t.Waiting = append(t.Waiting, h)
		}
	}
}

// addPlaces adds how far the stream is at each of its four places, and its rate.
func (v *streamView) addPlaces(t *view.StreamStatus) {
	p := v.ledger.Position
	if p == nil {
		return
	}
	applied := p.LSN
	if v.engine != nil {
		applied = v.engineApplied()
	} else {
		t.Committed = moment(p.Committed)
		t.Transactions, t.Changes, t.Missing = p.Transactions, p.Changes, p.Missing
	}
	t.Applied = applied.String()
	if v.source != nil {
		lag := distance(applied, v.source.End)
		t.SourceNow, t.LagBytes = v.source.End.String(), &lag
	}
	if v.sender != nil && v.sender.Sent != 0 {
		t.Sent, t.SentBehind = v.sender.Sent.String(), distance(v.sender.Sent, v.source.End)
	}
	if v.sender != nil && v.sender.Received != 0 {
		t.Received, t.ReceivedBehind = v.sender.Received.String(), distance(v.sender.Received, v.source.End)
	}
	if v.engine == nil && v.before != nil && v.between > 0 && v.ledger.Phase == catalog.PhaseStreaming {
		perSecond := func(n int64) *float64 {
			rate := max(0, float64(n)/v.between.Seconds())
			return &rate
		}
		t.TransactionsSecond, t.ChangesSecond = perSecond(p.Transactions-v.before.Transactions), perSecond(p.Changes-v.before.Changes)
	}
}

// distance is how far from is before to, in bytes; 0 where it is not.
func distance(from, to catalog.LSN) int64 {
	if from >= to {
		return 0
	}
	return int64(to - from)
}

// phase is where a mirror stands whose copy is complete.
func (v *streamView) phase(t *view.StreamStatus) string {
	switch {
	case t.Halt != nil:
		return view.PhaseHalted
	case v.settings.Paused:
		return view.PhasePaused
	case v.lease == nil:
		return view.PhaseStopped
	case v.source != nil && v.sender == nil:
		return view.PhaseConnecting
	case v.sender != nil && v.sender.State == "catchup", t.LagBytes != nil && *t.LagBytes > farBehind:
		return view.PhaseCatchingUp
	}
	return view.PhaseStreaming
}

// activity tells a stream that has nothing to do from one that is at work, and from
// one that should be.
func (v *streamView) activity(t *view.StreamStatus) (activity, stuck string) {
	p := v.ledger.Position
	if p == nil || v.before == nil || v.source == nil {
		return "", ""
	}
	still := v.target.clock.Sub(p.Updated)
	receives := v.sender != nil && v.beforeSender != nil && v.sender.Received != v.beforeSender.Received
	switch {
	case p.Transactions != v.before.Transactions, receives && still > stuckAfter: // a long transaction
		return view.ActivityBusy, ""
	case *t.LagBytes > 0 && still > stuckAfter:
		return view.ActivityStuck, strings.TrimPrefix(fmt.Sprintf("for %s%s", still.Round(time.Second), v.blocked()), " ")
	case *t.LagBytes > farBehind:
		return view.ActivityBusy, ""
	}
	return view.ActivityIdle, ""
}

// blocked names who stands in the way of the mirror's sessions on the target.
func (v *streamView) blocked() string {
	for _, a := range v.target.activity {
		if len(a.BlockedBy) > 0 && worksOn(a.Application, v.ledger) {
			return fmt.Sprintf("; pid %d on the target is blocked by pid %d", a.PID, a.BlockedBy[0])
		}
	}
	return ""
}

// seconds is how old what is applied may be. Of a stream that is at work the source's
// own clock tells; of any other, when it last had everything.
func (v *streamView) seconds(t *view.StreamStatus) *float64 {
	p := v.ledger.Position
	if p == nil || t.LagBytes == nil {
		return nil
	}
	var age time.Duration
	switch {
	case *t.LagBytes == 0, t.Activity == view.ActivityIdle:
	case t.Activity == view.ActivityBusy && !p.Committed.IsZero():
		age = v.source.Clock.Sub(p.Committed)
	default:
		age = v.target.clock.Sub(p.Updated)
	}
	seconds := max(0, age.Seconds())
	return &seconds
}

// slotStatus is a slot as it is shown; absent when there is none.
func slotStatus(name string, s *catalog.Slot) *view.SlotStatus {
	if s == nil {
		return &view.SlotStatus{Name: name, Absent: true}
	}
	v := &view.SlotStatus{Name: name, Active: s.Active, PID: s.PID, WALStatus: s.WALStatus, Invalidation: s.Invalidation, Held: s.Held}
	if s.SafeWALSize >= 0 {
		v.Safe = &s.SafeWALSize
	}
	return v
}

// slotsOf are the slots with our prefix, and those of our engines, by name, and what the one that keeps most
// keeps.
func slotsOf(list []catalog.Slot) (shown []view.SlotStatus, held int64) {
	for i := range list {
		if s := &list[i]; strings.HasPrefix(s.Name, slot.Prefix) || enginesSlot(s) {
			shown = append(shown, *slotStatus(s.Name, s))
			held = max(held, s.Held)
		}
	}
	slices.SortFunc(shown, func(a, b view.SlotStatus) int { return strings.Compare(a.Name, b.Name) })
	return shown, held
}

// enginesSlot reports whether a slot is of a pglogical subscription whose name begins
// with our prefix: pgl_<database>_<node>_<subscription>, of the longer ones a beginning
// and a hash.
func enginesSlot(s *catalog.Slot) bool {
	return s.Plugin == "pglogical_output" && strings.HasPrefix(s.Name, "pgl_") && strings.Contains(s.Name, "_"+slot.Prefix)
}
