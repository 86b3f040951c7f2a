package executor

import (
	"context"

	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/session"
)

// fromEngine takes a mirror back from the engine of its servers, which is the one of
// the settings that were applied before. Where it is another from now on, or none, or
// everything is copied anew, the old one is taken away.
func (f *following) fromEngine(ctx context.Context, was *ledger.Stream) error {
	anew := f.change.Action == planner.Replace
	if was == nil && anew && f.stream.Engine != "" { // its records are lost, and it may be at work
		h := f.handover(*f.stream)
		h.stays = true
		return h.remove(ctx)
	}
	if was == nil || was.Settings.Engine == "" {
		return nil
	}
	f.engined = true
	h := f.handover(was.Settings)
	if was.Handed && !anew {
		f.stage("take over from the servers' " + was.Settings.Engine)
		if err := h.takeBack(ctx); err != nil {
			return err
		}
	}
	if anew || was.Settings.Engine != f.stream.Engine || was.Settings.Subscription != f.stream.Subscription {
		h.stays = was.Settings.Engine == f.stream.Engine
		if err := h.remove(ctx); err != nil {
			return err
		}
		return ledger.SetHanded(ctx, f.conn, f.plan.ID, false)
	}
	return nil
}

// handover is that of the mirror, by these settings.
func (f *following) handover(s planner.Stream) *handover {
	return &handover{Mirror: f.driven(s), control: f.control, conn: f.conn, note: f.note}
}

// tryEngine finds out whether the servers' engine can do what it is to do, before
// anything is made for it.
func (f *following) tryEngine(ctx context.Context) error {
	if f.stream.Engine == "" || f.stream.Paused {
		return nil
	}
	e, err := f.handover(*f.stream).engine(ctx)
	if err != nil {
		return err
	}
	return e.Try(ctx)
}

// towardsEngine prepares that the servers' engine goes on where the stream ends.
func (f *following) towardsEngine(ctx context.Context, s *stream.Stream) error {
	if f.stream.Engine == "" {
		return nil
	}
	f.stage("prepare the servers' " + f.stream.Engine)
	least, err := f.handover(*f.stream).prepare(ctx)
	if err != nil || least == 0 {
		return err
	}
	return s.CatchUp(ctx, least)
}

// toEngine hands the mirror to its servers.
func (f *following) toEngine(ctx context.Context) error {
	if f.stream.Engine == "" {
		return nil
	}
	h := f.handover(*f.stream)
	if carrying, err := h.carrying(ctx); err != nil || carrying {
		return err // the command, when it is through, hands over
	}
	f.stage("hand over to the servers' " + f.stream.Engine)
	return h.give(ctx)
}

// backToEngine gives the mirror back to its servers after a try that failed. Where that
// has lost its sessions, others are opened: whoever has the mirror by then keeps it.
func (f *following) backToEngine(ctx context.Context) error {
	h := f.handover(*f.stream)
	if !f.conn.IsClosed() && !f.control.IsClosed() {
		return h.handBack(ctx)
	}
	if !f.engined {
		return nil
	}
	opening, cancel := context.WithTimeout(context.WithoutCancel(ctx), drive.RecordTime)
	defer cancel()
	var err error
	if h.conn, err = f.open(opening, f.target, "apply", nil); err != nil {
		return err
	}
	defer session.Close(ctx, h.conn)
	if h.control, err = f.open(opening, f.source, "apply", nil); err != nil {
		return err
	}
	defer session.Close(ctx, h.control)
	if held, err := ledger.TryLease(opening, h.conn, f.plan.ID); err != nil || held != nil {
		return err
	}
	return h.handBack(ctx)
}

// readEpoch notes the epoch of the position that the mirror was handed over at, where it
// can be read. Bascule's own stream is told by its slot when a target was restored, and
// raises the epoch without waiting for the disk: a crash may take that back.
func (f *following) readEpoch(ctx context.Context) {
	if f.stream.Engine == "" || f.conn.IsClosed() {
		return
	}
	if epoch, err := ledger.Epoch(ctx, f.conn, f.plan.ID, ledger.Main); err == nil {
		f.epoch = epoch
	}
}
