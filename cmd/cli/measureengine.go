package cli

import (
	"fmt"

	"bascule/cmd/view"
	"bascule/planner/catalog"
)

// engineApplied is how far the servers' engine is: what its origin says, or what it
// acknowledged of what was none of the mirror's.
func (v *streamView) engineApplied() catalog.LSN {
	applied := max(v.ledger.Position.LSN, v.engine.Applied)
	if v.slot != nil {
		applied = max(applied, v.slot.Confirmed)
	}
	return applied
}

// engineStatus is what is shown of the servers' engine; nil for a mirror that Bascule
// streams itself.
func (v *streamView) engineStatus() *view.EngineStatus {
	e := v.engine
	if e == nil {
		if v.settings.Engine == "" {
			return nil
		}
		return &view.EngineStatus{Name: v.settings.Engine, Subscription: v.settings.Subscription}
	}
	s := &view.EngineStatus{Name: e.Engine, Subscription: e.Subscription, Handed: true, Enabled: e.Enabled, Working: e.Working, Causes: v.causes}
	if e.Errors >= 0 {
		s.Errors = &e.Errors
	}
	return s
}

// enginePhase is where a mirror stands that its servers keep in step, and says why it
// stands still.
//
// An apply that takes the mirror over, or hands it back, stops the engine: while one
// has the mirror that is no fault. A worker that meets an error ends with it and is
// started again after a while, so one is only taken to work that was there at the
// reading before too.
func (v *streamView) enginePhase(t *view.StreamStatus) string {
	e := v.engine
	lost := v.slotLost()
	switch {
	case t.Halt != nil:
		return view.PhaseHalted
	case v.lease != nil && (!e.There || !e.Enabled || lost != ""):
		return view.PhaseConnecting
	case !e.There:
		t.Halt = v.engineHalt("subscription "+e.Subscription+" is gone from the target, and with it up to where it had applied", v.copyAgain())
		return view.PhaseHalted
	case v.ledger.Position != nil && v.ledger.Position.Epoch < v.epoch:
		t.Halt = v.engineHalt("the target was restored to a time before the last apply: what the source has sent since is not there, and is not sent again", v.copyAgain())
		return view.PhaseHalted
	case lost != "":
		t.Halt = v.engineHalt(lost, v.copyAgain())
		return view.PhaseHalted
	case !e.Enabled:
		t.Halt = v.engineHalt("subscription "+e.Subscription+" is disabled: somebody did that",
			"bascule apply: it streams the mirror itself from where it stands, says what is in the way, and hands it back")
		return view.PhaseHalted
	case v.failing():
		t.Engine.Remedy = downRemedy(e)
		return view.PhaseDown
	case v.beforeEngine != nil && v.beforeEngine.PID == 0, v.source != nil && !v.slot.Active:
		return view.PhaseConnecting
	case t.LagBytes != nil && *t.LagBytes > farBehind:
		return view.PhaseCatchingUp
	}
	return view.PhaseStreaming
}

// engineSeconds is how old what the engine has applied may be; nil where nobody knows.
//
// The source measures how long the target takes to acknowledge, but only when it does:
// of one that has not acknowledged anything newer since the reading before, over a long
// transaction or behind a lock, the figure is of an earlier time. One that has
// acknowledged all that it was sent, by a sender that has come to the end of the WAL, is
// not behind, whatever else was written there meanwhile.
func (v *streamView) engineSeconds(phase string) *float64 {
	s, was := v.sender, v.beforeSender
	if s == nil || s.Sent == 0 || phase != view.PhaseStreaming && phase != view.PhaseCatchingUp {
		return nil
	}
	var seconds float64
	switch {
	case s.State == "streaming" && s.Flushed >= s.Sent:
	case s.FlushLag != nil && was != nil && was.PID == s.PID && s.Flushed > was.Flushed:
		seconds = s.FlushLag.Seconds()
	default:
		return nil
	}
	return &seconds
}

// failing reports whether the worker does not live, or does not stay alive.
func (v *streamView) failing() bool {
	e, was := v.engine, v.beforeEngine
	return !e.Working || was != nil && (e.Errors > was.Errors || was.PID != 0 && was.PID != e.PID)
}

// slotLost says that the engine can never go on, because what it has not read of the
// source's WAL is gone; "" where that is not so, or not known.
func (v *streamView) slotLost() string {
	switch {
	case v.source == nil || !v.engine.There:
		return ""
	case v.slot == nil:
		return "its slot " + v.slotName + " is gone from the source, and the WAL that it kept"
	case v.slot.Invalidation != "":
		return "its slot " + v.slotName + " is lost: " + v.slot.Invalidation
	case v.slot.WALStatus == "lost":
		return "its slot " + v.slotName + " is lost: the WAL that it needs is gone"
	}
	return ""
}

func (v *streamView) engineHalt(text, remedy string) *view.HaltStatus {
	return &view.HaltStatus{Code: "engine", Text: text, Remedy: remedy}
}

func (v *streamView) copyAgain() string {
	return "copy everything again: bascule apply -replace='" + v.ledger.Address + "'"
}

// downRemedy is what to do about an engine whose worker does not live.
func downRemedy(e *catalog.EngineNow) string {
	if e.Engine == catalog.EnginePglogical {
		return fmt.Sprintf("take the cause away; its error is in the log of the target's server, in lines with \"pglogical apply\". It is tried again every three minutes, and at once by: "+
			"SELECT pglogical.alter_subscription_enable('%s', true) on the target", e.Subscription)
	}
	return "take the cause away; its error is in the log of the target's server: a row that it cannot write, a source that it cannot reach, max_logical_replication_workers that is used up. It is tried again every few seconds"
}
