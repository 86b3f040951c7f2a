package stream

import (
	"time"

	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/target"
	"bascule/planner/catalog"
)

// batch is a Segment that is being filled, with the memory of its rows. It may end in
// the middle of a source transaction.
type batch struct {
	target.Segment
	arena arena

	// careful: it is to be applied row by row.
	careful bool

	// whole says how much of it belongs to source transactions that have ended: this
	// many items, marks and truncates.
	whole mark

	// since is when its first change came.
	since time.Time
}

type mark struct{ items, marks, truncates int }

// Limits of a batch, in bytes of rows and in changes. Larger ones would fold and copy
// no better.
const (
	batchBytes   = 4 << 20
	batchChanges = 20_000
)

// full reports whether it has no room for a row of so many bytes. An empty one has
// room for any.
func (b *batch) full(size int) bool {
	return len(b.Items) >= batchChanges || len(b.Items) > 0 && b.arena.size+size > batchBytes
}

// begin marks that what follows is of the transaction with this commit.
func (b *batch) begin(final catalog.LSN, now time.Time) {
	if len(b.Items) == 0 {
		b.since = now
	}
	if n := len(b.Marks); n == b.whole.marks {
		b.Marks = append(b.Marks, target.Mark{From: len(b.Items), Final: final})
	}
}

// row adds a change. own: its tuples need not be copied, their memory is nobody else's.
func (b *batch) row(t *target.Table, r pgoutput.Row, own bool) {
	item := target.Item{Kind: r.Type, OldKind: r.OldKind, Table: t}
	if r.Old != nil {
		item.Old = b.arena.keep(r.Old, own)
	}
	if r.New != nil {
		item.New = b.arena.keep(r.New, own)
	}
	b.Items = append(b.Items, item)
}

func (b *batch) truncate(t target.Truncate) {
	b.Items = append(b.Items, target.Item{Kind: target.Empty, Truncate: int32(len(b.Truncates))})
	b.Truncates = append(b.Truncates, t)
}

// end says that the transaction has ended.
func (b *batch) end() {
	b.whole = mark{items: len(b.Items), marks: len(b.Marks), truncates: len(b.Truncates)}
}

// split moves what belongs to the transaction that has not ended to another batch,
// which is empty.
func (b *batch) split(to *batch, now time.Time) {
	if b.whole.items == len(b.Items) {
		return
	}
	to.begin(b.Marks[b.whole.marks].Final, now)
	for _, item := range b.Items[b.whole.items:] {
		if item.Kind == target.Empty {
			to.truncate(b.Truncates[item.Truncate])
			continue
		}
		if item.Old != nil {
			item.Old = to.arena.keep(item.Old, false)
		}
		if item.New != nil {
			item.New = to.arena.keep(item.New, false)
		}
		to.Items = append(to.Items, item)
	}
	clear(b.Items[b.whole.items:])
	b.Items, b.Marks, b.Truncates = b.Items[:b.whole.items], b.Marks[:b.whole.marks], b.Truncates[:b.whole.truncates]
}

// empty makes it ready to be filled again. Nothing keeps a row's memory.
func (b *batch) empty() {
	clear(b.Items)
	clear(b.Truncates)
	b.Segment = target.Segment{Items: b.Items[:0], Truncates: b.Truncates[:0], Marks: b.Marks[:0]}
	b.careful, b.whole, b.since = false, mark{}, time.Time{}
	b.arena.empty()
}
