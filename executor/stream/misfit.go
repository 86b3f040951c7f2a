package stream

import (
	"context"
	"errors"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/stream/ddllog"
	"bascule/executor/stream/target"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// The rows that a table is filled with are of a later moment than what the stream has come
// to, and so may be what they are of: an enum has a label by then, or a domain lacks a
// check, that the target has yet to be told of. Or the table was filled, and comes to a key
// or a check that the source has had meanwhile, and has no more: then it is emptied. Behind
// that moment they fit.

// misfit notes that the target refused a table's rows for what they are. The table waits
// until the stream has come to their moment.
func (s *Stream) misfit(err error) bool {
	k := s.filling
	s.filling = nil
	var refused *target.CommandError
	if k == nil || !errors.As(err, &refused) || refused.Command.Into == "" || !ofValues(session.Code(err)) {
		return false
	}
	return s.wait(k.oid, k.point, k.name, err)
}

// wait has a table wait whose rows of a moment do not fit, unless that was tried often.
func (s *Stream) wait(oid uint32, point catalog.LSN, name string, err error) bool {
	w := waiting{after: point, misfits: 1}
	if was := s.waits[oid]; was != nil {
		w.misfits += was.misfits
	}
	s.waits[oid] = &w
	s.wishFor()
	s.log.Info("rows do not fit yet", "table", name, "lsn", point, "error", err)
	return w.misfits <= mostMisfits
}

// tooFull notes that the target refused a command of the log for the rows of a table that
// it is about, and that has those of a later moment.
func (s *Stream) tooFull(err error) bool {
	t := s.steps
	var refused *target.CommandError
	if t == nil || t.running != nil || t.next == 0 || !errors.As(err, &refused) {
		return false
	}
	if t.emptying != nil && refused.Command == t.emptying.command {
		s.waits[t.emptying.oid].misfits = mostMisfits + 1 // the command's own error is the one to tell
		return !session.Transient(err)
	}
	if refused.Command.Text == "" || !ofValues(session.Code(err)) {
		return false
	}
	for _, at := range t.list[t.next-1].Tables {
		if m := t.ahead(at.OID); m != nil && s.wait(at.OID, m.Point, pgname.Qualified(m.TargetSchema, m.TargetName), err) {
			return true
		}
	}
	return false
}

// ahead is a member that was filled with rows of a later moment than this transaction.
func (t *stepping) ahead(oid uint32) *ledger.Member {
	m := find(t.members, oid)
	if m == nil || m.State != ledger.Followed || m.Point <= t.final || !t.link.s.fills() {
		return nil
	}
	return m
}

// emptying is a command that takes a table its rows.
type emptying struct {
	oid     uint32
	command *target.Command
}

// emptyEarly empties the tables that a step is about, if their rows were in its way. They
// come again behind the moment that those were of.
func (t *stepping) emptyEarly(life context.Context, x *ddllog.Step) error {
	s := t.link.s
	for _, at := range x.Tables {
		m := t.ahead(at.OID)
		if m == nil || !s.early(at.OID, t.final) {
			continue
		}
		is := *m
		is.State, is.Point = ledger.Waiting, 0
		record, err := ledger.Became(s.cfg.Mirror, []ledger.Member{is})
		if err != nil {
			return err
		}
		name := pgname.Qualified(is.TargetSchema, is.TargetName)
		t.emptying = &emptying{at.OID, &target.Command{Title: "empty " + name, Text: "truncate only " + name, LockTimeout: s.cfg.DDL.LockTimeout, Record: record}}
		if err := t.between(life, t.emptying.command); err != nil {
			return err
		}
		t.emptying = nil
		t.become([]ledger.Member{is})
	}
	return nil
}

// mostMisfits is how often rows of a table may not fit, each time of a moment that the
// stream has come to by the next.
const mostMisfits = 3

// ofValues reports whether a server refuses values for what they are, or for a constraint.
func ofValues(code string) bool {
	return strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23")
}

// early reports whether a table's rows are not tried before a transaction, for they did not
// fit.
func (s *Stream) early(oid uint32, final catalog.LSN) bool {
	w := s.waits[oid]
	return w != nil && w.misfits > 0 && w.misfits <= mostMisfits && !reached(final, w.after)
}
