package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/bench/client"
	"bascule/bench/report"
)

// drains is "bascule 8 8 9, floor 10 10 10": seconds a round; x is a failed drain.
func drains(t *testing.T, text string, peak int64) []report.Drain {
	t.Helper()
	var all []report.Drain
	for _, part := range strings.Split(text, ", ") {
		words := strings.Fields(part)
		for i, w := range words[1:] {
			d := report.Drain{Follower: words[0], Round: i + 1, Client: client.Usage{PeakRSS: peak}}
			var s float64
			if w == "x" {
				d.Failure = "exit status 1"
			} else if _, err := fmt.Sscan(w, &s); err != nil {
				t.Fatal(err)
			}
			d.Took = time.Duration(s * float64(time.Second))
			d.Acknowledged = d.Took + time.Second
			all = append(all, d)
		}
	}
	return all
}

func TestJudgeDrained(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, c := range []struct {
		name string
		runs string
		peak int64
		want string
	}{
		{"as fast as asked", "bascule 10 10 10, subscription 13 13 13", 50 * mib, "passed"},
		{"too slow", "bascule 10 10 10, subscription 12 12 12", 50 * mib, "missed"},
		{"the better of the server's own counts", "bascule 10, subscription 20, binary 12", 50 * mib, "missed"},
		{"near the decode floor is enough", "bascule 10, subscription 12, floor 9", 50 * mib, "passed"},
		{"the median of ratios counts", "bascule 10 10 10, subscription 13 11 14", 50 * mib, "passed"},
		{"too slow over a slow line", "bascule 10, subscription 20, bascule-20ms 21", 50 * mib, "missed"},
		{"fast enough over a slow line", "bascule 10, subscription 20, bascule-20ms 19", 50 * mib, "passed"},
		{"too much memory", "bascule 10, subscription 20", 101 * mib, "missed"},
		{"a failed drain of ours misses", "bascule 1 x, subscription 10 10", 50 * mib, "missed"},
		{"a failed drain of theirs is left out", "bascule 10 10, subscription 13 x", 50 * mib, "passed"},
		{"without ours nothing is judged", "subscription 10, floor 8", 50 * mib, "not judged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := report.JudgeDrained(report.Drained{Units: 1000, Bar: 1.3, Drains: drains(t, c.runs, c.peak)})
			got := "not judged"
			if v.Judged {
				got = map[bool]string{true: "passed", false: "missed"}[v.Passed]
			}
			if got != c.want {
				t.Errorf("%s, want %s: %s", got, c.want, strings.Join(v.Lines, "; "))
			}
		})
	}
}

func TestDrainedSection(t *testing.T) {
	t.Parallel()
	d := report.Drained{Backlog: "inserts", Title: "inserts of one row", Unit: "transactions", Units: 100_000, Bar: 1.5,
		Scale: 5, Rounds: 2, Date: "2024-05-06", SourceWAL: 3 << 20, Drains: drains(t, "bascule 2 4, binary 4 4, floor 1 x", 32<<20)}
	const want = `## inserts

inserts of one row. 3.0 MiB of WAL, sizes divided by 5, 2 rounds, 2024-05-06. Rates are transactions a second.

| follower | median rate | rounds | bascule / it | median | client CPU | source CPU | target CPU | target WAL | target commits | confirmed after | peak |
|---|---:|---|---|---:|---:|---:|---:|---:|---:|---:|---:|
| bascule | 37,500 | 50,000 25,000 |  |  | 0.00 | 0.00 | 0.00 | 0 B | 0 | 1.00 | 32 MiB |
| binary | 25,000 | 25,000 25,000 | 2.00 1.00 | **1.50** | 0.00 | 0.00 | 0.00 | 0 B | 0 | 1.00 | 32 MiB |
| floor | 100,000 | 100,000 | 0.50 | **0.50** | 0.00 | 0.00 | 0.00 | 0 B | 0 | 1.00 | 32 MiB |

- round 2 of floor failed: exit status 1
- met: 1.50 of binary, the better of the server's own, bar 1.50; 0.50 of the decode floor, enough is 0.90
- not measured over a slow line
- met: peak memory 32 MiB, bar 100 MiB

Bars: **met**.
`
	var b strings.Builder
	report.DrainedSection(&b, d)
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestLoadDrainedIsWhatWasSaved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := (report.Drained{Backlog: "bulk", Scale: 2}).Save(dir); err != nil {
		t.Fatal(err)
	}
	if err := (report.Limit{Name: "delay", Scale: 2, Text: "met"}).Save(dir); err != nil {
		t.Fatal(err)
	}
	drained, limits, err := report.LoadDrained(dir, 2, []string{"tpcb", "bulk"}, []string{"delay"})
	if err != nil {
		t.Fatal(err)
	}
	if len(drained) != 1 || drained[0].Backlog != "bulk" || len(limits) != 1 || limits[0].Text != "met" {
		t.Errorf("loaded %+v and %+v", drained, limits)
	}
}
