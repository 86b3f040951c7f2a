package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"bascule/bench/contender"
	"bascule/bench/report"
	"bascule/bench/server"
	"bascule/bench/workload"
)

// drains is the benchmark of backlogs: what is drained by whom, and where.
type drains struct {
	options
	dir string
	out io.Writer
}

// race drains every backlog, holds what has a limit to it, and writes all down.
func (d drains) race(ctx context.Context) error {
	var missed []string
	for _, b := range d.backlogs {
		r, err := d.drainBacklog(ctx, b)
		if err != nil {
			return fmt.Errorf("backlog %s: %w", b.Name, err)
		}
		if err := r.Save(d.results()); err != nil {
			return err
		}
		var text strings.Builder
		report.DrainedSection(&text, r)
		fmt.Fprintf(d.out, "\n%s\n", text.String())
		if v := report.JudgeDrained(r); v.Judged && !v.Passed {
			missed = append(missed, b.Name+": "+strings.Join(v.Lines, ", "))
		}
	}
	for _, name := range d.limits {
		l, err := d.hold(ctx, name)
		if err != nil {
			return fmt.Errorf("limit %s: %w", name, err)
		}
		if err := l.Save(d.results()); err != nil {
			return err
		}
		fmt.Fprintln(d.out, l.Text)
		if !l.Passed {
			missed = append(missed, l.Text)
		}
	}
	if d.write != "" {
		if err := d.writeReport(ctx); err != nil {
			return err
		}
	}
	return bind(d.options, d.out, missed)
}

// bind makes missed bars an error, unless sizes are divided.
func bind(o options, out io.Writer, missed []string) error {
	if len(missed) == 0 {
		return nil
	}
	all := "bars missed:\n  " + strings.Join(missed, "\n  ")
	if o.quick() {
		fmt.Fprintf(out, "at scale %d the bars do not bind: %s\n", o.scale, all)
		return nil
	}
	return errors.New(all)
}

// drainBacklog makes a backlog in each round, and has it drained by every follower in
// turn. Who goes first changes with the round.
func (d drains) drainBacklog(ctx context.Context, b workload.Backlog) (report.Drained, error) {
	r := report.Drained{Backlog: b.Name, Title: b.Title, Unit: b.Unit, Units: b.Units(d.scale), Bar: b.Bar,
		Scale: d.scale, Rounds: d.rounds, Date: d.date}
	for n := range d.rounds {
		err := d.onServers(ctx, d.followers, func(s *servers) error {
			if err := s.prepare(ctx, b, d.scale); err != nil {
				return err
			}
			wal, err := s.load(ctx, b, d.scale)
			if err != nil {
				return err
			}
			if n == 0 {
				r.SourceWAL = wal
			}
			for i := range d.followers {
				m := s.drain(ctx, d.followers[(i+n)%len(d.followers)])
				if ctx.Err() != nil {
					return ctx.Err()
				}
				m.Round = n + 1
				r.Drains = append(r.Drains, m)
				fmt.Fprintf(d.out, "%s: round %d: %s %s\n", b.Name, m.Round, m.Follower, describeDrain(r, m))
			}
			return nil
		})
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

func (d drains) results() string { return filepath.Join(d.dir, "results") }

// writeReport renders all results of this scale that the folder holds.
func (d drains) writeReport(ctx context.Context) error {
	var backlogs []string
	for _, b := range workload.Backlogs() {
		backlogs = append(backlogs, b.Name)
	}
	drained, held, err := report.LoadDrained(d.results(), d.scale, backlogs, limitNames())
	if err != nil {
		return err
	}
	setting, err := d.drainSetting(ctx, "make bench-drain")
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := report.WriteDrained(&text, setting, drained, held); err != nil {
		return err
	}
	return replacePart(d.write, text.String())
}

// drainSetting says where it is measured, and how again.
func (d drains) drainSetting(ctx context.Context, command string) (report.Setting, error) {
	programs := [][]string{{d.binary, "version"}}
	setting, err := describeSetting(ctx, programs, drainSettings("logical on the source, replica on the target", d.fsync, nil), command)
	if v := server.ExtensionVersion("pglogical"); v != "" {
		setting.Versions = append(setting.Versions, "pglogical "+v)
	}
	return setting, err
}

func describeDrain(r report.Drained, m report.Drain) string {
	if m.Failure != "" {
		return "failed: " + m.Failure
	}
	return fmt.Sprintf("%.2f s, %.0f %s/s, confirmed after %.2f s, CPU client %.2f source %.2f target %.2f, target WAL %.1f MiB, %d commits, peak %s",
		m.Took.Seconds(), float64(r.Units)/m.Took.Seconds(), r.Unit, (m.Acknowledged - m.Took).Seconds(),
		m.Client.CPU.Seconds(), m.SourceCPU.Seconds(), m.TargetCPU.Seconds(), float64(m.TargetWAL)/(1<<20), m.TargetCommits, size(m.Client))
}

// ours are the followers that are our program, as it is.
func ours() []contender.Follower {
	return slices.DeleteFunc(contender.Followers(), func(f contender.Follower) bool { return f.Name != contender.Ours })
}
