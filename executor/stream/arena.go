package stream

import "runtime"

// arena keeps the bytes of one batch's rows. It grows by slabs, which it keeps when it
// is emptied.
type arena struct {
	slabs [][]byte // full, but for the last one in use
	used  int      // slabs in use
	size  int      // bytes kept

	// large counts bytes that came with memory of their own.
	large int
}

const slabSize = 1 << 20

// keep copies b.
func (a *arena) keep(b []byte) []byte {
	if len(b) > slabSize/4 {
		return a.adopt(append([]byte(nil), b...))
	}
	if a.used == 0 || len(b) > cap(a.slabs[a.used-1])-len(a.slabs[a.used-1]) {
		a.grow()
	}
	slab := &a.slabs[a.used-1]
	at := len(*slab)
	*slab = append(*slab, b...)
	a.size += len(b)
	return (*slab)[at:len(*slab):len(*slab)]
}

// adopt takes over b's own memory.
func (a *arena) adopt(b []byte) []byte {
	a.size += len(b)
	a.large += len(b)
	return b
}

func (a *arena) grow() {
	if a.used == len(a.slabs) {
		a.slabs = append(a.slabs, make([]byte, 0, slabSize))
	}
	a.used++
}

// empty forgets everything. Memory of very large rows is given back at once: left to
// its own, the collector lets the heap grow to twice of them.
func (a *arena) empty() {
	for i := range a.slabs {
		a.slabs[i] = a.slabs[i][:0]
	}
	collect := a.large > collectAbove
	a.used, a.size, a.large = 0, 0, 0
	if collect {
		runtime.GC()
	}
}

const collectAbove = 16 << 20
