package client_test

import (
	"strings"
	"testing"

	"bascule/bench/client"
)

func TestRun(t *testing.T) {
	t.Parallel()
	sh := func(script string) client.Command { return client.Command{Args: []string{"sh", "-c", script}} }
	for _, c := range []struct {
		name     string
		commands []client.Command
		out, err string
	}{
		{"one program", []client.Command{sh("echo a")}, "a\n", ""},
		{"a pipe", []client.Command{sh("echo a; echo b"), sh("tac"), sh("cat")}, "b\na\n", ""},
		{"the first one's failure counts", []client.Command{sh("echo why >&2; exit 3"), sh("cat")}, "", "exit status 3: why"},
		{"the last one's failure ends the first", []client.Command{sh("yes"), sh("exit 4")}, "", "exit status 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			_, err := client.Run(t.Context(), &out, c.commands...)
			if out.String() != c.out {
				t.Errorf("output %q, want %q", out.String(), c.out)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func TestRunCountsTheCPUOfChildren(t *testing.T) {
	t.Parallel()
	used, err := client.Run(t.Context(), nil, client.Command{Args: []string{"sh", "-c", "seq 2000000 | sort -rn >/dev/null; true"}})
	if err != nil {
		t.Fatal(err)
	}
	if used.CPU == 0 || used.Wall == 0 || used.PeakRSS < 1<<20 {
		t.Errorf("%+v: nothing was measured", used)
	}
}
