// Package live looks at the peers of a configuration: the part of planning that
// needs the network. It reads, and writes nothing, with one exception that Options.Ways
// asks for: a target's server is asked to connect to the source, by a subscription that
// is rolled back (see session.Reach.Try).
package live

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"bascule/config"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/pgdump"
	"bascule/planner/session"
)

// Options narrow what is looked at.
type Options struct {
	// Peers, when not nil, names the only peers to look at, by address.
	Peers map[string]bool

	// Ways, when not nil, reports of which declared mirrors, by address, the ways between
	// the servers are tried, where the servers are to move the rows.
	Ways func(mirror string) bool

	// Log is told, at debug level, what is looked at. Default: nobody.
	Log *slog.Logger
}

// atOnce is how many peers are looked at together.
const atOnce = 4

// Observe looks at every peer of the configuration and returns what it saw, by
// address. A peer that cannot be read is in the result with its error; the error of
// Observe is the context's alone.
func Observe(ctx context.Context, cfg *config.Config, opts Options) (map[string]*planner.Live, error) {
	sources, targets, followed, pglogical := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, m := range cfg.Mirrors {
		followed[m.Source.Address] = followed[m.Source.Address] || m.Continuous
		sources[m.Source.Address], targets[m.Target.Address] = true, true
		if m.Engine == planner.EnginePglogical {
			pglogical[m.Source.Address], pglogical[m.Target.Address] = true, true
		}
	}
	var list []*config.Peer
	for _, p := range cfg.Peers {
		if opts.Peers == nil || opts.Peers[p.Address] {
			list = append(list, p)
		}
	}
	seen := make([]*planner.Live, len(list))
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, p := range list {
		g.Go(func() error {
			opts.Log.DebugContext(ctx, "peer read begins", "peer", p.Address)
			seen[i] = observe(ctx, p, look{rows: targets[p.Address], slots: followed[p.Address], pglogical: pglogical[p.Address]})
			if db := seen[i].Database; db != nil && sources[p.Address] {
				seen[i].Dump = dump(ctx, db.Version.Major())
			}
			return nil
		})
	}
	g.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	result := map[string]*planner.Live{}
	for i, p := range list {
		result[p.Address] = seen[i]
	}
	if opts.Ways != nil {
		tryWays(ctx, cfg, opts.Ways, result)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return result, nil
}

// look says what is looked at besides the catalogues.
type look struct {
	rows  bool // which tables have any
	slots bool // and publications

	pglogical bool
}

// observe looks at one peer.
func observe(ctx context.Context, p *config.Peer, at look) *planner.Live {
	l := &planner.Live{}
	var host string
	if cc, err := session.ConnConfig(ctx, p, session.Options{}); err == nil {
		l.Name, host = cc.Database, cc.Host
	}
	if l.Endpoint, l.Err = session.Endpoint(p); l.Err != nil {
		return l
	}
	conn, err := session.Open(ctx, p, session.Options{Application: "bascule/plan", ReadOnly: true})
	if err != nil {
		var refused *session.ConnectError
		if errors.As(err, &refused) && refused.Missing() {
			l.Missing = true
			l.Server = server(ctx, p)
			if l.Server != nil && local(host) {
				l.Free = free(l.Server.Params["data_directory"])
			}
			return l
		}
		l.Err = err
		return l
	}
	defer conn.Close(context.WithoutCancel(ctx))
	l.Err = read(ctx, conn, l, at)
	if l.Err == nil && local(host) {
		l.Free = free(l.Database.Params["data_directory"])
	}
	return l
}

// server reads what all databases of a peer's server share, over the one that every
// server has; nil where that may not be read.
func server(ctx context.Context, p *config.Peer) *catalog.Database {
	conn, err := session.Open(ctx, p, session.Options{Application: "bascule/plan", Database: "postgres", ReadOnly: true})
	if err != nil {
		return nil
	}
	defer conn.Close(context.WithoutCancel(ctx))
	db, err := catalog.Read(ctx, conn, catalog.ReadOptions{})
	if err != nil {
		return nil
	}
	return db
}

// read reads the ledger first: all that the stream had applied by its position is in the
// catalogues that are read behind it, however a runner goes on.
func read(ctx context.Context, conn *pgx.Conn, l *planner.Live, at look) (err error) {
	if l.Ledger, err = catalog.ReadLedger(ctx, conn); err != nil {
		return err
	}
	if l.Database, err = catalog.Read(ctx, conn, catalog.ReadOptions{Rows: at.rows}); err != nil {
		return err
	}
	if at.slots {
		if l.Slots, l.Publications, err = catalog.ReadSlots(ctx, conn); err != nil {
			return err
		}
	}
	if at.pglogical {
		if l.Pglogical, err = catalog.ReadPglogical(ctx, conn); err != nil {
			return err
		}
	}
	l.Engines, err = Engines(ctx, conn, l.Ledger)
	return err
}

func dump(ctx context.Context, major int) planner.DumpProgram {
	p, err := pgdump.Find(ctx, major)
	if err != nil {
		return planner.DumpProgram{}
	}
	return planner.DumpProgram{Path: p.Path, Version: p.Major}
}

// local reports whether the host is this machine.
func local(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// free returns the room on the disk of a folder, 0 when it cannot be known.
func free(folder string) int64 {
	var st unix.Statfs_t
	if folder == "" || unix.Statfs(folder, &st) != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
