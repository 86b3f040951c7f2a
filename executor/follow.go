package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/journal"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
	"bascule/state"
)

// following is one try at a continuous mirror.
//
// What it does is decided by what is there: the ledger says which tables are copied
// and from which point of the source they are followed, so a try that follows a
// crash goes on where that one was.
type following struct {
	*attempt
	stream    *planner.Stream
	control   *pgx.Conn // session on the source
	streaming bool      // the initial copy was complete when this try began
	complete  bool      // and nothing was left to build
	engined   bool      // its servers' engine had it

	members    map[uint32]ledger.Member  // by oid on the source
	identities []planner.ReplicaIdentity // that an earlier apply changed
	slot       catalog.LSN               // where the main slot begins
	copied     *copySlot                 // what this try copies under, or nil
}

// follow carries out a continuous mirror. It returns what its operator has to do
// next, or "".
func (a *apply) follow(ctx context.Context, c *planner.Change) (remark string, err error) {
	m, err := a.newCopying(c)
	if err != nil {
		return "", err
	}
	status := state.Creating
	if old := a.cfg.State.Find(c.Address); old != nil && c.Action == planner.Update {
		status = old.Status
	}
	begun := resource(c, status)
	if old := a.cfg.State.Find(c.Address); old != nil && old.Mirror != nil && c.Action == planner.Update {
		begun.Mirror.Epoch = old.Mirror.Epoch
	}
	if err := a.Save(ctx, func(f *state.File) { journal.Put(f, c.Address, begun) }); err != nil {
		return "", err
	}
	if m.plan.Options.Database != nil {
		if err := a.Step(ctx, c.Address, "database", func() error { return m.createDatabase(ctx) }); err != nil {
			return "", err
		}
	}
	err = m.tries(ctx, func(ctx context.Context) (err error) {
		remark, err = m.followOnce(ctx)
		return err
	})
	var late *WaitError
	if err != nil && !errors.As(err, &late) {
		return remark, err
	}
	ended := resource(c, state.Ready)
	ended.Mirror.Epoch = m.epoch
	return remark, errors.Join(err, a.Settle(ctx, c.Address, ended))
}

// followOnce makes one try.
func (m *copying) followOnce(ctx context.Context) (remark string, err error) {
	conn, err := m.open(ctx, m.target, "apply", nil)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	settings := *m.plan.Stream
	f := &following{attempt: &attempt{copying: m, conn: conn}, stream: &settings, members: map[uint32]ledger.Member{}}
	if f.control, err = m.open(ctx, m.source, "apply", nil); err != nil {
		return "", err
	}
	defer f.control.Close(context.WithoutCancel(ctx))
	if err := f.tryEngine(ctx); err != nil {
		return "", err
	}
	if err := m.Step(ctx, m.change.Address, "ledger", func() error { return f.begin(ctx) }); err != nil {
		return "", errors.Join(err, f.backToEngine(ctx))
	}
	if err := f.run(ctx); err != nil {
		f.recordError(ctx, err)
		err = errors.Join(err, f.backToEngine(ctx))
		f.readEpoch(context.WithoutCancel(ctx))
		return f.remark(context.WithoutCancel(ctx)), err
	}
	f.readEpoch(ctx)
	return f.remark(ctx), nil
}

// remark says that nobody keeps the mirror streaming, where that is so.
func (f *following) remark(ctx context.Context) string {
	if f.stream.Paused {
		return "it is paused, and its slot keeps the source's WAL"
	}
	if was, err := ledger.ReadStream(ctx, f.conn, f.plan.ID); err != nil || was == nil || was.Handed {
		return ""
	}
	if r, err := ledger.Running(ctx, f.conn, f.plan.ID); err != nil || r != nil {
		return ""
	}
	if f.stream.Engine != "" {
		return "nothing keeps it in step now, and its slot keeps the source's WAL: bascule apply hands it to its servers again"
	}
	return "nothing keeps it streaming now, and its slot keeps the source's WAL: start bascule run"
}

// begin takes the mirror over, from a runner too, and reads what is there.
func (f *following) begin(ctx context.Context) error {
	id := f.plan.ID
	if err := ledger.Ensure(ctx, f.conn); err != nil {
		return err
	}
	if err := ledger.LeaseFrom(ctx, f.conn, id, f.note); err != nil {
		return err
	}
	was, err := ledger.ReadStream(ctx, f.conn, id)
	if err != nil {
		return err
	}
	f.streaming = was != nil && was.Phase == catalog.PhaseStreaming
	f.complete = was != nil && was.Complete
	if err := f.fromEngine(ctx, was); err != nil {
		return err
	}
	if f.streaming && f.change.Action == planner.Replace {
		if err := f.startOver(ctx, was.Settings); err != nil {
			return err
		}
		f.streaming, was.Settings.Identities = false, nil // they are put back
	}
	if was != nil {
		f.stream.Silenced, f.identities = was.Settings.Silenced, was.Settings.Identities
	}
	if f.streaming {
		f.number, err = ledger.Continue(ctx, f.conn, id)
	} else {
		f.number, err = ledger.Begin(ctx, f.conn, ledger.Mirror{ID: id, Address: f.change.Address,
			Lineage: f.cfg.State.Lineage, Digest: f.plan.Digest})
	}
	if err != nil {
		return err
	}
	if ended, err := ledger.EndLeftovers(ctx, f.conn, id); err != nil {
		return err
	} else if ended > 0 {
		f.note(fmt.Sprintf("ended %d sessions of an earlier apply on the target", ended))
	}
	// What an apply that was killed still has under way of tables that it added must not
	// land in those that are copied anew.
	if err := ledger.DropPosition(ctx, f.conn, id, sideStream); err != nil {
		return err
	}
	return f.readMembers(ctx)
}

