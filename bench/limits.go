package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"bascule/bench/client"
	"bascule/bench/contender"
	"bascule/bench/workload"
)

// testMemory moves a table with a 200 MB value and fails if our program's peak
// was above 100 MiB and four times the value.
func (s stage) testMemory(ctx context.Context) error {
	w := workload.Large()
	if err := w.Make(ctx, s.source, 1); err != nil {
		return err
	}
	whole, err := workload.Count(ctx, s.source.URL(w.Database(1)))
	if err != nil {
		return err
	}
	return s.move(ctx, w.Database(1), func(m contender.Move) error {
		if err := contender.Configure(m); err != nil {
			return err
		}
		used, err := client.Run(ctx, nil, client.Command{Args: []string{m.Binary, "apply", "-auto-approve"}, Dir: m.Dir})
		if err != nil {
			return err
		}
		copied, err := workload.Count(ctx, m.Target)
		if err != nil {
			return err
		}
		if d := whole.Differ(copied); d != "" {
			return errors.New(d)
		}
		const bar = 100<<20 + 4*workload.LargestRow
		fmt.Fprintf(s.out, "memory: peak %s, bar %s, %.2f s\n", size(used), humanize.IBytes(bar), used.Wall.Seconds())
		if used.PeakRSS > bar {
			return fmt.Errorf("memory: peak %s is above %s", size(used), humanize.IBytes(bar))
		}
		return nil
	})
}

// testPlan plans a database of many tables, twice, and fails if the faster of the
// two is over the bar.
func (s stage) testPlan(ctx context.Context) error {
	w := workload.Many(s.tables)
	if err := w.Make(ctx, s.source, 1); err != nil {
		return err
	}
	return s.move(ctx, w.Database(1), func(m contender.Move) error {
		if err := contender.Configure(m); err != nil {
			return err
		}
		best := time.Duration(1<<63 - 1)
		for range 2 {
			used, err := client.Run(ctx, nil, client.Command{Args: []string{m.Binary, "plan"}, Dir: m.Dir})
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "plan: %d tables, %.2f s, CPU %.2f s, peak %s\n", s.tables, used.Wall.Seconds(), used.CPU.Seconds(), size(used))
			best = min(best, used.Wall)
		}
		const bar = 10 * time.Second
		if best > bar {
			return fmt.Errorf("plan: %.2f s for %d tables, bar %.0f s", best.Seconds(), s.tables, bar.Seconds())
		}
		return nil
	})
}
