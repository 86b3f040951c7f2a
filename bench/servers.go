package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pglogrepl"
	"golang.org/x/sync/errgroup"

	"bascule/bench/client"
	"bascule/bench/contender"
	"bascule/bench/server"
	"bascule/bench/workload"
)

// servers are one source and its targets, with a database for each follower. A
// library that is preloaded may disturb others, so that its followers have a target
// server of their own; and DROP DATABASE hangs beside pglogical, so that servers live
// for one round.
type servers struct {
	dir, binary string
	limit       time.Duration
	source      *server.Cluster
	targets     map[string]*server.Cluster // by the library that is preloaded
	followers   []contender.Follower
	lines       map[string]line // by follower
	pairs       map[string]contender.Pair
	failed      map[string]error // followers that could not be prepared
	sums        workload.Sums    // of the source, once the backlog is made
}

// line is a slow line and the connection string that goes over it.
type line struct {
	*server.Line
	url string
}

// onServers starts servers for these followers, has something done, and removes them.
func (d drains) onServers(ctx context.Context, followers []contender.Follower, do func(*servers) error) (err error) {
	dir, err := os.MkdirTemp(d.dir, "servers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	s := &servers{dir: dir, binary: d.binary, followers: followers, limit: max(time.Minute, 20*time.Minute/time.Duration(d.scale)),
		targets: map[string]*server.Cluster{}, lines: map[string]line{}, pairs: map[string]contender.Pair{}, failed: map[string]error{}}
	defer func() {
		for _, c := range s.clusters() {
			err = errors.Join(err, c.Stop(ctx))
		}
	}()
	if err := s.start(ctx, d.options); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range s.lines {
		g.Go(func() error { return l.Run(ctx) })
	}
	err = do(s)
	cancel()
	return errors.Join(err, g.Wait())
}

func (s *servers) clusters() []*server.Cluster {
	var all []*server.Cluster
	for _, c := range s.targets { // a target first: its subscriptions end before their source does
		all = append(all, c)
	}
	if s.source != nil {
		all = append(all, s.source)
	}
	return all
}

// start starts the source and one target for each library.
func (s *servers) start(ctx context.Context, o options) (err error) {
	var libraries []string
	for _, f := range s.followers {
		if f.Library != "" {
			libraries = append(libraries, f.Library)
		}
	}
	if s.source, err = server.Start(ctx, server.Config{Dir: filepath.Join(s.dir, "source"), Settings: drainSettings("logical", o.fsync, libraries)}); err != nil {
		return err
	}
	for _, f := range s.followers {
		if f.Reads || s.targets[f.Library] != nil {
			continue
		}
		var preload []string
		if f.Library != "" {
			preload = []string{f.Library}
		}
		target, err := server.Start(ctx, server.Config{Dir: filepath.Join(s.dir, "target"+f.Library), Settings: drainSettings(targetLevel(f), o.fsync, preload)})
		if err != nil {
			return err
		}
		s.targets[f.Library] = target
		if o.soak.set() {
			continue
		}
		// What is written for the first time is slower than WAL that is recycled.
		if err := target.Exec(ctx, "postgres", fmt.Sprintf(warmWAL, 2000/o.scale), "checkpoint"); err != nil {
			return err
		}
	}
	return s.layLines()
}

// layLines makes the lines of followers that are far from their target.
func (s *servers) layLines() error {
	for _, f := range s.followers {
		if f.Delay == 0 {
			continue
		}
		l, over, err := server.Lay(s.targets[f.Library].URL(database(f)))
		if err != nil {
			return err
		}
		s.lines[f.Name] = line{l, over}
	}
	return nil
}

// seed makes the backlog's tables on the source, and the rows that are there before.
func (s *servers) seed(ctx context.Context, b workload.Backlog, scale int) error {
	if err := b.Seed(ctx, s.source, sourceDatabase, scale); err != nil {
		return err
	}
	return s.source.Exec(ctx, sourceDatabase, createPublication)
}

