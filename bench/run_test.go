package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bascule/bench/server"
)

// Without our own program in it: what is under test here is the measuring.
func TestRunMeasuresAndWritesAReport(t *testing.T) {
	measured(t, "", []string{"## narrow", "## small", "| pipe |", "| raw |", "- fsync = off", "1 rounds, 2024-05-06"},
		"-only", "pipe,raw", "-workload", "narrow,small")
}

// measured runs one quick round with these arguments and returns the report that it
// wrote over an old one, in which everything wanted must be.
func measured(t *testing.T, old string, wants []string, args ...string) string {
	t.Helper()
	if _, err := os.Stat(server.Programs); err != nil {
		t.Skip("PostgreSQL 15 is not installed")
	}
	path := filepath.Join(t.TempDir(), "report.md")
	if err := os.WriteFile(path, []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	code := run(t.Context(), append(args, "-scale", "500", "-rounds", "1", "-fsync=false", "-date", "2024-05-06", "-write", path), &out, &errs)
	if code != 0 || strings.Contains(out.String(), "failed") {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range wants {
		if !strings.Contains(string(written), want) {
			t.Errorf("the report lacks %q:\n%s", want, written)
		}
	}
	return string(written)
}

func TestRunRefusesWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"-only", "nobody"}, {"-workload", "huge"}, {"-scale", "0"}, {"narrow"},
		{"-drain", "-workload", "narrow"}, {"-drain", "-only", "pipe"},
		{"-engines", "-workload", "tpcb"}, {"-engines", "-only", "floor"}, {"-soak", "long"}} {
		var out, errs strings.Builder
		if code := run(t.Context(), args, &out, &errs); code != 64 {
			t.Errorf("%v: exit code %d, want 64: %s", args, code, errs.String())
		}
	}
}
