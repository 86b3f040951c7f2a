package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bascule/bench/server"
)

// How long TestSoak follows a load: a minute in CI.
var soakFor = flag.String("soak", map[bool]string{true: "1m", false: "10s"}[os.Getenv("CI") == "true"], "how long TestSoak follows a load")

func TestSoak(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(server.Programs); err != nil {
		t.Skip("PostgreSQL 15 is not installed")
	}
	binary := filepath.Join(t.TempDir(), "bascule")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/bascule").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"-soak", *soakFor, "-fsync=false", "-binary", binary}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	if !strings.Contains(out.String(), "all tables are equal") {
		t.Error(out.String())
	}
}
