package main

import (
	"os"
	"path/filepath"
	"testing"

	"bascule/bench/report"
)

// Without our own program in it: what is under test here is the measuring.
func TestDrainMeasuresAndKeepsTheOtherPartOfTheReport(t *testing.T) {
	t.Parallel()
	const copying = "# Benchmarks\n\n## narrow\n"
	measured(t, copying, []string{copying, "\n" + report.DrainTitle, "## inserts", "## mixed",
		"| binary |", "| floor |", "1 rounds, 2024-05-06"}, "-drain", "-only", "binary,floor", "-workload", "inserts,mixed")
}

func TestReplacePart(t *testing.T) {
	t.Parallel()
	const copying, draining = "# Benchmarks\n\ncopied\n", report.DrainTitle + "\ndrained\n"
	const engines = report.EnginesTitle + "\nmeasured\n"
	for _, c := range []struct{ name, old, text, want string }{
		{"copying, into nothing", "", copying, copying},
		{"draining, into nothing", "", draining, draining},
		{"draining, behind copying", copying, draining, copying + "\n" + draining},
		{"copying, before draining", draining, copying, copying + "\n" + draining},
		{"copying, in its own place", "# Benchmarks\n\nold\n\n" + draining, copying, copying + "\n" + draining},
		{"draining, in its own place", copying + "\n" + report.DrainTitle + "\nold\n", draining, copying + "\n" + draining},
		{"draining, before engines", copying + "\n" + engines, draining, copying + "\n" + draining + "\n" + engines},
		{"engines, behind both", copying + "\n" + draining, engines, copying + "\n" + draining + "\n" + engines},
		{"engines, in their own place", draining + "\n" + report.EnginesTitle + "\nold\n", engines, draining + "\n" + engines},
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
