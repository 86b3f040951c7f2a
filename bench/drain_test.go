package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bascule/bench/report"
	"bascule/bench/server"
)

// Without our own program in it: what is under test here is the measuring.
func TestDrainMeasuresAndKeepsTheOtherPartOfTheReport(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(server.Programs); err != nil {
		t.Skip("PostgreSQL 15 is not installed")
	}
	path := filepath.Join(t.TempDir(), "report.md")
	if err := os.WriteFile(path, []byte("# Benchmarks\n\n## narrow\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	code := run(t.Context(), []string{"-drain", "-only", "binary,floor", "-workload", "inserts,mixed", "-scale", "500",
		"-rounds", "1", "-fsync=false", "-date", "2024-05-06", "-write", path}, &out, &errs)
	if code != 0 || strings.Contains(out.String(), "failed") {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Benchmarks\n\n## narrow\n", "\n" + report.DrainTitle, "## inserts", "## mixed",
		"| binary |", "| floor |", "1 rounds, 2024-05-06"} {
		if !strings.Contains(string(written), want) {
			t.Errorf("the report lacks %q:\n%s", want, written)
		}
	}
}

func TestReplacePart(t *testing.T) {
	t.Parallel()
	const copying, draining = "# Benchmarks\n\ncopied\n", report.DrainTitle + "\ndrained\n"
	for _, c := range []struct{ name, old, text, want string }{
		{"copying, into nothing", "", copying, copying},
		{"draining, into nothing", "", draining, draining},
		{"draining, behind copying", copying, draining, copying + "\n" + draining},
		{"copying, before draining", draining, copying, copying + "\n" + draining},
		{"copying, in its own place", "# Benchmarks\n\nold\n\n" + draining, copying, copying + "\n" + draining},
		{"draining, in its own place", copying + "\n" + report.DrainTitle + "\nold\n", draining, copying + "\n" + draining},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "report.md")
			if err := os.WriteFile(path, []byte(c.old), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := replacePart(path, c.text); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestSoakLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"5000000", "5000000"},
		{"1m", "1m0s"},
		{"0", "error"},
		{"-1m", "error"},
		{"long", "error"},
	} {
		var l soakLength
		got := "error"
		if err := l.Set(c.text); err == nil {
			got = l.String()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}
