package stream

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/stream/ddllog"
	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/target"
	"bascule/executor/stream/walsender"
	"bascule/planner/catalog"
)

// receiver takes messages apart and fills batches. It belongs to one link, and to one
// goroutine.
type receiver struct {
	link *link
	now  time.Time // when the block at hand came

	members   members
	relations map[uint32]*relation
	last      *relation // the one that the last change was of

	// Of the source transaction that is open. skip: it is in the position already.
	inside  bool
	final   catalog.LSN
	xid     uint32
	skip    bool
	kept    bool               // a change of it was
	command *ledger.DDL        // that it ran, and that is to run here
	found   *surprise          // its DDL that nobody declared: it is received to its end, and not applied
	steps   *stepping          // it is applied by itself
	client  ddllog.Message     // of its DDL
	touched map[uint32]touched // the last entries of the log that are about tables

	open *batch

	// Of the transaction on the target that the open batch is of. partial: it was begun
	// by a batch that is sent. first is the commit of its first source transaction.
	partial      bool
	first        catalog.LSN
	committed    time.Time
	transactions int64
	changes      int64

	// sent is the position after all that was sent. dealt: of the source, all that
	// committed before was sent, or is in the open batch, or is not for us.
	sent, dealt catalog.LSN

	moved time.Time // when the position was last
	asked bool      // the source waits for a status update
	pause *pause    // a request of Between that waits for a transaction's end

	conn *pgx.Conn       // see aside
	stop <-chan struct{} // closed when the link is to end
}

func newReceiver(l *link, stop <-chan struct{}) *receiver {
	return &receiver{
		link: l, members: l.members, relations: make(map[uint32]*relation),
		sent: l.start.LSN, dealt: l.start.LSN, moved: time.Now(), stop: stop,
	}
}

// run receives until ctx ends, and ends what is open; or until an error.
func (r *receiver) run(ctx, life context.Context) error {
	defer r.dismiss()
	defer r.closeAside(life)
	l := r.link
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var block []byte
	for {
		r.now = time.Now()
		if err := r.messages(life, block); err == errStopped {
			return r.finish(life)
		} else if err != nil {
			return err
		}
		block = nil
		wait, err := r.consider(life, len(l.source.Blocks()) > 0)
		if err != nil {
			return err
		}
		timer.Reset(wait)
		var read bool
		select {
		case block, read = <-l.source.Blocks():
			if !read {
				return lost(ctx, life, l.source.Err())
			}
		case r.pause = <-r.requests():
		case <-l.s.called:
		case <-l.answered:
		case <-timer.C:
		case <-ctx.Done():
			r.now = time.Now()
			return r.finish(life)
		case <-life.Done():
			return context.Cause(life)
		}
	}
}

// messages takes a block apart.
func (r *receiver) messages(life context.Context, block []byte) error {
	in := r.link.source
	defer in.Release(block)
	in.Feed(block)
	for {
		m, ok, err := in.Next()
		if !ok {
			return err
		}
		if m.Data == nil {
			r.keepalive(m)
		} else if err := r.message(life, m); err != nil && err != errApart {
			return err
		}
	}
}

// message is one of the output plugin's.
func (r *receiver) message(life context.Context, m walsender.Message) error {
	switch m.Data[0] {
	case pgoutput.TypeInsert, pgoutput.TypeUpdate, pgoutput.TypeDelete:
		return r.row(life, m)
	case pgoutput.TypeBegin:
		b, err := pgoutput.ParseBegin(m.Data)
		if err != nil {
			return err
		}
		return r.begin(life, b)
	case pgoutput.TypeCommit:
		c, err := pgoutput.ParseCommit(m.Data)
		if err != nil {
			return err
		}
		return r.commit(life, c)
	case pgoutput.TypeRelation:
		rel, err := pgoutput.ParseRelation(m.Data)
		if err == nil {
			r.describe(rel)
		}
		return err
	case pgoutput.TypeTruncate:
		t, err := pgoutput.ParseTruncate(m.Data)
		if err != nil {
			return err
		}
		return r.truncate(life, t)
	case pgoutput.TypeMessage:
		return r.hear(life, m.Data)
	case pgoutput.TypeType, pgoutput.TypeOrigin:
		return nil
	}
	return &pgoutput.FormatError{Type: m.Data[0], Size: len(m.Data)}
}