// prepare makes the backlog's tables on the source, and everything that followers
// need before it is made. A follower's failure is its result.
func (s *servers) prepare(ctx context.Context, b workload.Backlog, scale int) error {
	if err := s.seed(ctx, b, scale); err != nil {
		return err
	}
	if err := s.copySeeds(ctx); err != nil {
		return err
	}
	for _, f := range s.followers {
		p, err := s.pair(ctx, f)
		if err != nil {
			return err
		}
		s.pairs[f.Name] = p
		if err := f.Prepare(ctx, p); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.failed[f.Name] = err
			continue
		}
		if !f.Reads {
			if err := s.targets[f.Library].Exec(ctx, database(f), "vacuum (freeze, analyze)"); err != nil {
				return err
			}
		}
	}
	return nil
}

// copySeeds makes a database on each target that others are made after.
func (s *servers) copySeeds(ctx context.Context) error {
	for _, target := range s.targets {
		if err := target.Exec(ctx, "postgres", "create database "+seedDatabase); err != nil {
			return err
		}
		if _, err := client.Run(ctx, nil,
			client.Command{Args: []string{"pg_dump", "--no-publications", "-d", s.source.URL(sourceDatabase)}},
			client.Command{Args: []string{"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", target.URL(seedDatabase)}}); err != nil {
			return err
		}
	}
	return nil
}

// pair makes a follower's database and folder, and the line to it.
func (s *servers) pair(ctx context.Context, f contender.Follower) (contender.Pair, error) {
	p := contender.Pair{Source: s.source.URL(sourceDatabase), Publication: publication, Binary: s.binary}
	dir, err := os.MkdirTemp(s.dir, "follower-")
	if err != nil {
		return p, err
	}
	p.Dir = dir
	if f.Reads {
		return p, nil
	}
	create := "create database " + database(f)
	if !f.Copies {
		create += " template " + seedDatabase
	}
	target := s.targets[f.Library]
	if err := target.Exec(ctx, "postgres", create); err != nil {
		return p, err
	}
	p.Target = target.URL(database(f))
	if l, far := s.lines[f.Name]; far {
		p.Target = l.url
	}
	return p, nil
}

// load makes the backlog, and returns how many bytes of WAL it is.
func (s *servers) load(ctx context.Context, b workload.Backlog, scale int) (int64, error) {
	from, err := position(ctx, s.source)
	if err != nil {
		return 0, err
	}
	end, err := b.Load(ctx, s.source.URL(sourceDatabase), scale)
	if err != nil {
		return 0, err
	}
	s.setEnd(end)
	s.sums, err = workload.Sum(ctx, s.source.URL(sourceDatabase))
	return int64(end - from), err
}

// setEnd tells every pair where the backlog ends.
func (s *servers) setEnd(end pglogrepl.LSN) {
	for name, p := range s.pairs {
		p.End = end
		s.pairs[name] = p
	}
}

// position is where a server's WAL ends.
func position(ctx context.Context, c *server.Cluster) (pglogrepl.LSN, error) {
	conn, err := connect(ctx, c.URL("postgres"))
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var lsn pglogrepl.LSN
	err = conn.QueryRow(ctx, endOfWAL).Scan(&lsn)
	return lsn, err
}

// drainSettings are a server's settings.
func drainSettings(walLevel string, fsync bool, libraries []string) []string {
	all := append(settings(walLevel, fsync), "min_wal_size = 4GB", "max_wal_senders = 20", "max_replication_slots = 20",
		"max_worker_processes = 20", "wal_retrieve_retry_interval = 100ms")
	if len(libraries) > 0 {
		all = append(all, "shared_preload_libraries = '"+strings.Join(libraries, ",")+"'")
	}
	return all
}

// targetLevel is the wal_level of a follower's target: pglogical asks for logical.
func targetLevel(f contender.Follower) string {
	if f.Library != "" {
		return "logical"
	}
	return "replica"
}

// database is the name of a follower's database.
func database(f contender.Follower) string { return "d_" + strings.ReplaceAll(f.Name, "-", "_") }

const (
	sourceDatabase = "app"
	seedDatabase   = "seed"
	publication    = "bench"
)

const createPublication = `create publication bench for tables in schema public`

const warmWAL = `
	do $$
	begin
		for i in 1 .. %d loop
			perform pg_catalog.pg_logical_emit_message(false, 'bench', pg_catalog.repeat('x', 1000000));
		end loop;
	end $$`

const endOfWAL = `select pg_catalog.pg_current_wal_insert_lsn()::text`
