package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ddl"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// byItself runs statements that cannot run in a transaction: on the source, and when
// the streams have passed the place where they ended there, on each target.
func (d *commanding) byItself(ctx context.Context) error {
	return d.drive(ctx, func(ctx context.Context) error {
		d.stage("catch up")
		now, err := d.sourceNow(ctx)
		if err != nil {
			return err
		}
		if err := d.catchUp(ctx, now); err != nil {
			return err
		}
		if !d.sourceDone() {
			d.stage("run on " + d.source.Address)
			if err := d.alone("the source", ddl.SideSource, d.server, d.mark).Run(ctx, d.sides[0].row.XID); err != nil {
				return err
			}
			if err := d.mark(ctx, ddl.SideSource); err != nil {
				return err
			}
		}
		d.ended = true
		if now, err = d.sourceNow(ctx); err != nil {
			return err
		}
		d.stage("wait for the targets")
		if err := d.catchUp(ctx, now); err != nil {
			return err
		}
		for _, s := range d.pending() {
			if err := s.byItself(ctx, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// sourceDone reports whether the statements have run on the source.
func (d *commanding) sourceDone() bool {
	return slices.ContainsFunc(d.sides, func(s *ddlSide) bool {
		return !s.row.Applied.IsZero() || s.row.XID == ddl.SideSource || strings.HasPrefix(s.row.XID, ddl.SideTarget)
	})
}

// mark records how far the statements are on the source. The first mirror has it first.
func (d *commanding) mark(ctx context.Context, done string) error {
	for _, s := range d.pending() {
		if err := ledger.StartDDL(ctx, s.conn, s.id, d.id, done, nil); err != nil {
			return err
		}
	}
	return nil
}

// alone is the running of the command's statements by themselves on one server.
func (d *commanding) alone(where, side string, server ddl.Source, record func(context.Context, string) error) ddl.Alone {
	a := ddl.Alone{Address: d.change.Address, Where: where, Side: side, Source: server, LockTimeout: d.lockTimeout(), Waiting: d.note, Record: record}
	for _, x := range d.plan.Statements {
		one := ddl.Statement{Text: x.Text, Queues: x.Queues()}
		for _, l := range x.Locks {
			one.Tables = append(one.Tables, l.Table)
		}
		a.Statements = append(a.Statements, one)
	}
	return a
}

// byItself runs the statements on the target, whose stream has passed lsn.
func (s *ddlSide) byItself(ctx context.Context, lsn catalog.LSN) error {
	members, err := s.shiftNow(ctx)
	if err != nil {
		return err
	}
	s.stage("run on " + s.target.Address)
	if err := s.statements(ctx); err != nil {
		return err
	}
	row := *s.row
	row.Members = members
	return pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error { return ledger.ApplyDDL(ctx, tx, s.id, &row, lsn) })
}

// statements runs those that are not done, each by itself.
func (s *ddlSide) statements(ctx context.Context) error {
	control, err := s.open(ctx, s.target)
	if err != nil {
		return err
	}
	defer session.Close(ctx, control)
	server := ddl.Source{Control: control, Retrying: s.retrying, Open: opensAt(s.commanding, s.target)}
	record := func(ctx context.Context, done string) error {
		return ledger.StartDDL(ctx, s.conn, s.id, s.commanding.id, done, nil)
	}
	return s.alone("the target of "+s.address, ddl.SideTarget, server, record).Run(ctx, s.row.XID)
}

func opensAt(d *commanding, peer *config.Peer) func(context.Context) (*pgx.Conn, error) {
	return func(ctx context.Context) (*pgx.Conn, error) { return d.open(ctx, peer) }
}

// shiftNow finds out what has become of the mirror's tables on a source that was
// changed some time ago, and has the publications follow that. Tables that nobody
// knows the beginning of are copied by the next plan.
func (s *ddlSide) shiftNow(ctx context.Context) ([]ledger.Member, error) {
	db, err := catalog.Read(ctx, s.server.Control, catalog.ReadOptions{})
	if err != nil {
		return nil, err
	}
	seen, err := s.seen(ctx, db)
	if err != nil {
		return nil, err
	}
	found, err := s.shift(db, seen, 0)
	if err != nil {
		return nil, err
	}
	s.notes = found.notes
	var published []ledger.Member
	for _, m := range found.members {
		if m.State != ledger.Copying {
			published = append(published, m)
		}
	}
	if len(published) == 0 {
		return found.members, nil
	}
	if err := slot.AddTables(ctx, s.server.Control, s.settings, published...); err != nil {
		return nil, fmt.Errorf("%s: %w", s.address, err)
	}
	return found.members, nil
}
