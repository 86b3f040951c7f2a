package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"bascule/bench/client"
	"bascule/bench/contender"
)

// WriteDrained renders the part of the report on backlogs as Markdown.
func WriteDrained(w io.Writer, s Setting, drained []Drained, limits []Limit) error {
	var b strings.Builder
	b.WriteString(drainPreamble)
	list(&b, "Machine", s.Machine)
	list(&b, "Versions", s.Versions)
	list(&b, "Servers", s.Server)
	b.WriteString("## Followers\n\n")
	for _, f := range contender.Followers() {
		fmt.Fprintf(&b, "- %s: `%s`\n", f.Name, f.Command)
	}
	fmt.Fprintf(&b, "\nMeasure again: `%s`\n", s.Command)
	for _, d := range drained {
		b.WriteString("\n")
		DrainedSection(&b, d)
	}
	if len(limits) > 0 {
		b.WriteString("\n## Limits\n\n")
		for _, l := range limits {
			fmt.Fprintf(&b, "- %s%s, %s\n", l.Text, divided(l.Scale), l.Date)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// DrainedSection renders one backlog: its table and its bars.
func DrainedSection(b *strings.Builder, d Drained) {
	fmt.Fprintf(b, "## %s\n\n%s. %s of WAL%s, %d rounds, %s. Rates are %s a second.\n\n", d.Backlog, d.Title,
		humanize.IBytes(uint64(d.SourceWAL)), divided(d.Scale), d.Rounds, d.Date, d.Unit)
	b.WriteString(drainHeading)
	for _, f := range contender.Followers() {
		drainRow(b, d, f.Name)
	}
	b.WriteString("\n")
	for _, r := range d.Drains {
		if r.Failure != "" {
			first, _, _ := strings.Cut(r.Failure, "\n")
			fmt.Fprintf(b, "- round %d of %s failed: %s\n", r.Round, r.Follower, first)
		}
	}
	v := JudgeDrained(d)
	for _, l := range v.Lines {
		fmt.Fprintf(b, "- %s\n", l)
	}
	verdict := "not judged"
	if v.Judged {
		verdict = word(v.Passed)
	}
	fmt.Fprintf(b, "\nBars: **%s**.\n", verdict)
}

func drainRow(b *strings.Builder, d Drained, name string) {
	runs := d.runs(name)
	if len(runs) == 0 {
		return
	}
	var rates []string
	for _, r := range d.rates(name) {
		rates = append(rates, thousands(r))
	}
	each, half := "", ""
	if ratios := d.ratios(contender.Ours, name); name != contender.Ours && len(ratios) > 0 {
		var parts []string
		for _, q := range ratios {
			parts = append(parts, fmt.Sprintf("%.2f", q))
		}
		each, half = strings.Join(parts, " "), fmt.Sprintf("**%.2f**", median(ratios))
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %.2f | %.2f | %.2f | %s | %s | %.2f | %s |\n", name,
		thousands(median(d.rates(name))), strings.Join(rates, " "), each, half,
		drainSeconds(runs, func(r Drain) time.Duration { return r.Client.CPU }),
		drainSeconds(runs, func(r Drain) time.Duration { return r.SourceCPU }),
		drainSeconds(runs, func(r Drain) time.Duration { return r.TargetCPU }),
		humanize.IBytes(uint64(middle(runs, func(r Drain) int64 { return r.TargetWAL }))),
		humanize.Comma(middle(runs, func(r Drain) int64 { return r.TargetCommits })),
		drainSeconds(runs, func(r Drain) time.Duration { return r.Acknowledged - r.Took }),
		peakOf(runs, func(r Drain) client.Usage { return r.Client }))
}

func drainSeconds(runs []Drain, of func(Drain) time.Duration) float64 {
	var all []float64
	for _, r := range runs {
		all = append(all, of(r).Seconds())
	}
	return median(all)
}

func middle(runs []Drain, of func(Drain) int64) int64 {
	var all []float64
	for _, r := range runs {
		all = append(all, float64(of(r)))
	}
	return int64(median(all))
}

// peakOf is the most memory that a client took, or "" where there was none.
func peakOf(runs []Drain, of func(Drain) client.Usage) string {
	var peak int64
	for _, r := range runs {
		peak = max(peak, of(r).PeakRSS)
	}
	if peak == 0 {
		return ""
	}
	return humanize.IBytes(uint64(peak))
}

// thousands renders a rate: 93,120.
func thousands(rate float64) string { return humanize.Comma(int64(rate + 0.5)) }

func divided(scale int) string {
	if scale == 1 {
		return ""
	}
	return fmt.Sprintf(", sizes divided by %d", scale)
}

// DrainTitle begins the part of the report on backlogs.
const DrainTitle = "# Draining backlogs\n"

const drainPreamble = DrainTitle + `
Written by ` + "`make bench`" + `. A backlog is made once a round, on one source, while nobody
applies it; then each follower drains it in turn into its own copy of the database,
on servers that are new in each round, with a checkpoint before. The time runs until
the backlog's last row is on the target, seen by polling every 20 ms. Row counts and
checksums of all tables were compared after each drain. All servers and clients share the
machine. CPU is seconds of the client's process, of the source server and of the
target server; the target's WAL and commits are what was written there; confirmed
after is how many seconds later the slot on the source was; peak is our process's
resident memory.

`

const drainHeading = `| follower | median rate | rounds | bascule / it | median | client CPU | source CPU | target CPU | target WAL | target commits | confirmed after | peak |
|---|---:|---|---|---:|---:|---:|---:|---:|---:|---:|---:|
`
