package relay

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// abandon closes a wire. After a cancel the server is told first: a session that waits
// for a lock looks for its client every ten seconds only, and holds its own locks
// until then.
func abandon(ctx context.Context, h *pgconn.HijackedConn) {
	defer h.Conn.Close()
	if ctx.Err() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer cancel()
	if c, err := pgconn.Construct(h); err == nil {
		_ = c.CancelRequest(ctx) // closing is what ends it, if later
	}
}

const cancelTime = 2 * time.Second

// hijack takes the wire over. Messages that the server sent on its own and that
// pgconn has read already (a changed parameter, a notice) are dropped first, or
// the wire would begin in the middle of one.
func hijack(ctx context.Context, c *pgconn.PgConn) (*pgconn.HijackedConn, error) {
	if err := c.SyncConn(ctx); err != nil { // its background reader would take our answers
		return nil, err
	}
	return c.Hijack()
}
