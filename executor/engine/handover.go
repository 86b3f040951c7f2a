package engine

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

// engine is one of the kinds that the servers have.
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

// Config sets up a Handover. Mirror, Control, Conn and Note are required.
type Config struct {
	drive.Mirror // its settings say which engine

	// Control and Conn are sessions of the caller, who holds the mirror's lease: on the
	// source, and on the target. For Remove, one of them may be nil.
	Control, Conn *pgx.Conn

	// Note tells the operator.
	Note func(text string)

	// Stays: Remove is followed by Prepare of the same kind.
	Stays bool

	// Cleaned: an earlier Remove has left nothing on the source.
	Cleaned bool
}

// Handover moves one mirror between Bascule's stream and the engine of its servers.
type Handover struct{ cfg Config }

// New sets up a Handover. It asks no server.
func New(cfg Config) *Handover { return &Handover{cfg} }

// Try finds out, and leaves nothing behind, whether the servers' engine can do what it is
// to do.
func (h *Handover) Try(ctx context.Context) error {
	e, err := h.engine(ctx)
	if err != nil {
		return err
	}
	return e.Try(ctx)
}

// Prepare makes what the engine needs, and returns the first position that it can go on
// from.
func (h *Handover) Prepare(ctx context.Context) (catalog.LSN, error) {
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
		return 0, fmt.Errorf("prepare the %s engine: %w", h.cfg.Settings.Engine, err)
	}
	return h.behindCommands(ctx, e, least)
}

// behindCommands is least, or where the source is now where that has run a command that
// has yet to come to the target, and that pglogical would pass over: it was sent while our
// stream had the mirror.
func (h *Handover) behindCommands(ctx context.Context, e engine, least catalog.LSN) (catalog.LSN, error) {
	carrier, carries := e.(*pglogical.Engine)
	if !carries {
		return least, nil
	}
	begun, err := ledger.BegunDDL(ctx, h.cfg.Conn, h.cfg.ID)
	if err != nil {
		return 0, err
	}
	for i := range begun {
		queued, err := carrier.Queued(ctx, begun[i].ID)
		if err != nil {
			return 0, err
		}
		if !queued {
			now, err := drive.SourceNow(ctx, h.cfg.Control)
			return max(least, now), err
		}
	}
	return least, nil
}

// HandBack gives the mirror back to the engine that it was taken from, also after an
// error or a cancel: the engine was stopped only for the work that has ended. A mirror
// that is halted would not go on there.
func (h *Handover) HandBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handBackTime)
	defer cancel()
	was, err := ledger.ReadStream(ctx, h.cfg.Conn, h.cfg.ID)
	switch {
	case err != nil:
		return err
	case was == nil, was.Handed, was.Halt != nil, was.Phase != catalog.PhaseStreaming, was.Settings.Engine == "", was.Settings.Paused:
		return nil
	}
	h.cfg.Settings = was.Settings
	if carrying, err := h.Carrying(ctx); err != nil || carrying {
		return err
	}
	h.cfg.Note("hands back to the servers' " + was.Settings.Engine)
	least, err := h.Prepare(ctx)
	if err != nil {
		return err
	}
	if err := h.reach(ctx, least); err != nil {
		return err
	}
	return h.Give(ctx)
}

// Carrying reports whether the source has run a command that has yet to come to the
// target, and that Bascule's stream alone would run there: the server would pass it over.
// pglogical carries commands itself, and is prepared to go on behind those that it does not.
func (h *Handover) Carrying(ctx context.Context) (bool, error) {
	if h.apart() {
		return false, nil
	}
	begun, err := ledger.BegunDDL(ctx, h.cfg.Conn, h.cfg.ID)
	return len(begun) > 0, err
}

// reach streams until the mirror is at least, where it is not.
func (h *Handover) reach(ctx context.Context, least catalog.LSN) error {
	at, err := ledger.TakePosition(ctx, h.cfg.Conn, h.cfg.ID, ledger.Main)
	if err != nil || at == nil || at.LSN >= least {
		return err
	}
	return drive.To(ctx, h.cfg.Mirror.Config(), least, func(err error) error {
		_, err = h.cfg.RecordHalt(ctx, h.cfg.Conn, err)
		return err
	})
}

// handBackTime is how long that may take.
const handBackTime = 2 * time.Minute

// Give has the servers' engine go on where Bascule's stream, which has ended, stands.
func (h *Handover) Give(ctx context.Context) error {
	e, err := h.engine(ctx)
	if err != nil {
		return err
	}
	members, err := h.members(ctx)
	if err != nil {
		return err
	}
	position, err := ledger.TakePosition(ctx, h.cfg.Conn, h.cfg.ID, ledger.Main)
	if err != nil {
		return err
	}
	if err := ledger.SetHanded(ctx, h.cfg.Conn, h.cfg.ID, true); err != nil {
		return err
	}
	if err := e.Give(ctx, position.LSN, members); err != nil {
		var gap *pglogical.GapError
		if errors.As(err, &gap) { // nothing was started, and where it stands is nothing that the target has
			err = errors.Join(err, ledger.SetHanded(ctx, h.cfg.Conn, h.cfg.ID, false))
		}
		return fmt.Errorf("start the %s engine: %w", h.cfg.Settings.Engine, err)
	}
	h.cfg.Log.InfoContext(ctx, "mirror handed over", "mirror", h.cfg.Address, "engine", h.cfg.Settings.Engine, "lsn", position.LSN.String())
	if !h.apart() || !h.cfg.Settings.OwnSlot {
		return nil
	}
	return slot.Drop(ctx, h.cfg.Control, h.cfg.Settings.Slot, slot.Patience) // it would hold WAL for nobody
}

// members are the tables that the engine is to follow.
func (h *Handover) members(ctx context.Context) ([]ledger.Member, error) {
	all, err := ledger.Members(ctx, h.cfg.Conn, h.cfg.ID)
	var list []ledger.Member
	for _, m := range all {
		if m.State == ledger.Followed {
			list = append(list, m)
		}
	}
	return list, err
}

// Remove takes the engine away from both servers, and tells what is left of it on one
// that is not reachable.
func (h *Handover) Remove(ctx context.Context) error {
	e, err := h.engine(ctx)
	if err != nil {
		return err
	}
	left, err := e.Remove(ctx)
	for _, text := range left {
		h.cfg.Note(text)
	}
	if err != nil {
		return fmt.Errorf("remove the %s engine: %w", h.cfg.Settings.Engine, err)
	}
	return nil
}
