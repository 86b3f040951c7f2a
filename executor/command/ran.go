package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ddl"
	"bascule/executor/drive"
	"bascule/executor/ledger"
	"bascule/executor/stream"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// onTargets runs a command that somebody ran on the source: on each target, where its
// stream comes to what it is marked with, or to the first row that does not fit without
// it, or else where the source was when this began.
func (d *commanding) onTargets(ctx context.Context) error {
	d.ended = true
	end, err := drive.SourceNow(ctx, d.server.Control)
	if err != nil {
		return err
	}
	for _, s := range d.pending() {
		through, err := s.reach(ctx, end)
		if err == nil && !through {
			err = s.onTarget(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reach streams until the command has run in its place, which is through; or until the
// target has all that the source had at lsn, or stands before a transaction that is the
// command's and not for the stream to run it in.
func (s *side) reach(ctx context.Context, lsn catalog.LSN) (through bool, err error) {
	s.stage("stream " + s.name + " to where the command belongs")
	if s.halt != nil {
		if err := ledger.SetHalt(ctx, s.conn, s.id, nil); err != nil {
			return false, err
		}
		s.halt = nil
	}
	cfg := s.driven().Config()
	if cfg.Blocks, err = s.blocks(ctx); err != nil {
		return false, err
	}
	waiting, ran := context.WithCancelCause(ctx)
	defer ran(nil)
	if len(cfg.Blocks) > 0 {
		cfg.Blocks[0].Ran = func() { ran(drive.ErrDone) }
	}
	running, inner := drive.Start(waiting, stream.New(cfg))
	err = running.CatchUp(inner, lsn)
	failed := running.End()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if len(cfg.Blocks) > 0 {
		if through, failed = s.ranThere(ctx, failed); through {
			return true, failed
		}
	}
	if failed == nil {
		return false, err
	}
	if s.halt, err = s.standsFor(ctx, cfg.Blocks, failed); err != nil || s.halt != nil {
		return false, err
	}
	_, failed = s.driven().RecordHalt(ctx, s.conn, failed)
	return false, fmt.Errorf("%s: %w", s.address, failed)
}

// ranThere reports whether the stream has run the command. What has ended the stream
// behind it is another's.
func (s *side) ranThere(ctx context.Context, failed error) (bool, error) {
	row, err := ledger.FindDDL(ctx, s.conn, s.id, s.commanding.id)
	if err != nil {
		return false, errors.Join(failed, err)
	}
	if row == nil || row.Applied.IsZero() {
		return false, failed
	}
	s.row = row
	if failed == nil {
		return true, nil
	}
	halt := s.driven().Halt(failed)
	if halt == nil {
		return true, failed
	}
	return true, ledger.SetHalt(ctx, s.conn, s.id, halt)
}

// standsFor is the halt that the command ends, if it may be one. Not where the stream was
// given the command for it, and could not run it; nor where the server refused a row of
// another table than the command's by how that is defined: it would run before its place.
func (s *side) standsFor(ctx context.Context, blocks []stream.Block, failed error) (*ledger.Halt, error) {
	var halted *stream.HaltError
	switch {
	case !errors.As(failed, &halted), !catalog.AwaitsCommand(halted.Halt.Code):
		return nil, nil
	case len(blocks) == 0:
		return &halted.Halt, nil
	case halted.Halt.Code == catalog.HaltShape, s.fromLog(s.plan):
		return nil, nil
	}
	if concerned := blocks[0].Tables; len(concerned) > 0 && halted.Refused != "" {
		var yes bool
		if err := s.conn.QueryRow(ctx, selectConcerns, concerned, halted.Refused).Scan(&yes); err != nil || !yes {
			return nil, err
		}
	}
	return &halted.Halt, nil
}

// selectConcerns: what a partition has is defined for the table that it belongs to, and
// an index is what its table has.
const selectConcerns = `
	select exists (
		select from pg_catalog.unnest($1::text[]) t(name)
		left join pg_catalog.pg_index i on i.indexrelid = pg_catalog.to_regclass(t.name)
		where coalesce(i.indrelid, pg_catalog.to_regclass(t.name)) in (
			select pg_catalog.to_regclass($2) union all select pg_catalog.pg_partition_ancestors(pg_catalog.to_regclass($2))))`

// onTarget runs the command on the target while nothing is streamed to it.
func (s *side) onTarget(ctx context.Context) error {
	var members []ledger.Member
	if !s.fromLog(s.plan) { // else the stream's own rows say what becomes of them
		found, err := s.shiftNow(ctx)
		if err != nil {
			return err
		}
		members = found.members
	}
	// Whoever streamed before this, and was killed, can commit nothing more.
	at, err := ledger.TakePosition(ctx, s.conn, s.id, ledger.Main)
	switch {
	case err != nil:
		return err
	case at == nil:
		return fmt.Errorf("%s has no position in the ledger of its target any more", s.address)
	}
	lsn, err := s.passes(at.LSN)
	if err != nil {
		return err
	}
	row := *s.row
	row.Members = members
	s.stage("run on " + s.target.Address)
	if s.plan.Alone {
		if err := s.statements(ctx, ""); err != nil {
			return err
		}
		return pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error { return ledger.ApplyDDL(ctx, tx, s.id, &row, lsn) })
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := s.inOne(ctx, &row, lsn)
		if err == nil || ctx.Err() != nil || !session.Transient(err) || s.conn.IsClosed() {
			return err
		}
		s.retrying(err, pause)
		if ended := session.Pause(ctx, pause); ended != nil {
			return errors.Join(ended, err)
		}
	}
}

// passes is the position from which on nothing comes any more that a block stands for:
// at is the stream's, and where it stands before a transaction, that one is yet to come.
func (s *side) passes(at catalog.LSN) (catalog.LSN, error) {
	if s.halt == nil || s.halt.LSN == "" || !stream.FromLog(s.plan.Command) {
		return at, nil
	}
	final, err := catalog.ParseLSN(s.halt.LSN)
	return max(at, final+1), err
}

// Pauses between two tries on a target. In them its readers get what they wait for.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 10 * time.Second
)

// inOne runs the command and records that, in one transaction of the target.
func (s *side) inOne(ctx context.Context, row *ledger.DDL, lsn catalog.LSN) error {
	now, err := ledger.FindDDL(ctx, s.conn, s.id, row.ID)
	if err != nil || now != nil && !now.Applied.IsZero() { // the answer to the last commit was lost
		return err
	}
	return ddl.OnTarget(ctx, ddl.Target{Open: opensAt(s.commanding, s.target), Address: s.change.Address, Where: "the target of " + s.address,
		Text: row.Command, LockTimeout: row.LockTimeout,
		Record: func(ctx context.Context, tx pgx.Tx) error { return ledger.ApplyDDL(ctx, tx, s.id, row, lsn) }})
}
