package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"bascule/bench/client"
	"bascule/bench/contender"
)

// Engines is all that was measured of the engines on one database and the backlog that
// followed, in order.
type Engines struct {
	Drained

	// SourceBytes is the size of the source database that was copied.
	SourceBytes int64
}

// Save keeps what was measured in a folder, in the place of an older one.
func (e Engines) Save(dir string) error { return save(dir, enginesFile(e.Backlog, e.Scale), e) }

// LoadEngines reads what was saved of these backlogs at a scale; those that are not
// there are left out.
func LoadEngines(dir string, scale int, backlogs []string) (all []Engines, err error) {
	for _, name := range backlogs {
		if all, err = load(all, filepath.Join(dir, enginesFile(name, scale))); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func enginesFile(name string, scale int) string {
	return fmt.Sprintf("engines_%s_%d.json", name, scale)
}

// FailuresOfOurs are the turns of our engines that failed, in words.
func (e Engines) FailuresOfOurs() []string {
	var all []string
	for _, f := range contender.Engines() {
		for _, r := range e.Drains {
			if f.Against != "" && r.Follower == f.Name && r.Failure != "" {
				all = append(all, fmt.Sprintf("%s: round %d of %s failed", e.Backlog, r.Round, f.Name))
			}
		}
	}
	return all
}

// WriteEngines renders the part of the report on engines as Markdown.
func WriteEngines(w io.Writer, s Setting, measured []Engines) error {
	var b strings.Builder
	b.WriteString(enginesPreamble)
	list(&b, "Machine", s.Machine)
	list(&b, "Versions", s.Versions)
	list(&b, "Servers", s.Server)
	b.WriteString("## Engines and the servers' own ways\n\n")
	for _, f := range contender.Engines() {
		fmt.Fprintf(&b, "- %s: `%s`\n", f.Name, f.Command)
	}
	fmt.Fprintf(&b, "\nMeasure again: `%s`\n", s.Command)
	for _, e := range measured {
		b.WriteString("\n")
		EnginesSection(&b, e)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// EnginesSection renders one database and its backlog: a table of the copies, and one of
// the drains.
func EnginesSection(b *strings.Builder, e Engines) {
	fmt.Fprintf(b, "## Engines: %s\n\n%s. Source %s, backlog %s of WAL%s, %d rounds, %s.\n\n", e.Backlog, e.Title,
		humanize.IBytes(uint64(e.SourceBytes)), humanize.IBytes(uint64(e.SourceWAL)), divided(e.Scale), e.Rounds, e.Date)
	b.WriteString(copiesHeading)
	for _, f := range contender.Engines() {
		e.copyRow(b, f)
	}
	fmt.Fprintf(b, "\nThen the backlog, in %s a second:\n\n", e.Unit)
	b.WriteString(engineDrainsHeading)
	for _, f := range contender.Engines() {
		e.drainRow(b, f)
	}
	separator := "\n"
	for _, r := range e.Drains {
		if r.Failure != "" {
			first, _, _ := strings.Cut(r.Failure, "\n")
			fmt.Fprintf(b, "%s- round %d of %s failed: %s\n", separator, r.Round, r.Follower, first)
			separator = ""
		}
	}
}

func (e Engines) copyRow(b *strings.Builder, f contender.Follower) {
	runs := e.runs(f.Name)
	if len(runs) == 0 {
		return
	}
	took := func(r Drain) float64 { return r.Copy.Took.Seconds() }
	var each []string
	for _, r := range runs {
		each = append(each, fmt.Sprintf("%.2f", took(r)))
	}
	fmt.Fprintf(b, "| %s | %.2f | %s | %s | %.2f | %.2f | %.2f | %s |\n", f.Name,
		drainSeconds(runs, func(r Drain) time.Duration { return r.Copy.Took }), strings.Join(each, " "), e.against(f, took),
		drainSeconds(runs, func(r Drain) time.Duration { return r.Copy.Client.CPU }),
		drainSeconds(runs, func(r Drain) time.Duration { return r.Copy.SourceCPU }),
		drainSeconds(runs, func(r Drain) time.Duration { return r.Copy.TargetCPU }),
		peakOf(runs, func(r Drain) client.Usage { return r.Copy.Client }))
}

func (e Engines) drainRow(b *strings.Builder, f contender.Follower) {
	runs := e.runs(f.Name)
	if len(runs) == 0 {
		return
	}
	var each []string
	for _, r := range e.rates(f.Name) {
		each = append(each, thousands(r))
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %.2f | %.2f | %.2f |\n", f.Name, thousands(median(e.rates(f.Name))),
		strings.Join(each, " "), e.against(f, e.rate),
		drainSeconds(runs, func(r Drain) time.Duration { return r.SourceCPU }),
		drainSeconds(runs, func(r Drain) time.Duration { return r.TargetCPU }),
		drainSeconds(runs, func(r Drain) time.Duration { return r.Acknowledged - r.Took }))
}

// against is an engine's figure over that of the server's own way in each round that
// both finished, with the median, as two cells.
func (e Engines) against(f contender.Follower, of func(Drain) float64) string {
	var each []string
	var ratios []float64
	for _, ours := range e.runs(f.Name) {
		for _, own := range e.runs(f.Against) {
			if ours.Round == own.Round {
				ratios = append(ratios, of(ours)/of(own))
				each = append(each, fmt.Sprintf("%.2f", of(ours)/of(own)))
			}
		}
	}
	if len(ratios) == 0 {
		return " | "
	}
	return fmt.Sprintf("%s: %s | **%.2f**", f.Against, strings.Join(each, " "), median(ratios))
}

// EnginesTitle begins the part of the report on engines.
const EnginesTitle = "# Engines\n"

const enginesPreamble = EnginesTitle + `
Written by ` + "`make bench`" + `. Each engine, and each of the servers' own ways, copies a database
into an empty one, stops, and then drains the backlog that was made meanwhile; all of
them in turn within a round, each on servers of its own that are new and have the same
data. A copy's time runs from the first command until all rows, indexes and constraints
are there and changes are followed or kept; a drain's until the backlog's last row is on
the target, seen by polling every 20 ms. Rows, checksums of all tables and the number of
indexes were compared after each drain. All servers and clients share the machine. Copies
are seconds, so that less than 1.00 of the server's own way is faster; drains are rates, so
that more than 1.00 is. CPU is seconds of the client's processes, of the source server and
of the target server; confirmed after is how many seconds later the slot on the source
was; peak is the resident memory of the client's largest process. No bar binds here.

`

const copiesHeading = `| initial copy | median | rounds | it / the server's own | median | client CPU | source CPU | target CPU | peak |
|---|---:|---|---|---:|---:|---:|---:|---:|
`

const engineDrainsHeading = `| drain | median rate | rounds | it / the server's own | median | source CPU | target CPU | confirmed after |
|---|---:|---|---|---:|---:|---:|---:|
`
