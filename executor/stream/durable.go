package stream

import (
	"sync"

	"bascule/planner/catalog"
)

// durable is up to where the target would be found after a crash of its server.
type durable struct {
	mu      sync.Mutex
	lsn     catalog.LSN // of the source
	waiting []commit    // committed, and perhaps not on disk
}

// commit is a position, and the place in the target's log that has it.
type commit struct{ to, wal catalog.LSN }

func (d *durable) start(lsn catalog.LSN) { d.lsn = lsn }

// committed adds a commit. It is not durable yet.
func (d *durable) committed(c commit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.waiting); n >= mostWaiting { // where the disk is that slow, fewer steps will do
		d.waiting = d.waiting[:n-1]
	}
	d.waiting = append(d.waiting, c)
}

const mostWaiting = 1000

// flushed says how far the target's log is on disk. It reports whether that made
// another position durable.
func (d *durable) flushed(wal catalog.LSN) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for n < len(d.waiting) && d.waiting[n].wal <= wal {
		d.lsn = max(d.lsn, d.waiting[n].to)
		n++
	}
	d.waiting = append(d.waiting[:0], d.waiting[n:]...)
	return n > 0
}

// position is what may be acknowledged.
func (d *durable) position() catalog.LSN {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lsn
}

// settled reports that all that is committed is durable.
func (d *durable) settled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waiting) == 0
}
