package target

import (
	"bytes"
	"hash/maphash"
)

// What a row of a fold has gone through.
const (
	existed  = 1 << iota // it was on the target before
	alive                // it is there afterwards
	replaced             // existed and alive, but deleted in between
	hollow               // its tuple has unchanged values
)

// row is what the changes of one key come to.
//
//	existed, not alive      DELETE
//	existed, alive          UPDATE by tuple
//	... and replaced        DELETE, and INSERT of tuple
//	alive alone             INSERT of tuple
//	none                    nothing
//
// tuple has the key columns at least.
type row struct {
	key, tuple []byte
	hash       uint64
	state      uint8
}

// fold holds changes of one table, by key, in the order of each key's first change.
type fold struct {
	rows  []row
	index []uint64 // open addressing: stamp, and place in rows
	stamp uint64   // entries of the index with another are free
}

var seed = maphash.MakeSeed()

// find returns the place in rows of a key, or -1, and its hash.
func (f *fold) find(key []byte) (int, uint64) {
	hash := maphash.Bytes(seed, key)
	if len(f.index) == 0 {
		return -1, hash
	}
	mask := uint64(len(f.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		entry := f.index[i]
		if entry>>32 != f.stamp {
			return -1, hash
		}
		place := int(uint32(entry))
		if r := &f.rows[place]; r.hash == hash && bytes.Equal(r.key, key) {
			return place, hash
		}
	}
}

// add appends a row under a key that find did not find.
func (f *fold) add(r row) {
	f.rows = append(f.rows, r)
	if 2*len(f.rows) > len(f.index) {
		f.grow()
		return
	}
	f.enter(r.hash, len(f.rows)-1)
}

func (f *fold) enter(hash uint64, place int) {
	mask := uint64(len(f.index) - 1)
	i := hash & mask
	for f.index[i]>>32 == f.stamp {
		i = (i + 1) & mask
	}
	f.index[i] = f.stamp<<32 | uint64(place)
}

func (f *fold) grow() {
	f.index = make([]uint64, max(64, 2*len(f.index)))
	f.stamp = 1
	for i := range f.rows {
		f.enter(f.rows[i].hash, i)
	}
}

// reset empties it for another use, and lets go of the tuples.
func (f *fold) reset() {
	clear(f.rows)
	f.rows = f.rows[:0]
	if f.stamp++; f.stamp == 1<<32 {
		clear(f.index)
		f.stamp = 1
	}
}

// folds keeps empty folds for the tables to come, as many as memory allows.
type folds struct {
	free []*fold
	rows int // that the free ones have room for
}

func (p *folds) take() *fold {
	n := len(p.free)
	if n == 0 {
		return &fold{stamp: 1}
	}
	f := p.free[n-1]
	p.free = p.free[:n-1]
	p.rows -= cap(f.rows)
	return f
}

func (p *folds) put(f *fold) {
	f.reset()
	if p.rows+cap(f.rows) > foldedMost {
		return
	}
	p.rows += cap(f.rows)
	p.free = append(p.free, f)
}

// foldedMost is how many rows free folds may have room for: some 20 MiB.
const foldedMost = 256 << 10
