package live

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"bascule/planner"
	"bascule/planner/catalog"
)

// Engines reads, on a target, how the servers' own engines fare that mirrors of its
// ledger were handed to, by the mirror's ID.
func Engines(ctx context.Context, conn *pgx.Conn, ledger *catalog.Ledger) (map[string]*catalog.EngineNow, error) {
	engines := map[string]*catalog.EngineNow{}
	for i := range ledger.Mirrors {
		m := &ledger.Mirrors[i]
		var settings planner.Stream
		if m.Stream == nil || !m.Stream.Handed || json.Unmarshal([]byte(m.Stream.Settings), &settings) != nil {
			continue
		}
		now, err := catalog.ReadEngine(ctx, conn, settings.Engine, settings.Subscription)
		if err != nil {
			return nil, err
		}
		engines[m.ID] = now
	}
	return engines, nil
}
