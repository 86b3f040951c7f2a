package executor

import (
	"context"

	"bascule/executor/drive"
	"bascule/executor/engine"
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
		cfg := f.handing(*f.stream)
		cfg.Stays = true
		return engine.New(cfg).Remove(ctx)
	}
	if was == nil || was.Settings.Engine == "" {
		return nil
	}
	f.engined = true
	cfg := f.handing(was.Settings)
	if was.Handed && !anew {
		f.stage("take over from the servers' " + was.Settings.Engine)
		if err := engine.New(cfg).TakeBack(ctx); err != nil {
			return err
		}
	}
	if anew || was.Settings.Engine != f.stream.Engine || was.Settings.Subscription != f.stream.Subscription {
		cfg.Stays = was.Settings.Engine == f.stream.Engine
		if err := engine.New(cfg).Remove(ctx); err != nil {
			return err
		}
		return ledger.SetHanded(ctx, f.conn, f.plan.ID, false)
	}
	return nil
}

// handing sets up the handover of the mirror, by these settings.
func (f *following) handing(s planner.Stream) engine.Config {
	return engine.Config{Mirror: f.driven(s), Control: f.control, Conn: f.conn, Note: f.note}
}

// tryEngine finds out whether the servers' engine can do what it is to do, before
// anything is made for it.
func (f *following) tryEngine(ctx context.Context) error {
	if f.stream.Engine == "" || f.stream.Paused {
		return nil
	}
	return engine.New(f.handing(*f.stream)).Try(ctx)
}

// towardsEngine prepares that the servers' engine goes on where the stream ends.
func (f *following) towardsEngine(ctx context.Context, s *stream.Stream) error {
	if f.stream.Engine == "" {
		return nil
	}
	f.stage("prepare the servers' " + f.stream.Engine)
	least, err := engine.New(f.handing(*f.stream)).Prepare(ctx)
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
	h := engine.New(f.handing(*f.stream))
	if carrying, err := h.Carrying(ctx); err != nil || carrying {
		return err // the command, when it is through, hands over
	}
	f.stage("hand over to the servers' " + f.stream.Engine)
	return h.Give(ctx)
}

// backToEngine gives the mirror back to its servers after a try that failed. Where that
// has lost its sessions, others are opened: whoever has the mirror by then keeps it.
func (f *following) backToEngine(ctx context.Context) error {
	cfg := f.handing(*f.stream)
	if !f.conn.IsClosed() && !f.control.IsClosed() {
		return engine.New(cfg).HandBack(ctx)
	}
	if !f.engined {
		return nil
	}
	opening, cancel := context.WithTimeout(context.WithoutCancel(ctx), drive.RecordTime)
	defer cancel()
	var err error
	if cfg.Conn, err = f.open(opening, f.target, "apply", nil); err != nil {
		return err
	}
	defer session.Close(ctx, cfg.Conn)
	if cfg.Control, err = f.open(opening, f.source, "apply", nil); err != nil {
		return err
	}
	defer session.Close(ctx, cfg.Control)
	if held, err := ledger.TryLease(opening, cfg.Conn, f.plan.ID); err != nil || held != nil {
		return err
	}
	return engine.New(cfg).HandBack(ctx)
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
