package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/pglogical"
	"bascule/executor/slot"
	"bascule/planner/catalog"
)

// engine is what moves the rows of a mirror between two applies, where that is not
// Bascule's own stream: something that the servers have themselves.
//
// Whatever an apply does to such a mirror, it does over its own stream, which is exact:
// the first copy, a table that is added or copied again, what an apply that was killed
// has left. So there is one way to do each of these for all engines, and what differs
// is only how rows are handed from one carrier to the other, at one position: all that
// committed before it is on the target, and nothing else.
type engine interface {
	// Try finds out, and leaves nothing behind, whether the servers reach each other and
	// may do what is needed.
	Try(ctx context.Context) error

	// Take stops the engine as it stands, and returns the position that the target is at.
	// Where that fails, the engine goes on.
	Take(ctx context.Context) (catalog.LSN, error)

	// Prepare makes what is missing on both servers, stopped, and returns the first
	// position that Give can go on from.
	Prepare(ctx context.Context, members []ledger.Member) (catalog.LSN, error)

	// Give has the engine go on from position, with these members.
	Give(ctx context.Context, position catalog.LSN, members []ledger.Member) error

	// Remove takes away what the engine has on either server. Of a server that is not
	// reachable it returns what is left there.
	Remove(ctx context.Context) (left []string, err error)
}

// handover moves one mirror between Bascule's stream and the engine of its servers. Its
// sessions are those of the caller, who holds the mirror's lease.
type handover struct {
	drive.Mirror
	control, conn *pgx.Conn // on the source, and on the target; one of them may be nil in remove
	stays         bool      // remove is followed by prepare of the same kind
	cleaned       bool      // an earlier remove has left nothing on the source
	note          func(text string)
}

// prepare makes what the engine needs, and returns the first position that it can go on
// from.
func (h *handover) prepare(ctx context.Context) (catalog.LSN, error) {
	e, err := h.engine(ctx)
	if err != nil {
		return 0, err
	}
	members, err := h.members(ctx)
	if err != nil {
		return 0, err
	}
	least, err := e.Prepare(ctx, members)
	if err != nil {
		return 0, fmt.Errorf("prepare the %s engine: %w", h.Settings.Engine, err)
	}
	return h.behindCommands(ctx, e, least)
}

// behindCommands is least, or where the source is now where that has run a command that
// has yet to come to the target, and that pglogical would pass over: it was sent while our
// stream had the mirror.
func (h *handover) behindCommands(ctx context.Context, e engine, least catalog.LSN) (catalog.LSN, error) {
	carrier, carries := e.(*pglogical.Engine)
	if !carries {
		return least, nil
	}
	begun, err := ledger.BegunDDL(ctx, h.conn, h.ID)
	if err != nil {
		return 0, err
	}
	for i := range begun {
		queued, err := carrier.Queued(ctx, begun[i].ID)
		if err != nil {
			return 0, err
		}
		if !queued {
			now, err := drive.SourceNow(ctx, h.control)
			return max(least, now), err
		}
	}
	return least, nil
}

// handBack gives the mirror back to the engine that it was taken from, also after an
// error or a cancel: the engine was stopped only for the work that has ended. A mirror
// that is halted would not go on there.
func (h *handover) handBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handBackTime)
	defer cancel()
	was, err := ledger.ReadStream(ctx, h.conn, h.ID)
	switch {
	case err != nil:
		return err
	case was == nil, was.Handed, was.Halt != nil, was.Phase != catalog.PhaseStreaming, was.Settings.Engine == "", was.Settings.Paused:
		return nil
	}
	h.Settings = was.Settings
	if carrying, err := h.carrying(ctx); err != nil || carrying {
		return err
	}
	h.note("hands back to the servers' " + was.Settings.Engine)
	least, err := h.prepare(ctx)
	if err != nil {
		return err
	}
	if err := h.reach(ctx, least); err != nil {
		return err
	}
	return h.give(ctx)
}

// carrying reports whether the source has run a command that has yet to come to the
// target, and that Bascule's stream alone would run there: the server would pass it over.
// pglogical carries commands itself, and is prepared to go on behind those that it does not.
func (h *handover) carrying(ctx context.Context) (bool, error) {
	if h.apart() {
		return false, nil
	}
	begun, err := ledger.BegunDDL(ctx, h.conn, h.ID)
	return len(begun) > 0, err
}

// reach streams until the mirror is at least, where it is not.
func (h *handover) reach(ctx context.Context, least catalog.LSN) error {
	at, err := ledger.TakePosition(ctx, h.conn, h.ID, ledger.Main)
	if err != nil || at == nil || at.LSN >= least {
		return err
	}
	return drive.To(ctx, h.Config(), least, func(err error) error {
		_, err = h.RecordHalt(ctx, h.conn, err)
		return err
	})
}

// handBackTime is how long that may take.
const handBackTime = 2 * time.Minute

// give has the servers' engine go on where Bascule's stream, which has ended, stands.
func (h *handover) give(ctx context.Context) error {
	e, err := h.engine(ctx)
	if err != nil {
		return err
	}
	members, err := h.members(ctx)
	if err != nil {
		return err
	}
	position, err := ledger.TakePosition(ctx, h.conn, h.ID, ledger.Main)
	if err != nil {
		return err
	}
	if err := ledger.SetHanded(ctx, h.conn, h.ID, true); err != nil {
		return err
	}
	if err := e.Give(ctx, position.LSN, members); err != nil {
		var gap *pglogical.GapError
		if errors.As(err, &gap) { // nothing was started, and where it stands is nothing that the target has
			err = errors.Join(err, ledger.SetHanded(ctx, h.conn, h.ID, false))
		}
		return fmt.Errorf("start the %s engine: %w", h.Settings.Engine, err)
	}
	h.Log.InfoContext(ctx, "mirror handed over", "mirror", h.Address, "engine", h.Settings.Engine, "lsn", position.LSN.String())
	if !h.apart() || !h.Settings.OwnSlot {
		return nil
	}
	return slot.Drop(ctx, h.control, h.Settings.Slot, slot.Patience) // it would hold WAL for nobody
}

// members are the tables that the engine is to follow.
func (h *handover) members(ctx context.Context) ([]ledger.Member, error) {
	all, err := ledger.Members(ctx, h.conn, h.ID)
	var list []ledger.Member
	for _, m := range all {
		if m.State == ledger.Followed {
			list = append(list, m)
		}
	}
	return list, err
}

// remove takes the engine away from both servers, and tells what is left of it on one
// that is not reachable.
func (h *handover) remove(ctx context.Context) error {
	e, err := h.engine(ctx)
	if err != nil {
		return err
	}
	left, err := e.Remove(ctx)
	for _, text := range left {
		h.note(text)
	}
	if err != nil {
		return fmt.Errorf("remove the %s engine: %w", h.Settings.Engine, err)
	}
	return nil
}
