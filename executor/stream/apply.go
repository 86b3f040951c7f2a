package stream

import (
	"context"
	"errors"
	"log/slog"

	"bascule/executor/stream/target"
)

// apply carries orders out, one after the other, until there are no more. A batch is
// free again when the session has taken it.
func (l *link) apply(life context.Context) error {
	defer l.session.Close()
	for o := range l.orders {
		if o.table != nil {
			if err := l.lookUp(life, o.table); err != nil {
				return err
			}
			continue
		}
		if o.run != nil {
			if err := l.session.Command(life, o.run.command); err != nil {
				return err
			}
			close(o.run.done)
			continue
		}
		if err := l.send(life, o.batch); err != nil {
			return err
		}
		o.batch.empty()
		l.free <- o.batch // there is room for all
	}
	return nil
}

func (l *link) send(life context.Context, b *batch) error {
	log := l.s.log
	lsn := b.To
	if !b.Last {
		lsn = b.Marks[0].Final
	}
	debug := log.Enabled(life, slog.LevelDebug)
	if debug && b.First {
		log.DebugContext(life, "batch begins", "lsn", lsn, "changes", len(b.Items), "whole", b.Last)
	}
	var err error
	if b.careful {
		err = l.session.Careful(life, &b.Segment)
	} else {
		err = l.session.Send(life, &b.Segment)
	}
	if debug && err == nil {
		log.DebugContext(life, "batch sent", "lsn", lsn, "changes", len(b.Items), "whole", b.Last)
	}
	return err
}

func (l *link) lookUp(life context.Context, q *lookup) error {
	t, err := l.session.Table(life, q.relation, q.member)
	var misfit *target.ShapeError
	if err != nil && !errors.As(err, &misfit) {
		return err
	}
	if q.inOrder && t != nil {
		t.KeepOrder()
	}
	q.answer <- counterpart{table: t, misfit: misfit}
	return nil
}
