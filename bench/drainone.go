package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"bascule/bench/contender"
	"bascule/bench/report"
	"bascule/bench/server"
	"bascule/bench/workload"
)

// poll is how often it is looked whether a backlog is drained.
const poll = 20 * time.Millisecond

// drain has one follower drain the backlog into its own database. Its failure is part
// of the result.
func (s *servers) drain(ctx context.Context, f contender.Follower) report.Drain {
	d := report.Drain{Follower: f.Name}
	err := s.failed[f.Name]
	if err == nil {
		err = s.measure(ctx, f, &d)
	}
	if err != nil {
		d.Failure = err.Error()
	}
	return d
}

// measure times a drain, reads what it cost, and compares the tables.
func (s *servers) measure(ctx context.Context, f contender.Follower, d *report.Drain) error {
	target := s.targets[f.Library]
	if f.Reads {
		target = s.source // nothing is written there, and nothing is counted
	}
	if err := errors.Join(s.source.Exec(ctx, "postgres", "checkpoint"), target.Exec(ctx, "postgres", "checkpoint")); err != nil {
		return err
	}
	before, err := read(ctx, s.source, target)
	if err != nil {
		return err
	}
	if l, far := s.lines[f.Name]; far {
		l.SetDelay(f.Delay / 2)
		defer l.SetDelay(0)
	}
	// The cost is read while the follower still runs: a subscription's worker is one of
	// the server's processes.
	err = s.follow(ctx, f, d, func() error {
		after, err := read(ctx, s.source, target)
		d.SourceCPU, d.TargetCPU = after.source-before.source, after.target-before.target
		d.TargetWAL, d.TargetCommits = int64(after.wal-before.wal), after.transactions-before.transactions
		return err
	})
	if f.Reads {
		d.TargetCPU, d.TargetWAL, d.TargetCommits = 0, 0, 0
		return err
	}
	if err != nil {
		return err
	}
	copied, err := workload.Sum(ctx, target.URL(database(f)))
	if err == nil && s.sums.Differ(copied) != "" {
		err = errors.New("not equal: " + s.sums.Differ(copied))
	}
	return err
}

// follow starts the follower, waits until the backlog is drained and confirmed, has
// the cost read, and stops it.
func (s *servers) follow(ctx context.Context, f contender.Follower, d *report.Drain, drained func() error) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	running, stop := context.WithCancel(ctx)
	var failure error
	ended := make(chan struct{})
	start := time.Now()
	go func() {
		defer close(ended)
		d.Client, failure = f.Run(running, s.pairs[f.Name])
	}()
	var err error
	if f.Reads {
		<-ended
		d.Took = time.Since(start)
		d.Acknowledged = d.Took
		err = failure
	} else {
		err = s.watch(ctx, f, ended, start, d)
	}
	err = errors.Join(err, drained())
	stop()
	<-ended
	if failure != nil && !errors.Is(err, failure) {
		err = errors.Join(err, failure)
	}
	return errors.Join(err, s.rest(context.WithoutCancel(ctx)))
}

// watch polls until the last row is on the target, then until the source was told.
func (s *servers) watch(ctx context.Context, f contender.Follower, ended <-chan struct{}, start time.Time, d *report.Drain) error {
	target, err := connect(ctx, s.targets[f.Library].URL(database(f)))
	if err != nil {
		return err
	}
	defer target.Close(context.WithoutCancel(ctx))
	if err := pollUntil(ctx, ended, func() (bool, error) { return workload.Arrived(ctx, target) }); err != nil {
		return fmt.Errorf("wait for the last row: %w", err)
	}
	d.Took = time.Since(start)
	source, err := connect(ctx, s.source.URL(sourceDatabase))
	if err != nil {
		return err
	}
	defer source.Close(context.WithoutCancel(ctx))
	if err := pollUntil(ctx, ended, func() (confirmed bool, err error) {
		err = source.QueryRow(ctx, slotConfirmed, s.pairs[f.Name].End.String()).Scan(&confirmed)
		return confirmed, err
	}); err != nil {
		return fmt.Errorf("wait for the slot to be confirmed: %w", err)
	}
	d.Acknowledged = time.Since(start)
	return nil
}

// rest waits until no slot is read any more: the next follower has the machine alone.
func (s *servers) rest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := connect(ctx, s.source.URL(sourceDatabase))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return pollUntil(ctx, nil, func() (none bool, err error) {
		err = conn.QueryRow(ctx, noSlotActive).Scan(&none)
		return none, err
	})
}

// pollUntil asks until the answer is yes, the follower ended by itself, or the
// context did.
func pollUntil(ctx context.Context, ended <-chan struct{}, ask func() (bool, error)) error {
	for {
		yes, err := ask()
		if err != nil || yes {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			return errors.New("it ended")
		case <-time.After(poll):
		}
	}
}

// cost is what servers had spent at one moment.
type cost struct {
	source, target time.Duration
	wal            pglogrepl.LSN
	transactions   int64
}

func read(ctx context.Context, source, target *server.Cluster) (c cost, err error) {
	if c.source, err = source.CPU(); err != nil {
		return c, err
	}
	if c.target, err = target.CPU(); err != nil {
		return c, err
	}
	conn, err := connect(ctx, target.URL("postgres"))
	if err != nil {
		return c, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, readWritten).Scan(&c.wal, &c.transactions)
	return c, err
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) { return pgx.Connect(ctx, url) }

// Transactions that only read are not counted.
const readWritten = `
	select pg_catalog.pg_current_wal_insert_lsn()::text,
		pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint`

const slotConfirmed = `
	select exists (
		select from pg_catalog.pg_replication_slots
		where active and confirmed_flush_lsn > $1::text::pg_lsn)`

const noSlotActive = `
	select not exists (select from pg_catalog.pg_replication_slots where active)`
