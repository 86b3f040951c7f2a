package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sync/errgroup"

	"bascule/bench/client"
	"bascule/bench/report"
	"bascule/bench/workload"
)

// soakLength is a number of transactions, or how long.
type soakLength struct {
	transactions int
	limit        time.Duration
}

func (l soakLength) set() bool { return l.transactions > 0 || l.limit > 0 }

// String and Set make it a flag's value.
func (l *soakLength) String() string {
	if l.limit > 0 {
		return l.limit.String()
	}
	return strconv.Itoa(l.transactions)
}

// Set takes 5000000, or 1m.
func (l *soakLength) Set(text string) (err error) {
	*l = soakLength{}
	if l.transactions, err = strconv.Atoi(text); err != nil {
		l.limit, err = time.ParseDuration(text)
	}
	if err == nil && !l.set() {
		err = errors.New("more than nothing")
	}
	return err
}

// follow does what following was asked for.
func follow(ctx context.Context, d drains) error {
	switch {
	case d.engines:
		return d.raceEngines(ctx)
	case !d.soak.set():
		return d.race(ctx)
	}
	return d.onServers(ctx, ours(), func(s *servers) error { return s.soak(ctx, d.out, d.soak) })
}

// heldBar is how much more WAL the source may hold in the later half of a soak than
// in the earlier: the source frees it only at its own checkpoints' pace.
const heldBar = 256 << 20

// soak has our program follow a load from beginning to end, and fails if its memory
// or the WAL that it holds back grows, or the tables differ.
func (s *servers) soak(ctx context.Context, out io.Writer, length soakLength) error {
	if length.limit > 0 {
		s.limit = max(s.limit, 4*length.limit)
	} else {
		s.limit = 24 * time.Hour
	}
	b := workload.Soak(length.transactions, length.limit)
	if err := s.prepare(ctx, b, 1); err != nil {
		return err
	}
	f := s.followers[0]
	if err := s.failed[f.Name]; err != nil {
		return err
	}
	fmt.Fprintf(out, "soak: %s, %s\n", length.String(), b.Title)
	usage, samples, err := s.followLoad(ctx, out, b)
	if err != nil {
		return err
	}
	whole, err := workload.Sum(ctx, s.source.URL(sourceDatabase))
	if err != nil {
		return err
	}
	copied, err := workload.Sum(ctx, s.targets[f.Library].URL(database(f)))
	if err != nil {
		return err
	}
	if differ := whole.Differ(copied); differ != "" {
		return errors.New("soak: not equal: " + differ)
	}
	return judgeSoak(out, usage, samples)
}

// followLoad makes the load while our program follows, and returns when all of it is
// on the target and confirmed.
func (s *servers) followLoad(ctx context.Context, out io.Writer, b workload.Backlog) (used client.Usage, samples []sample, err error) {
	f := s.followers[0]
	p := s.pairs[f.Name]
	pid := make(chan int, 1)
	p.Started = func(started int) { pid <- started }
	g, ctx := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	g.Go(func() (err error) {
		defer close(ended)
		used, err = f.Run(running, p)
		return err
	})
	g.Go(func() (err error) {
		samples, err = s.sample(running, out, pid)
		return err
	})
	g.Go(func() error {
		defer stop()
		end, err := b.Load(ctx, s.source.URL(sourceDatabase), 1)
		if err != nil {
			return err
		}
		s.setEnd(end)
		var d report.Drain
		err = s.watch(ctx, f, ended, time.Now(), &d)
		fmt.Fprintf(out, "soak: the last row was there %.2f s after the load's end\n", d.Took.Seconds())
		return err
	})
	return used, samples, g.Wait()
}

// sample is one look at what may not grow, in bytes.
type sample struct{ memory, held, lag int64 }

// sample looks every second until the context ends, and prints now and then.
func (s *servers) sample(ctx context.Context, out io.Writer, started <-chan int) (all []sample, err error) {
	var pid int
	select {
	case pid = <-started:
	case <-ctx.Done():
		return nil, nil
	}
	conn, err := connect(ctx, s.source.URL(sourceDatabase))
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	start := time.Now()
	for {
		select {
		case <-ctx.Done():
			return all, nil
		case <-time.After(time.Second):
		}
		var one sample
		if one.memory, err = client.RSS(pid); err != nil {
			return all, fmt.Errorf("our program is gone: %w", err)
		}
		err := conn.QueryRow(ctx, readHeld).Scan(&one.held, &one.lag)
		if ctx.Err() != nil {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		if all = append(all, one); len(all)%15 == 0 {
			fmt.Fprintf(out, "soak: %4.0f s: memory %s, WAL held %s, not confirmed %s\n", time.Since(start).Seconds(),
				humanize.IBytes(uint64(one.memory)), humanize.IBytes(uint64(one.held)), humanize.IBytes(uint64(one.lag)))
		}
	}
}

// judgeSoak holds the peak memory to its bar, and the WAL that is held in the later
// half of the time to that of the earlier.
func judgeSoak(out io.Writer, used client.Usage, samples []sample) error {
	if len(samples) < 2 {
		return errors.New("soak: too short to be judged")
	}
	held := func(s []sample) int64 {
		return slices.MaxFunc(s, func(a, b sample) int { return cmp.Compare(a.held, b.held) }).held
	}
	earlier, later := held(samples[:len(samples)/2]), held(samples[len(samples)/2:])
	fmt.Fprintf(out, "soak: peak memory %s, bar %s; most WAL held %s in the earlier half and %s in the later; all tables are equal\n",
		size(used), humanize.IBytes(report.MemoryBar), humanize.IBytes(uint64(earlier)), humanize.IBytes(uint64(later)))
	var err error
	if used.PeakRSS > report.MemoryBar {
		err = fmt.Errorf("soak: peak memory %s is above %s", size(used), humanize.IBytes(report.MemoryBar))
	}
	if later > 2*earlier+heldBar {
		err = errors.Join(err, errors.New("soak: the WAL that is held grows"))
	}
	return err
}

const readHeld = `
	select coalesce(max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)), 0)::bigint,
		coalesce(max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), confirmed_flush_lsn)), 0)::bigint
	from pg_catalog.pg_replication_slots
	where active`
