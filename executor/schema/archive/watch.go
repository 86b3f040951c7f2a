package archive

import (
	"encoding/binary"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// errorWatch follows a server's messages and keeps the last error among them.
//
// pg_dump reports errors as text in the server's language. The SQLSTATE, by which
// we tell what can be tried again, is only in the messages.
type errorWatch struct {
	mu    sync.Mutex
	found *pgconn.PgError

	header []byte // of a message, up to 5 bytes
	left   int    // bytes to come of its body
	body   []byte // of an error
}

// maxErrorBody bounds what is kept of an error; a longer one is passed over.
const maxErrorBody = 1 << 20

// Write takes the next bytes from the server. It never fails.
func (w *errorWatch) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if w.left == 0 {
			p = w.head(p)
			continue
		}
		take := min(w.left, len(p))
		if w.header[0] == 'E' && len(w.body)+w.left <= maxErrorBody {
			w.body = append(w.body, p[:take]...)
		}
		w.left -= take
		p = p[take:]
		if w.left == 0 {
			w.end()
		}
	}
	return n, nil
}

// head takes bytes of a message's type and length, and returns the rest.
func (w *errorWatch) head(p []byte) []byte {
	take := min(5-len(w.header), len(p))
	w.header = append(w.header, p[:take]...)
	if len(w.header) == 5 {
		if w.left = int(binary.BigEndian.Uint32(w.header[1:])) - 4; w.left <= 0 {
			w.left = 0
			w.end()
		}
	}
	return p[take:]
}

// end closes a message.
func (w *errorWatch) end() {
	if w.header[0] == 'E' && len(w.body) > 0 {
		var m pgproto3.ErrorResponse
		if m.Decode(w.body) == nil {
			w.mu.Lock()
			w.found = pgconn.ErrorResponseToPgError(&m)
			w.mu.Unlock()
		}
	}
	w.header, w.body = w.header[:0], nil
}

func (w *errorWatch) last() *pgconn.PgError {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found
}
