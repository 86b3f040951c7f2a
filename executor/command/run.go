package command

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ddl"
	"bascule/executor/drive"
	"bascule/executor/journal"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
	"bascule/state"
)

// commanding is one try at a ddl block.
type commanding struct {
	cfg    Config
	change *planner.Change
	plan   *planner.DDL
	id     string // of the command, in ledgers and in the stream
	source *config.Peer
	server ddl.Source
	sides  []*side

	// refused: the source has rolled the command back, and would again.
	refused bool

	// xid is the transaction of the source that was last recorded. ended: the command is
	// on the source.
	xid   string
	ended bool
	end   catalog.LSN // a place in the source's log behind it
}

// run does everything of the try.
func (d *commanding) run(ctx context.Context) (err error) {
	control, err := d.open(ctx, d.source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.handBack(ctx)) }()
	d.server = ddl.Source{Control: control, Retrying: d.retrying,
		Open: func(ctx context.Context) (*pgx.Conn, error) { return d.open(ctx, d.source) }}
	for _, s := range d.sides {
		if err := s.begin(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.address, err)
		}
	}
	if err := d.record(ctx); err != nil {
		return err
	}
	work := d.inStream
	switch {
	case d.plan.Record || len(d.pending()) == 0:
		work = func(context.Context) error { return nil }
	case d.plan.RanOnSource:
		work = d.onTargets
	case d.plan.Alone:
		work = d.byItself
	}
	if err := work(ctx); err != nil {
		return err
	}
	d.stage("record what it made of the tables")
	return d.settleSides(ctx)
}

// open opens a session for the block on either peer.
func (d *commanding) open(ctx context.Context, peer *config.Peer) (*pgx.Conn, error) {
	return session.Open(ctx, peer, session.Options{Application: session.Application(d.change.Address, "ddl")})
}

func (d *commanding) close(ctx context.Context) {
	for _, s := range d.sides {
		if s.conn != nil {
			session.Close(ctx, s.conn)
		}
	}
	if d.server.Control != nil {
		session.Close(ctx, d.server.Control)
	}
}

// record records the command with all targets, under one nonce.
func (d *commanding) record(ctx context.Context) error {
	nonce := ""
	for _, s := range d.sides {
		row, err := ledger.FindDDL(ctx, s.conn, s.id, d.id)
		if err != nil {
			return err
		}
		if row != nil {
			nonce = row.Nonce
		}
	}
	if nonce == "" {
		random := make([]byte, 16)
		_, _ = rand.Read(random) // it never fails
		nonce = hex.EncodeToString(random)
	}
	for _, s := range d.sides {
		var err error
		if s.row, err = d.recordWith(ctx, s.conn, s.id, nonce); err != nil {
			return err
		}
	}
	return nil
}

// recordWith records it with one target, in place of versions that never ran, unless it is
// recorded, and returns what is.
func (d *commanding) recordWith(ctx context.Context, conn *pgx.Conn, mirror, nonce string) (*ledger.DDL, error) {
	for _, id := range d.plan.Superseded {
		if err := ledger.ForgetDDL(ctx, conn, mirror, id); err != nil {
			return nil, err
		}
	}
	return ledger.PutDDL(ctx, conn, mirror, ledger.DDL{ID: d.id, Nonce: nonce, Address: d.change.Address,
		Checksum: d.plan.Checksum, Command: d.plan.Command, LockTimeout: d.lockTimeout()})
}

func (d *commanding) lockTimeout() time.Duration { return lockTimeout(d.plan) }

func lockTimeout(d *planner.DDL) time.Duration {
	return time.Duration(d.LockTimeoutMillis) * time.Millisecond
}

// pending are the sides that do not have the command.
func (d *commanding) pending() []*side {
	return slices.DeleteFunc(slices.Clone(d.sides), func(s *side) bool { return s.row != nil && !s.row.Applied.IsZero() })
}

// rows are the records of the command in all ledgers.
func (d *commanding) rows(ctx context.Context) ([]*ledger.DDL, error) {
	var list []*ledger.DDL
	for _, s := range d.sides {
		row, err := ledger.FindDDL(ctx, s.conn, s.id, d.id)
		if err != nil {
			return nil, err
		}
		if row != nil {
			list = append(list, row)
		}
	}
	return list, nil
}

// withdraw takes back what was recorded of a command that the source refuses: it ran
// nowhere, and may be edited.
func (d *commanding) withdraw(ctx context.Context, was *state.Resource) error {
	ctx, cancel := context.WithTimeout(ctx, drive.RecordTime)
	defer cancel()
	for _, s := range d.sides {
		if err := ledger.ForgetDDL(ctx, s.conn, s.id, d.id); err != nil {
			return err
		}
	}
	return d.cfg.Journal.Save(ctx, func(f *state.File) { journal.Put(f, d.change.Address, was) })
}

// remark says which mirrors nobody keeps streaming.
func (d *commanding) remark(ctx context.Context) string {
	var alone []string
	for _, s := range d.sides {
		if s.settings.Engine != "" {
			continue // its servers do
		}
		if r, err := ledger.Running(ctx, s.conn, s.id); err == nil && r == nil {
			alone = append(alone, s.address)
		}
	}
	switch len(alone) {
	case 0:
		return ""
	case 1:
		return "nothing keeps " + alone[0] + " streaming now, and its slot keeps the source's WAL: start bascule run"
	}
	return "nothing keeps " + strings.Join(alone, ", ") + " streaming now, and their slots keep the source's WAL: start bascule run"
}

func (d *commanding) stage(text string) {
	d.cfg.Sink.Event(progress.StageStarted{Mirror: d.change.Address, Stage: text})
	d.cfg.Log.Debug("stage begins", "ddl", d.change.Address, "stage", text)
}

func (d *commanding) note(text string) {
	d.cfg.Sink.Event(progress.Noted{Mirror: d.change.Address, Text: text})
	d.cfg.Log.Info("noted", "ddl", d.change.Address, "text", text)
}

func (d *commanding) retrying(err error, in time.Duration) {
	d.cfg.Sink.Event(progress.Retrying{Mirror: d.change.Address, What: "the command", Err: err, In: in})
	d.cfg.Log.Info("command tried again", "ddl", d.change.Address, "error", err, "in", in)
}
