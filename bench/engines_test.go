package main

import (
	"strings"
	"testing"

	"bascule/bench/report"
	"bascule/bench/server"
)

// Without our own program in it: what is under test here is the measuring.
func TestEnginesAreCopiedAndDrainedByTheServersOwnWays(t *testing.T) {
	t.Parallel()
	if !server.Installed("pglogical") {
		t.Skip("PostgreSQL 15 with pglogical is not installed")
	}
	text := measured(t, "", []string{report.EnginesTitle, "## Engines: orders", "1 rounds, 2024-05-06"},
		"-engines", "-only", "subscription,pglogical", "-workload", "orders")
	for _, row := range []string{"| subscription |", "| pglogical |"} {
		if n := strings.Count(text, "\n"+row); n != 2 {
			t.Errorf("%d rows %q of a copy and a drain:\n%s", n, row, text)
		}
	}
}
