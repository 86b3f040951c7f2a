package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Engines that servers have themselves, by the words of the configuration.
const (
	EnginePglogical    = "pglogical"
	EngineSubscription = "subscription"
)

// EngineNow is how the servers' own engine fares that keeps a mirror in step.
type EngineNow struct {
	Engine, Subscription string

	// There: the target has the subscription. Enabled: it is to work. Working: its worker
	// is alive.
	There, Enabled, Working bool

	// PID of that worker, 0 where it is not alive.
	PID int32

	// Slot that it reads on the source.
	Slot string

	// Applied is how far its replication origin is: 0 where nothing was applied yet, and
	// where the role may not know.
	Applied LSN

	// Errors are how often its worker has failed; -1 where nobody counts.
	Errors int64
}

// ReadEngine reads it on the target.
func ReadEngine(ctx context.Context, conn *pgx.Conn, engine, subscription string) (*EngineNow, error) {
	now := &EngineNow{Engine: engine, Subscription: subscription, Errors: -1}
	switch engine {
	case EngineSubscription:
		s, err := ReadSubscription(ctx, conn, subscription)
		if err != nil || s == nil {
			return now, err
		}
		now.There, now.Enabled, now.Slot, now.Applied, now.Errors = true, s.Enabled, s.Slot, s.Origin, s.Errors
		if w := s.Applier(); w != nil {
			now.Working, now.PID = true, w.PID
		}
	case EnginePglogical:
		p, err := ReadPglogical(ctx, conn)
		if err != nil || p == nil {
			return now, err
		}
		if s := p.Subscription(subscription); s != nil {
			now.There, now.Enabled, now.Working, now.PID, now.Slot, now.Applied = true, s.Enabled, s.PID != 0, s.PID, s.Slot, s.Origin
		}
	}
	return now, nil
}

// OwnSubscription is one that a database has, of either engine.
type OwnSubscription struct {
	Engine, Name string
	Enabled      bool

	// Slot on the source, "" for none; Publications are those of the server's own.
	Slot         string
	Publications []string

	// Working: its worker is alive.
	Working bool
}

// ReadOwnSubscriptions returns the subscriptions of the connection's database, the
// server's own and then pglogical's, whose names begin with prefix, by name. conn must be
// outside a transaction.
func ReadOwnSubscriptions(ctx context.Context, conn *pgx.Conn, prefix string) ([]OwnSubscription, error) {
	rows, err := conn.Query(ctx, selectOwnSubscriptions)
	if err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (OwnSubscription, error) {
		s := OwnSubscription{Engine: EngineSubscription}
		err := row.Scan(&s.Name, &s.Enabled, &s.Slot, &s.Publications, &s.Working)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	p, err := ReadPglogical(ctx, conn)
	if err != nil {
		return nil, err
	}
	if p != nil {
		for _, s := range p.Subscriptions {
			list = append(list, OwnSubscription{Engine: EnginePglogical, Name: s.Name, Enabled: s.Enabled, Slot: s.Slot, Working: s.PID != 0})
		}
	}
	return slices.DeleteFunc(list, func(s OwnSubscription) bool { return !strings.HasPrefix(s.Name, prefix) }), nil
}

const selectOwnSubscriptions = `
	select s.subname::text, s.subenabled, coalesce(s.subslotname::text, ''), s.subpublications,
		exists (select from pg_catalog.pg_stat_subscription w where w.subid = s.oid and w.pid is not null)
	from pg_catalog.pg_subscription s
	where s.subdbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
	order by s.subname`
