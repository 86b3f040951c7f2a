package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bascule/bench/contender"
	"bascule/bench/report"
	"bascule/bench/server"
	"bascule/bench/workload"
)

// raceEngines copies every backlog's database by every engine and by the server's own
// way, has each drain the backlog, and writes all down. No bar binds; only a failure
// of ours does.
func (d drains) raceEngines(ctx context.Context) error {
	var failed []string
	for _, b := range d.backlogs {
		r, err := d.engineBacklog(ctx, b)
		if err != nil {
			return fmt.Errorf("backlog %s: %w", b.Name, err)
		}
		if err := r.Save(d.results()); err != nil {
			return err
		}
		var text strings.Builder
		report.EnginesSection(&text, r)
		fmt.Fprintf(d.out, "\n%s\n", text.String())
		failed = append(failed, r.FailuresOfOurs()...)
	}
	if d.write != "" {
		if err := d.writeEngines(ctx); err != nil {
			return err
		}
	}
	return bind(d.options, d.out, failed)
}

// engineBacklog lets every engine have its turn in each round. Who goes first changes
// with the round.
func (d drains) engineBacklog(ctx context.Context, b workload.Backlog) (report.Engines, error) {
	r := report.Engines{Drained: report.Drained{Backlog: b.Name, Title: b.Title, Unit: b.Unit, Units: b.Units(d.scale),
		Scale: d.scale, Rounds: d.rounds, Date: d.date}}
	for n := range d.rounds {
		for i := range d.followers {
			m, err := d.engineTurn(ctx, b, d.followers[(i+n)%len(d.followers)], &r)
			if err != nil {
				return r, err
			}
			m.Round = n + 1
			r.Drains = append(r.Drains, m)
			fmt.Fprintf(d.out, "%s: round %d: %s copied in %.2f s, drained in %s\n", b.Name, m.Round, m.Follower,
				m.Copy.Took.Seconds(), describeDrain(r.Drained, m))
		}
	}
	return r, nil
}

// engineTurn copies and drains by one engine, on servers that are its own: what one
// makes on the source would be in another's way. An engine's failure is its result.
func (d drains) engineTurn(ctx context.Context, b workload.Backlog, f contender.Follower, r *report.Engines) (m report.Drain, err error) {
	err = d.onServers(ctx, []contender.Follower{f}, func(s *servers) (err error) {
		if err := s.seed(ctx, b, d.scale); err != nil {
			return err
		}
		if r.SourceBytes, err = databaseSize(ctx, s.source.URL(sourceDatabase)); err != nil {
			return err
		}
		if s.pairs[f.Name], err = s.pair(ctx, f); err != nil {
			return err
		}
		copied, failure := s.copy(ctx, f)
		if failure == nil {
			if r.SourceWAL, err = s.load(ctx, b, d.scale); err != nil {
				return err
			}
		}
		s.failed[f.Name] = failure
		m = s.drain(ctx, f)
		m.Copy = copied
		return ctx.Err()
	})
	return m, err
}

// copy times an initial copy, and then has the changes kept on the source.
func (s *servers) copy(ctx context.Context, f contender.Follower) (c report.Copy, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	target := s.targets[f.Library]
	for _, one := range []*server.Cluster{s.source, target} {
		if err := one.Exec(ctx, "postgres", "checkpoint"); err != nil {
			return c, err
		}
	}
	before, err := read(ctx, s.source, target)
	if err != nil {
		return c, err
	}
	start := time.Now()
	if c.Client, err = f.Copy(ctx, s.pairs[f.Name]); err != nil {
		return c, fmt.Errorf("initial copy: %w", err)
	}
	c.Took = time.Since(start)
	after, err := read(ctx, s.source, target)
	if err != nil {
		return c, err
	}
	c.SourceCPU, c.TargetCPU = after.source-before.source, after.target-before.target
	if err := f.Prepare(ctx, s.pairs[f.Name]); err != nil {
		return c, err
	}
	return c, target.Exec(ctx, database(f), "vacuum (freeze, analyze)")
}

// writeEngines renders all results of this scale that the folder holds.
func (d drains) writeEngines(ctx context.Context) error {
	var backlogs []string
	for _, b := range workload.EngineBacklogs() {
		backlogs = append(backlogs, b.Name)
	}
	measured, err := report.LoadEngines(d.results(), d.scale, backlogs)
	if err != nil {
		return err
	}
	setting, err := d.drainSetting(ctx, "make bench-engines")
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := report.WriteEngines(&text, setting, measured); err != nil {
		return err
	}
	return replacePart(d.write, text.String())
}
