package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/executor/ddl"
	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
	"bascule/planner/sourcelog"
)

// byItself runs statements that cannot run in a transaction: on the source, and when
// the streams have passed the place where they ended there, on each target.
func (d *commanding) byItself(ctx context.Context) error {
	if err := d.halting(); err != nil {
		return err
	}
	return d.drive(ctx, func(ctx context.Context) error {
		d.stage("catch up")
		now, err := drive.SourceNow(ctx, d.server.Control)
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
		if now, err = drive.SourceNow(ctx, d.server.Control); err != nil {
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

// halting finds a mirror that every command on its source halts: the log would have the
// block's as it has all others, for nothing in it says whose it is.
func (d *commanding) halting() error {
	for _, s := range d.pending() {
		if s.settings.Log != "" && s.settings.DDL == planner.DDLHalt && !d.sourceDone() {
			d.refused = true
			return &HaltsMirrorError{Address: d.change.Address, Mirror: s.address}
		}
	}
	return nil
}

// HaltsMirrorError reports a block that cannot run in a transaction, for a mirror that
// stands still at every command that its source's log has.
type HaltsMirrorError struct{ Address, Mirror string }

func (e *HaltsMirrorError) Error() string {
	return fmt.Sprintf("%s cannot run in a transaction, and would halt %s, which has stream { ddl = \"halt\" }: it has run nowhere", e.Address, e.Mirror)
}

// Hint says what the operator can do about it.
func (e *HaltsMirrorError) Hint() string {
	return "run it on the source by hand, and put the block that the halt prints in place of this one; or set stream.ddl to declared or auto"
}

// sourceDone reports whether the statements have run on the source.
func (d *commanding) sourceDone() bool {
	return slices.ContainsFunc(d.sides, func(s *side) bool {
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
func (s *side) byItself(ctx context.Context, lsn catalog.LSN) error {
	found, err := s.shiftNow(ctx)
	if err != nil {
		return err
	}
	s.stage("run on " + s.target.Address)
	if err := s.statements(ctx, s.settings.Log); err != nil {
		return err
	}
	row := *s.row
	row.Members = found.members
	return pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error { return ledger.ApplyDDL(ctx, tx, s.id, &row, lsn) })
}

// statements runs those that are not done, each by itself. Where the source logs its DDL,
// and the stream has passed them, it has brought what concerns the mirror.
func (s *side) statements(ctx context.Context, log string) error {
	control, err := s.open(ctx, s.target)
	if err != nil {
		return err
	}
	defer session.Close(ctx, control)
	server := ddl.Source{Control: control, Retrying: s.retrying, Open: opensAt(s.commanding, s.target)}
	record := func(ctx context.Context, done string) error {
		return ledger.StartDDL(ctx, s.conn, s.id, s.commanding.id, done, nil)
	}
	a := s.alone("the target of "+s.address, ddl.SideTarget, server, record)
	if a.Carries = log != ""; a.Carries {
		for i := range a.Statements {
			if a.Statements[i].Carried, err = s.logged(ctx, log, a.Statements[i].Text); err != nil {
				return err
			}
		}
	}
	return a.Run(ctx, s.row.XID)
}

// logged reports whether the source's log has a statement, and it is about the mirror's
// tables.
func (s *side) logged(ctx context.Context, log, text string) (there bool, err error) {
	oids := []int64{}
	for _, m := range s.members {
		if m.State != ledger.Removed {
			oids = append(oids, int64(m.Source))
		}
	}
	err = s.server.Control.QueryRow(ctx, fmt.Sprintf(selectLogged, pgname.Qualified(log, sourcelog.Table)), text, oids).Scan(&there)
	if err != nil {
		err = fmt.Errorf("read the log of DDL on the source: %w", err)
	}
	return there, err
}

func opensAt(d *commanding, peer *config.Peer) func(context.Context) (*pgx.Conn, error) {
	return func(ctx context.Context) (*pgx.Conn, error) { return d.open(ctx, peer) }
}

// shifted finds out what has become of the mirror's tables on a source that was changed
// some time ago. Tables that nobody knows the beginning of are copied by the next plan.
func (s *side) shifted(ctx context.Context) (*shift, error) {
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
	return &found, nil
}

// shiftNow finds that out for the place where the stream is, and has the publications
// follow it.
func (s *side) shiftNow(ctx context.Context) (*shift, error) {
	found, err := s.shifted(ctx)
	if err != nil {
		return nil, err
	}
	return found, s.publish(ctx, found.members, func(m ledger.Member) bool { return m.State != ledger.Copying })
}

// publish has the publications follow those of the members.
func (s *side) publish(ctx context.Context, members []ledger.Member, those func(ledger.Member) bool) error {
	var list []ledger.Member
	for _, m := range members {
		if those(m) {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil
	}
	if err := slot.AddTables(ctx, s.server.Control, s.settings, list...); err != nil {
		return fmt.Errorf("%s: %w", s.address, err)
	}
	return nil
}

const selectLogged = `
	select exists (
		select from %s d
		where d.query = $1 and d.problem is null and exists (
			select from pg_catalog.jsonb_to_recordset(d.tables::pg_catalog.jsonb) t(oid bigint, follow text)
			where t.follow <> 'none' or t.oid = any ($2::bigint[])))`
