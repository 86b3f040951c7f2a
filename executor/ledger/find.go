package ledger

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog"
)

// Find returns what the ledger of a target has of a mirror, nil where it has nothing.
func Find(ctx context.Context, conn *pgx.Conn, mirror string) (*catalog.LedgerMirror, error) {
	all, err := catalog.ReadLedger(ctx, conn)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all.Mirrors, func(m catalog.LedgerMirror) bool { return m.ID == mirror })
	if i < 0 {
		return nil, nil
	}
	return &all.Mirrors[i], nil
}
