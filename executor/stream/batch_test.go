package stream

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/target"
	"bascule/planner/catalog"
)

// A batch that is split loses nothing: what is whole stays, what is not goes to the
// next one, and every item is still of its transaction.
func TestSplit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		a, b := new(batch), new(batch)
		var want []string
		whole := 0
		for n, transactions := 0, 1+r.IntN(6); n < transactions; n++ {
			final := catalog.LSN(100 + n)
			for range 1 + r.IntN(5) {
				a.begin(final, time.Time{})
				value := bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(3*slabSize/4)/(1+r.IntN(1000)))
				if r.IntN(5) == 0 {
					a.truncate(target.Truncate{RestartIdentity: len(value)%2 == 0})
				} else {
					row := pgoutput.Row{Type: pgoutput.TypeUpdate, New: bytes.Clone(value)}
					if r.IntN(2) == 0 {
						row.Old, row.OldKind = bytes.Clone(value), pgoutput.KeyTuple
					}
					a.row(nil, row, r.IntN(4) == 0)
					clear(value)
				}
				want = append(want, item(a, len(a.Items)-1))
			}
			if n < transactions-1 || r.IntN(4) == 0 {
				a.end()
				whole = len(a.Items)
			}
		}
		a.split(b, time.Time{})
		var got []string
		for i := range a.Items {
			got = append(got, item(a, i))
		}
		a.empty()
		for i := range b.Items {
			got = append(got, item(b, i))
		}
		if len(want)-len(b.Items) != whole || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("seed %d: %d whole, %d moved\n got %.2000s\nwant %.2000s", seed, whole, len(b.Items), got, want)
		}
	}
}

// item is one of a batch with the transaction that it is of.
func item(b *batch, i int) string {
	var final catalog.LSN
	for _, m := range b.Marks {
		if m.From <= i {
			final = m.Final
		}
	}
	it := b.Items[i]
	if it.Kind == target.Empty {
		return fmt.Sprintf("%d truncate %t", final, b.Truncates[it.Truncate].RestartIdentity)
	}
	sum := func(v []byte) string {
		if len(v) == 0 {
			return "-"
		}
		return fmt.Sprintf("%d of %d", len(v), v[0])
	}
	return fmt.Sprintf("%d %c %s %s", final, it.Kind, sum(it.Old), sum(it.New))
}

// What is acknowledged is on disk, in order, whatever the disk and the answers do.
func TestDurable(t *testing.T) {
	t.Parallel()
	var d durable
	d.start(10)
	d.flushed(5000)
	if d.position() != 10 || !d.settled() {
		t.Errorf("nothing is committed, position %s", d.position())
	}
	d.committed(commit{to: 20, wal: 100})
	d.committed(commit{to: 30, wal: 200})
	for _, step := range []struct{ wal, want catalog.LSN }{{99, 10}, {100, 20}, {150, 20}, {200, 30}} {
		d.flushed(step.wal)
		if d.position() != step.want {
			t.Errorf("flushed to %s: position %s", step.wal, d.position())
		}
	}
	for i := range catalog.LSN(5 * mostWaiting) {
		d.committed(commit{to: 100 + i, wal: 1000 + i})
	}
	d.flushed(999 + 5*mostWaiting)
	if want := catalog.LSN(99 + 5*mostWaiting); d.position() != want || !d.settled() {
		t.Errorf("position %s, want %s", d.position(), want)
	}
}

// A failed batch is named by any commit that it has.
func TestFlights(t *testing.T) {
	t.Parallel()
	var f flights
	f.add(flight{first: 100, to: 200})
	f.add(flight{first: 200, to: 300})
	f.add(flight{first: 300, to: 300}) // moves the position alone
	for _, tc := range []struct{ final, want catalog.LSN }{{100, 200}, {199, 200}, {200, 300}, {500, 501}} {
		if got := f.end(tc.final); got != tc.want {
			t.Errorf("%d: %d, want %d", tc.final, got, tc.want)
		}
	}
	f.land()
	if got := f.end(100); f.count() != 2 || got != 101 {
		t.Errorf("%d left, %d", f.count(), got)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var b backoff
	now := time.Now()
	for i := range 40 {
		d := b.next(now)
		most := min(mostWait, firstWait<<min(i, 10))
		if d > most || d < most/2 {
			t.Errorf("try %d: %v of %v", i, d, most)
		}
	}
	if b.long(now.Add(patience)) || !b.long(now.Add(patience+1)) {
		t.Error("patience")
	}
}

// A position at the end of a full page has reached the place behind the header of the
// next one.
func TestReached(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		position, lsn catalog.LSN
		want          bool
	}{
		{100, 100, true}, {101, 100, true}, {99, 100, false},
		{8192, 8192 + 24, true}, {8192, 8192 + 40, true}, {8192, 8192 + 48, false}, {8200, 8216, false}, {0, 24, true},
	} {
		if got := reached(tc.position, tc.lsn); got != tc.want {
			t.Errorf("%d, %d: %v", tc.position, tc.lsn, got)
		}
	}
}
