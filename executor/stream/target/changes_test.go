package target_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"bascule/executor/ledger"
	"bascule/executor/stream/target"
)

// change is an item of the model at a place in a list.
type change struct {
	model int // -1: a TRUNCATE of some
	item  target.Item
	empty []int
}

// makeChanges makes transactions, some of many pieces.
func makeChanges(r *rand.Rand, list []*model) [][][]change {
	var all [][][]change
	for range 40 {
		pieces := make([][]change, 1)
		if r.IntN(5) == 0 {
			pieces = make([][]change, 1+r.IntN(3))
		}
		some := list // or few tables, so that keys meet
		if r.IntN(2) == 0 {
			n := r.IntN(len(list) - 2)
			some = list[n : n+3]
		}
		for i := range pieces {
			for range r.IntN(400) {
				pieces[i] = append(pieces[i], oneChange(r, list, some))
			}
		}
		all = append(all, pieces)
	}
	return all
}

func oneChange(r *rand.Rand, list, some []*model) change {
	i := slices.Index(list, some[r.IntN(len(some))])
	if r.IntN(2500) > 0 {
		return change{model: i, item: list[i].change(r)}
	}
	j := (i + 1) % len(list)
	list[i].truncate()
	list[j].truncate()
	return change{model: -1, empty: []int{i, j}}
}

// deliver applies transactions.
func deliver(t *testing.T, r *running, list []*model, all [][][]change, apply func(context.Context, *target.Segment) error) {
	t.Helper()
	tables := make([]*target.Table, len(list))
	for i, m := range list {
		own := member(m.rel, func(member *ledger.Member) {
			member.Key = nil
			for _, k := range m.keys {
				member.Key = append(member.Key, m.rel.Columns[k].Name)
			}
		})
		var err error
		if tables[i], err = r.Table(t.Context(), m.rel, own); err != nil {
			t.Fatal(err)
		}
	}
	for n, pieces := range all {
		if n%2 == 0 { // columns of the target's own are to stay as they are
			if _, err := r.Flushed(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.place.Exec(t, "update more set own = 'own of ' || id where own = 'mine'")
		}
		for i, piece := range pieces {
			seg := r.place.segment()
			seg.First, seg.Last = i == 0, i == len(pieces)-1
			for _, c := range piece {
				if c.model < 0 {
					c.item = target.Item{Kind: target.Empty, Truncate: int32(len(seg.Truncates))}
					seg.Truncates = append(seg.Truncates, target.Truncate{
						Tables: []*target.Table{tables[c.empty[0]], tables[c.empty[1]]}, RestartIdentity: true})
				} else {
					c.item.Table = tables[c.model]
				}
				seg.Items = append(seg.Items, c.item)
			}
			seg.Changes = int64(len(seg.Items))
			if err := apply(t.Context(), seg); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// write inserts the rows that the models have come to.
func write(t *testing.T, p *place, list []*model, mode func(*target.Config)) {
	t.Helper()
	r := p.open(t, mode)
	for _, m := range list {
		table := r.table(m.rel)
		var items []target.Item
		for _, row := range m.rows {
			items = append(items, target.Item{Kind: 'I', Table: table, New: tuple(m.rel, m.bin, row...)})
		}
		r.send(items...)
	}
	r.mustClose()
}
