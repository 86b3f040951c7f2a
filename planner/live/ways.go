package live

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"bascule/config"
	"bascule/planner"
	"bascule/planner/session"
)

// tryWays has each target's server connect to what a chosen mirror has it connect to: to
// the source, and with pglogical to itself. Peers that could not be read are left out.
func tryWays(ctx context.Context, cfg *config.Config, chosen func(string) bool, seen map[string]*planner.Live) {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, from := range cfg.Peers {
		if to := wanted(cfg, from, chosen, seen); len(to) > 0 {
			g.Go(func() error {
				seen[from.Address].Ways = ways(ctx, from, to, seen[from.Address].Missing)
				return nil
			})
		}
	}
	g.Wait()
}

// wanted are the peers that the server of one is to connect to.
func wanted(cfg *config.Config, from *config.Peer, chosen func(string) bool, seen map[string]*planner.Live) []*config.Peer {
	there := seen[from.Address]
	if there == nil || there.Err != nil || there.Missing && there.Server == nil || there.Database != nil && there.Database.InRecovery {
		return nil
	}
	var list []*config.Peer
	for _, m := range cfg.Mirrors {
		if m.Target != from || m.Paused || !m.Continuous || !chosen(m.Address) {
			continue
		}
		if m.Engine != planner.EngineSubscription && m.Engine != planner.EnginePglogical {
			continue
		}
		if s := seen[m.Source.Address]; s != nil && s.Database != nil {
			list = append(list, m.Source)
		}
		if m.Engine == planner.EnginePglogical && there.Database != nil {
			list = append(list, from)
		}
	}
	slices.SortFunc(list, func(a, b *config.Peer) int { return strings.Compare(a.Address, b.Address) })
	return slices.Compact(list)
}

// ways tries them one by one, from the database that every server has where the peer's is
// yet to be made.
func ways(ctx context.Context, from *config.Peer, to []*config.Peer, missing bool) map[string]planner.Way {
	opts := session.Options{Application: "bascule/plan"}
	if missing {
		opts.Database = "postgres"
	}
	found := map[string]planner.Way{}
	for _, p := range to {
		conn, err := session.Open(ctx, from, opts) // each its own: a silent one may cost it
		if err != nil {
			found[p.Address] = planner.Way{Said: oneLine(err), Untried: true}
			continue
		}
		found[p.Address] = way(ctx, conn, p)
		session.Close(ctx, conn)
	}
	return found
}

// way tries one.
func way(ctx context.Context, conn *pgx.Conn, to *config.Peer) planner.Way {
	reach, err := session.FromServer(ctx, to, "bascule/plan")
	if err == nil {
		err = reach.Try(ctx, conn)
	}
	w := planner.Way{Endpoint: reach.Endpoint}
	if err == nil {
		return w
	}
	w.Said = oneLine(err)
	switch code := session.Code(err); code {
	case "42501", "25006": // a role without the right, a session that may not write
		w.Untried = true
	case "2F003":
		w.Remedy = "a role that is no superuser has to be asked for a password there, and to be given one"
	default:
		var advised interface{ Hint() string }
		if errors.As(err, &advised) {
			w.Remedy = advised.Hint()
		}
	}
	return w
}

// oneLine is what was said: libpq writes several lines.
func oneLine(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return strings.Join(strings.Fields(server.Message), " ")
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
