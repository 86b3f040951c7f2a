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

// keep copies b, or takes its memory over where that is b's own.
func (a *arena) keep(b []byte, own bool) []byte {
	a.size += len(b)
	if !own && len(b) > slabSize/4 {
		b, own = append([]byte(nil), b...), true
	}
	if own {
		a.large += len(b)
		return b
	}
	if a.used == 0 || len(b) > cap(a.slabs[a.used-1])-len(a.slabs[a.used-1]) {
		a.grow()
	}
	slab := &a.slabs[a.used-1]
	at := len(*slab)
	*slab = append(*slab, b...)
	return (*slab)[at:len(*slab):len(*slab)]
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
