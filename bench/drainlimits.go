package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jackc/pgx/v5"

	"bascule/bench/report"
	"bascule/bench/workload"
)

// Limits are figures of our program alone.
const (
	limitTransaction = "transaction"
	limitDelay       = "delay"
)

func limitNames() []string { return []string{limitTransaction, limitDelay} }

// hold measures one of the limits.
func (d drains) hold(ctx context.Context, name string) (report.Limit, error) {
	l := report.Limit{Name: name, Scale: d.scale, Date: d.date}
	measure := d.holdTransaction
	if name == limitDelay {
		measure = d.holdDelay
	}
	err := d.onServers(ctx, ours(), func(s *servers) (err error) {
		l.Text, l.Passed, err = measure(ctx, s)
		return err
	})
	return l, err
}

// holdTransaction drains one big transaction and holds our peak memory to 100 MiB and
// four times a row.
func (d drains) holdTransaction(ctx context.Context, s *servers) (string, bool, error) {
	b := workload.Transaction()
	if err := s.prepare(ctx, b, d.scale); err != nil {
		return "", false, err
	}
	wal, err := s.load(ctx, b, d.scale)
	if err != nil {
		return "", false, err
	}
	m := s.drain(ctx, s.followers[0])
	if m.Failure != "" {
		return "", false, errors.New(m.Failure)
	}
	const bar = report.MemoryBar + 4<<10
	passed := m.Client.PeakRSS <= bar
	return fmt.Sprintf("%s: peak memory %s with %s (%s of WAL), drained in %.1f s, bar 100 MiB and four rows", met(passed),
		humanize.IBytes(uint64(m.Client.PeakRSS)), b.Title, humanize.IBytes(uint64(wal)), m.Took.Seconds()), passed, nil
}

// delayBar is the median time from an insert on the source to its row being seen on
// the target.
const delayBar = 300 * time.Millisecond

// holdDelay writes a row every 50 ms while our program follows, and looks for each on
// the target every 2 ms.
func (d drains) holdDelay(ctx context.Context, s *servers) (text string, passed bool, err error) {
	b := workload.Trickle()
	if err := s.prepare(ctx, b, d.scale); err != nil {
		return "", false, err
	}
	f := s.followers[0]
	if err := s.failed[f.Name]; err != nil {
		return "", false, err
	}
	running, stop := context.WithCancel(ctx)
	var failure error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, failure = f.Run(running, s.pairs[f.Name])
	}()
	delays, err := s.beat(ctx, b.Units(d.scale), ended)
	stop()
	<-ended
	if err = errors.Join(err, failure); err != nil {
		return "", false, err
	}
	slices.Sort(delays)
	median, most := delays[len(delays)/2], delays[len(delays)*99/100]
	passed = median < delayBar
	return fmt.Sprintf("%s: median delay from end to end %d ms, 99 %% within %d ms, of %d transactions at 20 a second, bar %d ms", met(passed),
		median.Milliseconds(), most.Milliseconds(), len(delays), delayBar.Milliseconds()), passed, nil
}

// beat writes rows at a steady pace and returns how long each took to be seen. The
// first one, which waits for the start, is not among them.
func (s *servers) beat(ctx context.Context, rows int, ended <-chan struct{}) ([]time.Duration, error) {
	source, err := connect(ctx, s.source.URL(sourceDatabase))
	if err != nil {
		return nil, err
	}
	defer source.Close(context.WithoutCancel(ctx))
	target, err := connect(ctx, s.targets[""].URL(database(s.followers[0])))
	if err != nil {
		return nil, err
	}
	defer target.Close(context.WithoutCancel(ctx))
	var delays []time.Duration
	for id := range rows + 1 {
		next := time.Now().Add(50 * time.Millisecond)
		if _, err := source.Exec(ctx, insertBeat, id); err != nil {
			return nil, err
		}
		delay, err := seen(ctx, target, id, ended)
		if err != nil {
			return nil, err
		}
		if id > 0 {
			delays = append(delays, delay)
		}
		time.Sleep(time.Until(next))
	}
	return delays, nil
}

// seen waits for a row and says how long ago it was written; both servers and this
// program have one clock.
func seen(ctx context.Context, target *pgx.Conn, id int, ended <-chan struct{}) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		var at time.Time
		err := target.QueryRow(ctx, readBeat, id).Scan(&at)
		if err == nil {
			return time.Since(at), nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return 0, err
		}
		select {
		case <-ended:
			return 0, errors.New("it ended")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func met(passed bool) string {
	if passed {
		return "met"
	}
	return "missed"
}

const insertBeat = `insert into public.beats values ($1, pg_catalog.clock_timestamp())`

const readBeat = `select at from public.beats where id = $1`
