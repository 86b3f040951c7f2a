package report_test

import (
	"strings"
	"testing"
	"time"

	"bascule/bench/client"
	"bascule/bench/report"
)

// engines is the drains of a text, each after a copy that took twice as long.
func engines(t *testing.T, text string) report.Engines {
	t.Helper()
	e := report.Engines{SourceBytes: 5 << 20, Drained: report.Drained{Backlog: "orders", Title: "rows, then more", Unit: "rows", Units: 1000,
		Scale: 1, Rounds: 2, Date: "2024-05-06", SourceWAL: 3 << 20, Drains: drains(t, text, 0)}}
	for i, r := range e.Drains {
		e.Drains[i].Copy = report.Copy{Took: 2 * r.Took, SourceCPU: time.Second, TargetCPU: 2 * time.Second}
		if strings.HasPrefix(r.Follower, "bascule") {
			e.Drains[i].Copy.Client = client.Usage{CPU: time.Second, PeakRSS: 32 << 20}
		}
	}
	return e
}

func TestEnginesSection(t *testing.T) {
	t.Parallel()
	const want = `## Engines: orders

rows, then more. Source 5.0 MiB, backlog 3.0 MiB of WAL, 2 rounds, 2024-05-06.

| initial copy | median | rounds | it / the server's own | median | client CPU | source CPU | target CPU | peak |
|---|---:|---|---|---:|---:|---:|---:|---:|
| bascule-subscription | 3.00 | 2.00 4.00 | subscription: 0.50 0.50 | **0.50** | 1.00 | 1.00 | 2.00 | 32 MiB |
| subscription | 6.00 | 4.00 8.00 |  |  | 0.00 | 1.00 | 2.00 |  |
| bascule-pglogical | 4.00 | 4.00 | pglogical: 2.00 | **2.00** | 1.00 | 1.00 | 2.00 | 32 MiB |
| pglogical | 3.00 | 2.00 4.00 |  |  | 0.00 | 1.00 | 2.00 |  |

Then the backlog, in rows a second:

| drain | median rate | rounds | it / the server's own | median | source CPU | target CPU | confirmed after |
|---|---:|---|---|---:|---:|---:|---:|
| bascule-subscription | 750 | 1,000 500 | subscription: 2.00 2.00 | **2.00** | 0.00 | 0.00 | 1.00 |
| subscription | 375 | 500 250 |  |  | 0.00 | 0.00 | 1.00 |
| bascule-pglogical | 500 | 500 | pglogical: 0.50 | **0.50** | 0.00 | 0.00 | 1.00 |
| pglogical | 750 | 1,000 500 |  |  | 0.00 | 0.00 | 1.00 |

- round 2 of bascule-pglogical failed: exit status 1
`
	e := engines(t, "bascule-subscription 1 2, subscription 2 4, bascule-pglogical 2 x, pglogical 1 2")
	var b strings.Builder
	report.EnginesSection(&b, e)
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestOnlyOursMayNotFail(t *testing.T) {
	t.Parallel()
	e := engines(t, "bascule 1 x, subscription 2 x, pglogical x 1")
	if got := strings.Join(e.FailuresOfOurs(), "; "); got != "orders: round 2 of bascule failed" {
		t.Errorf("failures: %q", got)
	}
}

func TestLoadEnginesIsWhatWasSaved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	saved := engines(t, "subscription 2 4")
	if err := saved.Save(dir); err != nil {
		t.Fatal(err)
	}
	loaded, err := report.LoadEngines(dir, 1, []string{"accounts", "orders"})
	if err != nil {
		t.Fatal(err)
	}
	var before, after strings.Builder
	report.EnginesSection(&before, saved)
	if len(loaded) != 1 {
		t.Fatalf("loaded %+v", loaded)
	}
	report.EnginesSection(&after, loaded[0])
	if before.String() != after.String() {
		t.Errorf("saved\n%s\nloaded\n%s", before.String(), after.String())
	}
}
