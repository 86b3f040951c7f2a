package client_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"bascule/bench/client"
)

func TestUntil(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, script, err string }{
		{"ends well when told to", "trap 'exit 0' TERM; while :; do :; done", ""},
		{"ends as a program does that is told to", "trap 'exit 143' TERM; while :; do :; done", ""},
		{"ends badly when told to", "trap 'echo why; exit 9' TERM; while :; do :; done", "why"},
		{"ends by itself", "echo done", "ended by itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var started func(int)
			if c.err != "ended by itself" {
				started = func(pid int) { waitForTrap(t, pid); stop() }
			}
			_, err := client.Until(ctx, client.Command{Args: []string{"sh", "-c", c.script}}, started)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
		})
	}
}

// waitForTrap returns when the shell catches SIGTERM.
func waitForTrap(t *testing.T, pid int) {
	t.Helper()
	const sigterm = 1 << 14
	for t.Context().Err() == nil {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return
		}
		_, rest, _ := strings.Cut(string(status), "SigCgt:")
		var caught uint64
		if _, err := fmt.Sscanf(rest, "%x", &caught); err != nil || caught&sigterm != 0 {
			return
		}
	}
}
