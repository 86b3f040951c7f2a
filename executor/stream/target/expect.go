package target

import (
	"sync"
	"sync/atomic"

	"bascule/planner/catalog"
)

// Kinds of answer.
const (
	completed = iota // a statement
	counted          // a statement whose rows are to be counted here
	claimed          // the claim of the position
	committed        // a commit
	placed           // where the log is after a commit
	queried          // rows for who waits
	commanded        // a command, or what belongs to it
	spoken           // a command of several statements, up to where the server is ready again
	ready            // the end of a run of messages
)

// expect is what the server is to answer next.
type expect struct {
	kind  uint8
	op    string // of a statement on a table
	times int    // so many answers like this
	rows  int64  // that each is for
	table *Table
	item  int // careful: the change's place in the segment

	// sent holds the rows of a COPY once they are all sent; nil: rows counts.
	sent    *atomic.Int64
	final   catalog.LSN
	commit  *Commit
	reply   *reply
	careful *careful
	command *Command
}

// reply is what a query returned. rows may be read when ready is closed.
type reply struct {
	rows  []string // the first column
	ready chan struct{}
}

// careful is what the answers to a segment applied by Careful are judged by. Its
// memory is the caller's, who waits for done or the session's end.
type careful struct {
	seg     *Segment
	missing int64
	skip    bool
}

// expected is what was sent and not answered, in order.
type expected struct {
	mu   sync.Mutex
	list []expect
}

func (q *expected) add(list []expect) {
	q.mu.Lock()
	q.list = append(q.list, list...)
	q.mu.Unlock()
}

// swap takes all there are, and leaves room to be filled again.
func (q *expected) swap(room []expect) []expect {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = room[:0]
	return list
}
