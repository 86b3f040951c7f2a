package executor

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

// commanding is the carrying out of one ddl block.
//
// How far it is, the ledgers of its targets say: a command is recorded there before it
// runs on the source, with the source's transaction before that commits, and as applied
// by the target's transaction that ran it. So whatever was killed in between, the next
// try goes on where that one was, and nothing runs twice.
type commanding struct {
	*apply
	change *planner.Change
	plan   *planner.DDL
	id     string // of the command, in ledgers and in the stream
	source *config.Peer
	server ddl.Source
	sides  []*ddlSide

	// refused: the source has rolled the command back, and would again.
	refused bool

	// xid is the transaction of the source that was last recorded. ended: the command is
	// on the source.
	xid   string
	ended bool
	end   catalog.LSN // a place in the source's log behind it
}

// errDDLWait ends the waiting for a command.
var errDDLWait = errors.New("the time to wait is over")

// command carries out a ddl block. It returns what its operator has to do next, or "".
func (a *apply) command(ctx context.Context, c *planner.Change) (remark string, err error) {
	d, err := a.newCommanding(c)
	if err != nil {
		return "", err
	}
	var was *state.Resource
	if old := a.cfg.State.Find(c.Address); old != nil {
		kept := *old
		was = &kept
	}
	if err := a.Save(ctx, func(f *state.File) { journal.Put(f, c.Address, d.resource(state.Creating, nil)) }); err != nil {
		return "", err
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if a.cfg.WaitTimeout > 0 {
		limited, cancel = context.WithTimeoutCause(ctx, a.cfg.WaitTimeout, errDDLWait)
	}
	defer cancel()
	defer d.close(ctx)
	err = a.Step(ctx, c.Address, "command", func() error { return d.run(limited) })
	switch {
	case d.refused:
		return "", errors.Join(err, d.withdraw(context.WithoutCancel(ctx), was))
	case err != nil && ctx.Err() == nil && errors.Is(context.Cause(limited), errDDLWait):
		return "", &CommandWaitError{Address: c.Address, OnSource: d.ended, Engines: d.engines(), Last: err}
	case err != nil:
		return "", err
	}
	rows, err := d.rows(ctx)
	if err != nil {
		return "", err
	}
	return d.remark(ctx), a.Settle(ctx, c.Address, d.resource(state.Ready, rows))
}

func (a *apply) newCommanding(c *planner.Change) (*commanding, error) {
	d := &commanding{apply: a, change: c, plan: c.DDL, id: planner.DDLID(c.Address, c.DDL.Checksum), source: a.peers[c.DDL.Source]}
	if d.source == nil {
		return nil, fmt.Errorf("%s is not declared", c.DDL.Source)
	}
	for _, m := range c.DDL.Mirrors {
		i := slices.IndexFunc(a.cfg.Config.Mirrors, func(decl *config.Mirror) bool { return decl.Address == m.Address })
		target := a.peers[m.Target]
		if i < 0 || target == nil {
			return nil, fmt.Errorf("%s or %s is not declared", m.Address, m.Target)
		}
		d.sides = append(d.sides, &ddlSide{commanding: d, address: m.Address, name: session.Label(m.Address), id: m.ID, target: target, decl: a.cfg.Config.Mirrors[i]})
	}
	return d, nil
}

// resource is the block's record in the state. rows are the ledgers' records of it once
// it is applied, nil until then.
func (d *commanding) resource(status string, rows []*ledger.DDL) *state.Resource {
	r := &state.DDL{Source: d.plan.Source, Checksum: d.plan.Checksum, Mirrors: []string{}}
	for _, m := range d.plan.Mirrors {
		r.Mirrors = append(r.Mirrors, m.Address)
	}
	var lsn catalog.LSN
	for _, row := range rows {
		lsn = max(lsn, row.LSN)
		if row.Applied.After(r.Applied) {
			r.Applied = row.Applied.UTC()
		}
	}
	if lsn != 0 {
		r.LSN = lsn.String()
	}
	return &state.Resource{Address: d.change.Address, Status: status, DDL: r}
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
func (d *commanding) pending() []*ddlSide {
	return slices.DeleteFunc(slices.Clone(d.sides), func(s *ddlSide) bool { return s.row != nil && !s.row.Applied.IsZero() })
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
	return d.Save(ctx, func(f *state.File) { journal.Put(f, d.change.Address, was) })
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
