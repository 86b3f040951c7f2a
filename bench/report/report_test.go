package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/bench/client"
	"bascule/bench/report"
)

// runs is "bascule 8 8 9, pipe 10 10 10": seconds a round; x is a failed run.
func runs(t *testing.T, text string) []report.Measurement {
	t.Helper()
	var all []report.Measurement
	for _, part := range strings.Split(text, ", ") {
		words := strings.Fields(part)
		for i, w := range words[1:] {
			m := report.Measurement{Contender: words[0], Round: i + 1}
			var s float64
			if w == "x" {
				m.Failure = "exit status 1"
			} else if _, err := fmt.Sscan(w, &s); err != nil {
				t.Fatal(err)
			}
			m.Client = client.Usage{Wall: time.Duration(s * float64(time.Second))}
			all = append(all, m)
		}
	}
	return all
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		big  bool
		runs string
		want string
	}{
		{"all bars met", true, "bascule 8 8 8, pgcopydb 10 10 10, dumprestore 20 20 20, pipe 9 9 9, raw 7 7 7", "passed"},
		{"one bar missed", true, "bascule 8 8 8, pgcopydb 9 9 9, dumprestore 20 20 20, pipe 9 9 9, raw 7 7 7", "missed"},
		{"near the raw limit is enough", true, "bascule 8 8 8, pgcopydb 8 8 8, dumprestore 8 8 8, pipe 8 8 8, raw 7.3 7.3 7.3", "passed"},
		{"near the raw limit alone", true, "bascule 8, raw 8", "passed"},
		{"a contender that did not run meets no bar", true, "bascule 8, pipe 10, raw 7", "missed"},
		{"the median of ratios counts", false, "bascule 9 9 9, pipe 10 9 11", "passed"},
		{"small tables, missed", false, "bascule 9.1, pipe 10", "missed"},
		{"small tables need only the pipe", false, "bascule 9, pipe 10, pgcopydb 5", "passed"},
		{"a failed run of ours misses", false, "bascule 1 x 1, pipe 10 10 10", "missed"},
		{"a failed run of theirs is left out", false, "bascule 9 9, pipe 10 x", "passed"},
		{"without ours nothing is judged", true, "pipe 10, raw 8", "not judged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := report.Judge(report.Result{Big: c.big, Measurements: runs(t, c.runs)})
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

func TestSection(t *testing.T) {
	t.Parallel()
	r := report.Result{Workload: "narrow", Title: "one narrow table", Scale: 50, Rounds: 2, Date: "2024-05-06",
		Bytes: 3 << 20, Measurements: runs(t, "bascule 8 9, pipe 10 10, pgcopydb x x")}
	const want = `## narrow

one narrow table. Source 3.0 MiB, sizes divided by 50, 2 rounds, 2024-05-06.

| contender | median | rounds | bascule / it | median | client CPU | source CPU | target CPU | peak |
|---|---:|---|---|---:|---:|---:|---:|---:|
| bascule | 8.50 | 8.00 9.00 |  |  | 0.00 | 0.00 | 0.00 | 0 B |
| pipe | 10.00 | 10.00 10.00 | 0.80 0.90 | **0.85** | 0.00 | 0.00 | 0.00 | 0 B |

- round 1 of pgcopydb failed: exit status 1
- round 2 of pgcopydb failed: exit status 1
- met: 0.850 of pipe, bar 0.90

Bar (0.90 of the pipe): **met**.
`
	var b strings.Builder
	report.Section(&b, r)
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestLoadIsWhatWasSaved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, w := range []string{"wide", "narrow"} {
		if err := (report.Result{Workload: w, Scale: 2, Rounds: 1}).Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	all, err := report.Load(dir, 2, []string{"narrow", "wide", "toast"})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Workload != "narrow" || all[1].Workload != "wide" {
		t.Errorf("loaded %+v", all)
	}
}
