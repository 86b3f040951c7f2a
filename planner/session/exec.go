package session

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Exec runs statements by the simple protocol. After an error no transaction is
// left open: where that cannot be had, the connection is closed.
func Exec(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.Exec(ctx, sql).ReadAll()
	if err == nil || conn.IsClosed() || conn.TxStatus() == 'I' {
		return err
	}
	// The connection must come back clean even when ctx is what ended the statement.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, rollback := conn.Exec(clean, "rollback").ReadAll(); rollback != nil {
		_ = conn.Close(clean)
	}
	return err
}
