package engine

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
func (h *Handover) engine(ctx context.Context) (engine, error) {
	switch h.cfg.Settings.Engine {
	case planner.EngineSubscription:
		return h.subscription(ctx)
	case planner.EnginePglogical:
		return h.Carrier(ctx)
	}
	return nil, fmt.Errorf("engine %q is not one that this build knows", h.cfg.Settings.Engine)
}

// way is how the servers of a mirror reach one of its peers.
func (h *Handover) way(ctx context.Context, peer *config.Peer) (session.Reach, error) {
	return session.FromServer(ctx, peer, session.Application(h.cfg.Address, h.cfg.Settings.Engine))
}

func (h *Handover) subscription(ctx context.Context) (engine, error) {
	cfg := subscription.Config{Source: h.cfg.Control, Target: h.cfg.Conn, SourcePeer: h.cfg.Source.Address, TargetPeer: h.cfg.Target.Address,
		Stream: h.cfg.Settings, Note: h.cfg.Note}
	if h.cfg.Control != nil && h.cfg.Conn != nil {
		var err error
		if cfg.Reach, err = h.way(ctx, h.cfg.Source); err != nil {
			return nil, err
		}
	}
	return subscription.New(cfg), nil
}

// Carrier is pglogical, the engine that carries commands itself, where that is the mirror's.
func (h *Handover) Carrier(ctx context.Context) (*pglogical.Engine, error) {
	cfg := pglogical.Config{Source: h.cfg.Control, Target: h.cfg.Conn, Stream: h.cfg.Settings, Label: h.cfg.Address, KeepExtension: h.cfg.Stays, SourceCleaned: h.cfg.Cleaned, Note: h.cfg.Note}
	if h.cfg.Conn != nil {
		name, err := session.ConnConfig(ctx, h.cfg.Target, session.Options{})
		if err != nil {
			return nil, err
		}
		cfg.TargetDatabase = name.Database
	}
	if h.cfg.Control != nil && h.cfg.Conn != nil {
		provider, err := h.way(ctx, h.cfg.Source)
		if err != nil {
			return nil, err
		}
		subscriber, err := h.way(ctx, h.cfg.Target)
		if err != nil {
			return nil, err
		}
		cfg.Provider, cfg.Subscriber = provider.Info, subscriber.Info
	}
	return pglogical.New(cfg), nil
}

// RemoveProvider takes away what pglogical may have on the source for a mirror that is
// not, or no longer, moved by it.
func (h *Handover) RemoveProvider(ctx context.Context, subscription string) error {
	if subscription == "" {
		return nil
	}
	e := pglogical.New(pglogical.Config{Source: h.cfg.Control, Stream: planner.Stream{Subscription: subscription}, Label: h.cfg.Address, Note: h.cfg.Note})
	_, err := e.Remove(ctx) // what it says of the target is of nothing that is there
	if err != nil {
		return fmt.Errorf("remove what pglogical has on the source: %w", err)
	}
	return nil
}