func (f *following) readMembers(ctx context.Context) error {
	list, err := ledger.Members(ctx, f.conn, f.plan.ID)
	for _, m := range list {
		f.members[m.Source] = m
	}
	return err
}

// run does everything of the try.
func (f *following) run(ctx context.Context) error {
	address := f.change.Address
	if err := f.Step(ctx, address, "publications", func() error { return f.publish(ctx) }); err != nil {
		return err
	}
	if err := f.Step(ctx, address, "slot", func() error { return f.anchor(ctx) }); err != nil {
		return err
	}
	switch {
	case f.streaming:
		return f.Step(ctx, address, "change", func() error { return f.changeTables(ctx) })
	case !f.stream.InitialCopy:
		return f.Step(ctx, address, "attach", func() error { return f.attach(ctx) })
	}
	return f.Step(ctx, address, "copy", func() error { return f.initial(ctx) })
}

// anchor makes the main slot, from which on no change is lost, and records its point
// as the position. Settings are recorded with it.
func (f *following) anchor(ctx context.Context) error {
	position, err := ledger.TakePosition(ctx, f.conn, f.plan.ID, ledger.Main)
	if err != nil {
		return err
	}
	slots, _, err := catalog.ReadSlots(ctx, f.control)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(slots, func(s catalog.Slot) bool { return s.Name == f.stream.Slot })
	switch {
	case position != nil && i >= 0:
		f.slot = position.LSN
		return f.recordStream(ctx)
	case position != nil && f.streaming:
		return &slot.TerminalError{Halt: ledger.Halt{Code: "slot_lost", Terminal: true,
			Text:   fmt.Sprintf("replication slot %q is gone from the source, and with it the changes since %s", f.stream.Slot, position.LSN),
			Remedy: "copy everything again: bascule apply -replace='" + f.change.Address + "'"}}
	case i >= 0 && !f.stream.OwnSlot:
		f.slot = slots[i].Confirmed
	case i >= 0: // a crash came between the slot and its record
		if err := slot.Drop(ctx, f.control, f.stream.Slot, lockBudget); err != nil {
			return err
		}
		fallthrough
	default:
		if position != nil { // what was copied before belongs to a slot that is gone
			f.members = map[uint32]ledger.Member{}
			if err := f.forgetCopies(ctx); err != nil {
				return err
			}
		}
		if f.slot, err = f.makeSlot(ctx); err != nil {
			return err
		}
	}
	if err := ledger.StartPosition(ctx, f.conn, f.plan.ID, ledger.Main, f.slot); err != nil {
		return err
	}
	return f.recordStream(ctx)
}

// recordStream records the settings that whoever holds the mirror next goes by.
func (f *following) recordStream(ctx context.Context) error {
	timeline, err := f.timeline(ctx)
	if err != nil {
		return err
	}
	return ledger.SetStream(ctx, f.conn, f.plan.ID, *f.stream, timeline)
}

// timeline is the recorded one where there is one: slot.Check decides what another
// means.
func (f *following) timeline(ctx context.Context) (int32, error) {
	if was, err := ledger.ReadStream(ctx, f.conn, f.plan.ID); err != nil || was != nil && was.Timeline != 0 {
		return was.Timeline, err
	}
	conn, err := f.openReplication(ctx, "slot")
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	identity, err := pglogrepl.IdentifySystem(ctx, conn)
	return identity.Timeline, err
}

// openReplication opens a connection that speaks the replication protocol.
func (f *following) openReplication(ctx context.Context, role string) (*pgconn.PgConn, error) {
	conn, err := session.Open(ctx, f.copying.source, session.Options{Application: session.Application(f.change.Address, role), Replication: true})
	if err != nil {
		return nil, err
	}
	return conn.PgConn(), nil
}

// makeSlot makes the main slot and returns its point.
func (f *following) makeSlot(ctx context.Context) (catalog.LSN, error) {
	conn, err := f.openReplication(ctx, "slot")
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	f.stage("create slot " + f.stream.Slot)
	return slot.Create(ctx, conn, f.stream.Slot, f.stream.Failover, slot.Waiting{Conn: f.control, Tell: f.note})
}

// forgetCopies makes the tables be copied again, all of them.
func (f *following) forgetCopies(ctx context.Context) error {
	var oids []uint32
	list, err := ledger.Members(ctx, f.conn, f.plan.ID)
	for _, m := range list {
		oids = append(oids, m.Source)
	}
	if err != nil || len(oids) == 0 {
		return err
	}
	return ledger.DropMembers(ctx, f.conn, f.plan.ID, oids...)
}
