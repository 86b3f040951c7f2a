package stream

import (
	"context"
	"time"
)

// room returns the open batch, ready for a change of the open transaction that takes
// so many bytes.
func (r *receiver) room(life context.Context, size int) (*batch, error) {
	for r.open != nil && r.open.full(size) {
		send := r.ship
		if r.open.whole.items == 0 {
			send = r.piece
		}
		if err := send(life); err != nil {
			return nil, err
		}
	}
	if r.open == nil {
		b, err := r.take(life)
		if err != nil {
			return nil, err
		}
		r.open = b
	}
	if size > batchBytes {
		if err := r.alone(life); err != nil {
			return nil, err
		}
	}
	r.open.careful = r.link.s.careful != 0 || r.steps != nil
	r.open.begin(r.final, r.now)
	return r.open, nil
}

// ship sends what is whole of the open batch. What is not begins the next one.
func (r *receiver) ship(life context.Context) error {
	b := r.open
	if b == nil || b.whole.items == 0 {
		return nil
	}
	r.open = nil
	if len(b.Items) > b.whole.items {
		rest, err := r.take(life)
		if err != nil {
			return err
		}
		b.split(rest, r.now)
		rest.careful = b.careful
		r.open = rest
	}
	return r.send(life, b, true)
}

// piece sends the open batch, all of which is of one transaction that goes on.
func (r *receiver) piece(life context.Context) error {
	b := r.open
	r.open = nil
	return r.send(life, b, false)
}

// send hands a batch to the applier. last: it ends a transaction on the target.
func (r *receiver) send(life context.Context, b *batch, last bool) error {
	b.First, b.Last = !r.partial, last
	if b.First && len(b.Marks) > 0 {
		r.first = b.Marks[0].Final
	}
	r.changes += int64(len(b.Items))
	r.partial = !last
	if last {
		b.To, b.Committed = r.dealt, r.committed
		b.Transactions, b.Changes = r.transactions, r.changes
		r.committed, r.transactions, r.changes = time.Time{}, 0, 0
		r.link.flights.add(flight{first: r.first, to: b.To})
		r.sent, r.moved = b.To, r.now
	}
	return r.order(life, order{batch: b})
}

// settle moves the position alone, over what is not for us. The target's commit waits
// until it is on disk, for it is what a source waits for that shuts down.
func (r *receiver) settle(life context.Context) error {
	b, err := r.take(life)
	if err != nil {
		return err
	}
	b.Flush = true
	r.first = r.dealt
	r.asked = false
	return r.send(life, b, true)
}

// take returns an empty batch, when one is free.
func (r *receiver) take(life context.Context) (*batch, error) {
	select {
	case b := <-r.link.free:
		return b, nil
	case <-life.Done():
		return nil, context.Cause(life)
	}
}

// alone waits until every batch but the open one is free: of rows that are larger than
// a batch, one is held at a time.
func (r *receiver) alone(life context.Context) error {
	var held []*batch
	for range batchCount - 1 {
		b, err := r.take(life)
		if err != nil {
			return err
		}
		held = append(held, b)
	}
	for _, b := range held {
		r.link.free <- b
	}
	return nil
}

func (r *receiver) order(life context.Context, o order) error {
	select {
	case r.link.orders <- o:
		return nil
	case <-life.Done():
		return context.Cause(life)
	}
}

// drain waits until all that was sent is committed.
func (r *receiver) drain(life context.Context) error {
	for r.link.flights.count() > 0 {
		select {
		case <-r.link.answered:
		case <-life.Done():
			return context.Cause(life)
		}
	}
	return nil
}