// keepalive says how far the source is. Between two transactions it means that there
// is nothing for us before.
func (r *receiver) keepalive(m walsender.Message) {
	l := r.link
	if !r.inside {
		r.dealt = max(r.dealt, m.WALEnd)
		l.s.received(m.WALEnd, m.WALEnd)
	}
	if !m.Reply {
		return
	}
	r.asked = r.dealt > l.durable.position()
	if !r.asked || !r.idle() { // otherwise the answer is the position that is moved for it
		wake(l.told)
	}
}

func (r *receiver) begin(life context.Context, b pgoutput.Begin) error {
	r.inside, r.final, r.xid, r.kept, r.command, r.found, r.steps, r.client, r.touched = true, b.Final, b.XID, false, nil, nil, nil, ddllog.Message{}, nil
	r.skip = r.link.start.LSN.Covers(b.Final)
	if careful := r.link.s.careful; careful != 0 && !careful.Covers(b.Final) {
		if err := r.recover(life); err != nil {
			return err
		}
	}
	return r.expected(life)
}

// row is the change of one row.
func (r *receiver) row(life context.Context, m walsender.Message) error {
	if r.skip {
		return nil
	}
	oid, ok := pgoutput.RelationOf(m.Data)
	if !ok {
		return &pgoutput.FormatError{Type: m.Data[0], Size: len(m.Data)}
	}
	if r.found != nil {
		return r.glimpse(life, oid, m)
	}
	rel, err := r.find(life, oid)
	if err == nil && rel.log {
		return r.logged(life, rel, m)
	}
	if err != nil || !rel.follows(m.Data[0], r.final) {
		return err
	}
	var row pgoutput.Row
	if err := pgoutput.ParseRow(m.Data, &row); err != nil {
		return err
	}
	if due, err := rel.portion(&row, r.final); err != nil || !due {
		return err
	}
	table, err := r.onTarget(life, rel)
	if err != nil || table == nil {
		return err
	}
	b, err := r.room(life, len(m.Data))
	if err != nil {
		return err
	}
	b.row(table, row, m.Own)
	r.kept = true
	return nil
}

// truncate empties those of its tables that are followed here.
func (r *receiver) truncate(life context.Context, t pgoutput.Truncate) error {
	if r.found != nil {
		r.kept, r.found.rows = true, true
	}
	if r.skip || r.found != nil {
		return nil
	}
	out := target.Truncate{RestartIdentity: t.RestartIdentity}
	for _, oid := range t.Relations {
		rel, err := r.find(life, oid)
		if err != nil {
			return err
		}
		if !rel.follows(pgoutput.TypeTruncate, r.final) {
			continue
		}
		if rel.member.Parts != nil && rel.member.Point.Covers(r.final) {
			return &shiftedError{final: r.final, table: pgname.Shown(rel.Schema, rel.Name), what: "the table was truncated between the copies of two of its parts"}
		}
		table, err := r.onTarget(life, rel)
		if err != nil {
			return err
		}
		if table != nil {
			out.Tables = append(out.Tables, table)
		}
	}
	if len(out.Tables) == 0 {
		return nil
	}
	b, err := r.room(life, 0)
	if err != nil {
		return err
	}
	b.truncate(out)
	r.kept = true
	return nil
}

// commit ends a source transaction.
func (r *receiver) commit(life context.Context, c pgoutput.Commit) error {
	if r.command != nil {
		return r.obey(life, c)
	}
	if r.found != nil {
		return r.surprised(life, c)
	}
	if r.steps != nil {
		return r.stepped(life, c)
	}
	r.inside = false
	r.dealt = max(r.dealt, c.End)
	r.link.s.received(c.End, 0)
	if r.kept {
		r.open.end()
		r.transactions++
		r.committed = c.Time
		if r.partial || r.open.careful || r.open.full(0) {
			if err := r.ship(life); err != nil {
				return err
			}
		}
	}
	if due := r.through(); due || r.pause != nil {
		return r.boundary(life)
	}
	return nil
}
