package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"bascule/config"
	"bascule/executor/journal"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
	"bascule/state"
)

// Config sets up a Run and a Forget. All is required but WaitTimeout.
type Config struct {
	Plan   *planner.Plan // of which the change is one
	Config *config.Config
	Peers  map[string]*config.Peer // those of Config, by address
	State  *state.File

	// Journal changes State, and saves it.
	Journal *journal.Journal

	Sink progress.Sink
	Log  *slog.Logger

	// WaitTimeout bounds how long a command is waited for. 0 is for ever.
	WaitTimeout time.Duration
}

// errWait ends the waiting for a command.
var errWait = errors.New("the time to wait is over")

// Run carries out the change that is a ddl block. It returns what its operator has to do
// next, or "".
func Run(ctx context.Context, cfg Config, c *planner.Change) (remark string, err error) {
	d, err := newCommanding(cfg, c)
	if err != nil {
		return "", err
	}
	var was *state.Resource
	if old := cfg.State.Find(c.Address); old != nil {
		kept := *old
		was = &kept
	}
	if err := cfg.Journal.Save(ctx, func(f *state.File) { journal.Put(f, c.Address, d.resource(state.Creating, nil)) }); err != nil {
		return "", err
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if cfg.WaitTimeout > 0 {
		limited, cancel = context.WithTimeoutCause(ctx, cfg.WaitTimeout, errWait)
	}
	defer cancel()
	defer d.close(ctx)
	err = cfg.Journal.Step(ctx, c.Address, "command", func() error { return d.run(limited) })
	switch {
	case d.refused:
		return "", errors.Join(err, d.withdraw(context.WithoutCancel(ctx), was))
	case err != nil && ctx.Err() == nil && errors.Is(context.Cause(limited), errWait):
		return "", &WaitError{Address: c.Address, OnSource: d.ended, Engines: d.engines(), Last: err}
	case err != nil:
		return "", err
	}
	rows, err := d.rows(ctx)
	if err != nil {
		return "", err
	}
	return d.remark(ctx), cfg.Journal.Settle(ctx, c.Address, d.resource(state.Ready, rows))
}

func newCommanding(cfg Config, c *planner.Change) (*commanding, error) {
	d := &commanding{cfg: cfg, change: c, plan: c.DDL, id: planner.DDLID(c.Address, c.DDL.Checksum), source: cfg.Peers[c.DDL.Source]}
	if d.source == nil {
		return nil, fmt.Errorf("%s is not declared", c.DDL.Source)
	}
	for _, m := range c.DDL.Mirrors {
		i := slices.IndexFunc(cfg.Config.Mirrors, func(decl *config.Mirror) bool { return decl.Address == m.Address })
		target := cfg.Peers[m.Target]
		if i < 0 || target == nil {
			return nil, fmt.Errorf("%s or %s is not declared", m.Address, m.Target)
		}
		d.sides = append(d.sides, &side{commanding: d, address: m.Address, name: session.Label(m.Address), id: m.ID, target: target, decl: cfg.Config.Mirrors[i]})
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
