package stream

import (
	"sync"

	"bascule/planner/catalog"
)

// flight is a transaction of the target that was sent: from the commit of its first
// source transaction to the position after it.
type flight struct{ first, to catalog.LSN }

// flights are those that are not answered yet, in order.
type flights struct {
	mu   sync.Mutex
	list []flight
}

func (f *flights) add(x flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, x)
}

// land takes out the first one: it is committed.
func (f *flights) land() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) > 0 {
		f.list = append(f.list[:0], f.list[1:]...)
	}
}

func (f *flights) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.list)
}

// end returns the LSN before which lies all of the flight that a commit is of.
func (f *flights) end(final catalog.LSN) catalog.LSN {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.list {
		if x.first <= final && x.to.Covers(final) {
			return x.to
		}
	}
	return final + 1
}
