package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"bascule/bench/contender"
)

// Setting is where and how the results were measured.
type Setting struct {
	Machine, Versions, Server []string

	// Command is how to measure again.
	Command string
}

// Write renders the whole report as Markdown.
func Write(w io.Writer, s Setting, results []Result) error {
	var b strings.Builder
	b.WriteString(preamble)
	list(&b, "Machine", s.Machine)
	list(&b, "Versions", s.Versions)
	list(&b, "Both servers", s.Server)
	b.WriteString("## Contenders\n\n")
	for _, c := range contender.All() {
		fmt.Fprintf(&b, "- %s: `%s`\n", c.Name, c.Command)
	}
	fmt.Fprintf(&b, "\nMeasure again: `%s`\n", s.Command)
	for _, r := range results {
		b.WriteString("\n")
		Section(&b, r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func list(b *strings.Builder, title string, lines []string) {
	fmt.Fprintf(b, "## %s\n\n", title)
	for _, l := range lines {
		fmt.Fprintf(b, "- %s\n", l)
	}
	b.WriteString("\n")
}

// Section renders one workload: its table and its bars.
func Section(b *strings.Builder, r Result) {
	fmt.Fprintf(b, "## %s\n\n%s. Source %s", r.Workload, r.Title, humanize.IBytes(uint64(r.Bytes)))
	if r.Scale != 1 {
		fmt.Fprintf(b, ", sizes divided by %d", r.Scale)
	}
	fmt.Fprintf(b, ", %d rounds, %s.\n\n", r.Rounds, r.Date)
	b.WriteString(heading)
	for _, c := range contender.All() {
		row(b, r, c.Name)
	}
	b.WriteString("\n")
	for _, m := range r.Measurements {
		if m.Failure != "" {
			first, _, _ := strings.Cut(m.Failure, "\n")
			fmt.Fprintf(b, "- round %d of %s failed: %s\n", m.Round, m.Contender, first)
		}
	}
	v := Judge(r)
	for _, l := range v.Lines {
		fmt.Fprintf(b, "- %s\n", l)
	}
	fmt.Fprintf(b, "\n%s\n", v.summary(r))
}

// summary is the verdict in one line.
func (v Verdict) summary(r Result) string {
	rule := "0.90 of the pipe"
	if r.Big {
		rule = "0.80 of pgcopydb and of pg_dump/pg_restore and 0.90 of the pipe, or within 10 % of the raw limit"
	}
	word := "missed"
	switch {
	case !v.Judged:
		word = "not judged"
	case v.Passed:
		word = "met"
	}
	return fmt.Sprintf("Bar (%s): **%s**.", rule, word)
}

func row(b *strings.Builder, r Result, name string) {
	runs := r.runs(name)
	if len(runs) == 0 {
		return
	}
	var walls []string
	for _, m := range runs {
		walls = append(walls, fmt.Sprintf("%.2f", m.Client.Wall.Seconds()))
	}
	each, middle := "", ""
	if ratios := r.ratios(contender.Ours, name); name != contender.Ours && len(ratios) > 0 {
		var parts []string
		for _, q := range ratios {
			parts = append(parts, fmt.Sprintf("%.2f", q))
		}
		each, middle = strings.Join(parts, " "), fmt.Sprintf("**%.2f**", median(ratios))
	}
	var peak int64
	for _, m := range runs {
		peak = max(peak, m.Client.PeakRSS)
	}
	fmt.Fprintf(b, "| %s | %.2f | %s | %s | %s | %.2f | %.2f | %.2f | %s |\n", name,
		seconds(runs, func(m Measurement) time.Duration { return m.Client.Wall }),
		strings.Join(walls, " "), each, middle,
		seconds(runs, func(m Measurement) time.Duration { return m.Client.CPU }),
		seconds(runs, func(m Measurement) time.Duration { return m.SourceCPU }),
		seconds(runs, func(m Measurement) time.Duration { return m.TargetCPU }),
		humanize.IBytes(uint64(peak)))
}

// seconds is the median of one figure over the runs.
func seconds(runs []Measurement, of func(Measurement) time.Duration) float64 {
	var all []float64
	for _, m := range runs {
		all = append(all, of(m).Seconds())
	}
	return median(all)
}

const preamble = `# Benchmarks

Written by ` + "`make bench`" + `. Each contender moves each database into an empty one,
all of them in turn within a round, so that a ratio compares runs that were
minutes apart on the same servers. Both servers and the clients share the
machine. Row counts, indexes and constraints were compared after each run.
Times are seconds; CPU is that of the client's processes, of the source server
and of the target server; peak is the resident memory of the largest process of
the client, where figures up to 20 MiB are the benchmark's own.

`

const heading = `| contender | median | rounds | bascule / it | median | client CPU | source CPU | target CPU | peak |
|---|---:|---|---|---:|---:|---:|---:|---:|
`
