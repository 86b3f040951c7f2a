package executor

import (
	"context"
	"fmt"

	"bascule/config"
	"bascule/executor/pglogical"
	"bascule/executor/subscription"
	"bascule/planner"
	"bascule/planner/session"
)

// engine returns that of the mirror's settings.
func (h *handover) engine(ctx context.Context) (engine, error) {
	switch h.Settings.Engine {
	case planner.EngineSubscription:
		return h.subscription(ctx)
	case planner.EnginePglogical:
		return h.pglogical(ctx)
	}
	return nil, fmt.Errorf("engine %q is not one that this build knows", h.Settings.Engine)
}

// way is how the servers of a mirror reach one of its peers.
func (h *handover) way(ctx context.Context, peer *config.Peer) (session.Reach, error) {
	return session.FromServer(ctx, peer, session.Application(h.Address, h.Settings.Engine))
}

func (h *handover) subscription(ctx context.Context) (engine, error) {
	cfg := subscription.Config{Source: h.control, Target: h.conn, SourcePeer: h.Source.Address, TargetPeer: h.Target.Address,
		Stream: h.Settings, Note: h.note}
	if h.control != nil && h.conn != nil {
		var err error
		if cfg.Reach, err = h.way(ctx, h.Source); err != nil {
			return nil, err
		}
	}
	return subscription.New(cfg), nil
}

func (h *handover) pglogical(ctx context.Context) (*pglogical.Engine, error) {
	cfg := pglogical.Config{Source: h.control, Target: h.conn, Stream: h.Settings, Label: h.Address, KeepExtension: h.stays, SourceCleaned: h.cleaned, Note: h.note}
	if h.conn != nil {
		name, err := session.ConnConfig(ctx, h.Target, session.Options{})
		if err != nil {
			return nil, err
		}
		cfg.TargetDatabase = name.Database
	}
	if h.control != nil && h.conn != nil {
		provider, err := h.way(ctx, h.Source)
		if err != nil {
			return nil, err
		}
		subscriber, err := h.way(ctx, h.Target)
		if err != nil {
			return nil, err
		}
		cfg.Provider, cfg.Subscriber = provider.Info, subscriber.Info
	}
	return pglogical.New(cfg), nil
}

// removeProvider takes away what pglogical may have on the source for a mirror that is
// not, or no longer, moved by it.
func (h *handover) removeProvider(ctx context.Context, subscription string) error {
	if subscription == "" {
		return nil
	}
	e := pglogical.New(pglogical.Config{Source: h.control, Stream: planner.Stream{Subscription: subscription}, Label: h.Address, Note: h.note})
	_, err := e.Remove(ctx) // what it says of the target is of nothing that is there
	if err != nil {
		return fmt.Errorf("remove what pglogical has on the source: %w", err)
	}
	return nil
}
