package target

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"bascule/planner/catalog"
)

// Send hands a segment to the server and does not wait for its answer: see Commits.
// It blocks while the server is behind by more than the connection's buffers.
func (s *Session) Send(ctx context.Context, seg *Segment) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	stop := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	defer stop()
	if err := s.usable(); err != nil {
		return err
	}
	if err := s.begin(seg); err != nil {
		return s.broken(err)
	}
	if seg.First && seg.Last {
		s.advance(seg)
	} else if seg.First {
		s.claim()
	}
	if err := s.fast(seg); err != nil {
		return s.broken(err)
	}
	if seg.Last {
		if !seg.First {
			s.advance(seg)
		}
		s.commit(seg)
	}
	s.sync(nil)
	return s.sent()
}

// usable reports why nothing can be sent.
func (s *Session) usable() error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.state.err != nil {
		return s.state.err
	}
	if s.state.closing {
		return errEnded
	}
	return nil
}

// broken ends the session for an error of ours: a transaction that is half sent is
// never to be committed.
func (s *Session) broken(err error) error {
	s.fail(err)
	return err
}

// sent writes what is left, and returns why that failed: the server may have said it
// before it hung up, so its last words are waited for.
func (s *Session) sent() error {
	s.wire.ship()
	if s.wire.err == nil {
		return nil
	}
	_ = s.hijacked.Conn.SetReadDeadline(time.Now().Add(lastWords))
	<-s.ended
	if _, err := s.ending(); err != nil {
		return err
	}
	return fmt.Errorf("connection lost: %w", s.wire.err)
}

const lastWords = time.Second

// ending returns whether Run has ended, and with which error.
func (s *Session) ending() (bool, error) {
	select {
	case <-s.ended:
	default:
		return false, nil
	}
	s.state.Lock()
	defer s.state.Unlock()
	return true, s.state.err
}

// publish tells the reader what to expect, before the bytes go.
func (s *Session) publish() {
	s.expected.add(s.due)
	clear(s.due)
	s.due = s.due[:0]
}

// expect adds one more answer; equal ones are counted together.
func (s *Session) expect(e expect) {
	if n := len(s.due); n > 0 && e.kind == completed && e.careful == nil {
		last := &s.due[n-1]
		if last.kind == completed && last.careful == nil && last.table == e.table && last.op == e.op && last.rows == e.rows {
			last.times++
			return
		}
	}
	e.times = 1
	if e.kind != claimed {
		e.final = s.final
	}
	s.due = append(s.due, e)
}

// prepared makes sure that the server knows a statement.
func (s *Session) prepared(st *statement) *statement {
	if !st.parsed {
		s.named++
		st.name = "s" + strconv.Itoa(s.named)
		s.wire.parse(st)
		st.parsed = true
	}
	return st
}

// run has a statement of the session's own executed.
func (s *Session) run(st *statement, e expect, values ...*string) {
	s.expect(e)
	s.wire.text(s.prepared(st), values...)
}

// begin begins a transaction, or goes on with the one that is open.
func (s *Session) begin(seg *Segment) error {
	if seg.First == s.open {
		return fmt.Errorf("segment is first: %t, a transaction is open: %t", seg.First, s.open)
	}
	s.final = seg.final(0)
	if !seg.First {
		return nil
	}
	s.open, s.missed = true, 0
	s.run(s.own.begin, expect{kind: completed})
	if seg.Flush {
		s.run(s.own.flushing, expect{kind: completed})
	}
	return nil
}

// claim makes sure that the position is ours, and leaves it where it is.
func (s *Session) claim() { s.movePosition(s.at, time.Time{}, 0, 0) }

// advance makes sure that the position is ours, and moves it.
func (s *Session) advance(seg *Segment) {
	s.movePosition(seg.To, seg.Committed, seg.Transactions, seg.Changes)
	s.at = seg.To
}

func (s *Session) movePosition(to catalog.LSN, when time.Time, transactions, changes int64) {
	var committed *string
	if !when.IsZero() {
		committed = text(when.UTC().Format("2006-01-02 15:04:05.999999") + "+00")
	}
	s.run(s.own.advance, expect{kind: claimed, final: s.at}, &s.cfg.Mirror, &s.cfg.Name, number(s.cfg.Position.Epoch), text(s.at.String()), text(to.String()),
		committed, number(transactions), number(changes), number(s.missed))
}

func text(s string) *string  { return &s }
func number(n int64) *string { return text(strconv.FormatInt(n, 10)) }

// commit commits, and asks where the log is.
func (s *Session) commit(seg *Segment) {
	c := &Commit{To: seg.To, Committed: seg.Committed, Transactions: seg.Transactions, Changes: seg.Changes, Missing: s.missed}
	s.run(s.own.commit, expect{kind: committed})
	s.run(s.own.place, expect{kind: placed, commit: c})
	s.open = false
}

// sync ends the messages of a segment or a query. r, if any, is ready when the server is.
func (s *Session) sync(r *reply) {
	s.expect(expect{kind: ready, reply: r})
	s.wire.sync()
}

// query runs a statement and returns the first column of its rows, as text.
func (s *Session) query(ctx context.Context, st *statement, args ...string) ([]string, error) {
	r := &reply{ready: make(chan struct{})}
	values := make([]*string, len(args))
	for i := range args {
		values[i] = &args[i]
	}
	if err := s.ask(st, r, values); err != nil {
		return nil, err
	}
	if err := s.wait(ctx, r); err != nil {
		return nil, err
	}
	return r.rows, nil
}

func (s *Session) ask(st *statement, r *reply, values []*string) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	s.run(st, expect{kind: queried, reply: r}, values...)
	s.sync(nil)
	return s.sent()
}

// wait waits for an answer. An answer that will not come any more is the session's
// error.
func (s *Session) wait(ctx context.Context, r *reply) error {
	select {
	case <-r.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ended:
	}
	select {
	case <-r.ready:
		return nil
	default:
	}
	if _, err := s.ending(); err != nil {
		return err
	}
	return errEnded
}
