package keep

import (
	"context"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/progress"
)

// trouble passes events on, and keeps the error that a stream was last interrupted
// by: while the stream is not back, the ledger has it for status.
type trouble struct {
	progress.Sink

	mu   sync.Mutex
	last string

	// recorded is what the ledger says, once known is true.
	recorded string
	known    bool
}

// Event takes one event in.
func (t *trouble) Event(e progress.Event) {
	if r, ok := e.(progress.Retrying); ok {
		text, _, _ := strings.Cut(r.Err.Error(), "\n")
		t.mu.Lock()
		t.last = r.What + ": " + text
		t.mu.Unlock()
	}
	t.Sink.Event(e)
}

// record brings the ledger up to date. It is called by one goroutine.
func (t *trouble) record(ctx context.Context, conn *pgx.Conn, mirror string, running bool) error {
	t.mu.Lock()
	if running {
		t.last = ""
	}
	last := t.last
	t.mu.Unlock()
	if t.known && last == t.recorded || !t.known && last == "" && !running {
		return nil
	}
	if err := ledger.SetError(ctx, conn, mirror, last); err != nil {
		return err
	}
	t.recorded, t.known = last, true
	return nil
}
