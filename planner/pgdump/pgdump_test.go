package pgdump_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bascule/planner/pgdump"
)

// fake writes a program that answers as pg_dump of this version does.
func fake(t *testing.T, dir, answer string) string {
	t.Helper()
	path := filepath.Join(dir, "pg_dump")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+answer+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindPrefersTheOldestThatCan(t *testing.T) {
	t.Setenv(pgdump.Variable, "")
	dirs := map[int]string{}
	var path []string
	// 90 and up: none is installed that could get in between.
	for _, major := range []int{97, 91, 95} {
		dirs[major] = t.TempDir()
		fake(t, dirs[major], fmt.Sprintf("pg_dump (PostgreSQL) %d.3 (Debian %d.3-1)", major, major))
		path = append(path, dirs[major])
	}
	t.Setenv("PATH", strings.Join(path, string(os.PathListSeparator))+string(os.PathListSeparator)+"/bin"+string(os.PathListSeparator)+"/usr/bin")
	for _, c := range []struct {
		rule           string
		server, expect int
	}{
		{"the oldest that is new enough", 92, 95},
		{"the same version", 91, 91},
		{"the newest when none is new enough", 98, 97},
	} {
		p, err := pgdump.Find(t.Context(), c.server)
		if err != nil {
			t.Fatal(err)
		}
		if p.Major != c.expect || p.Path != filepath.Join(dirs[c.expect], "pg_dump") {
			t.Errorf("%s: for server %d got %+v, want %d", c.rule, c.server, p, c.expect)
		}
	}
}

func TestVariableNamesTheProgram(t *testing.T) {
	path := fake(t, t.TempDir(), "pg_dump (PostgreSQL) 12.1")
	t.Setenv(pgdump.Variable, path)
	p, err := pgdump.Find(t.Context(), 15)
	if err != nil || p != (pgdump.Program{Path: path, Major: 12}) {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, c := range []struct{ rule, path string }{
		{"no such file", filepath.Join(t.TempDir(), "none")},
		{"another program", fake(t, t.TempDir(), "psql (PostgreSQL) 15.2")},
	} {
		t.Setenv(pgdump.Variable, c.path)
		_, err := pgdump.Find(t.Context(), 15)
		var missing *pgdump.MissingError
		if !errors.As(err, &missing) || missing.Hint() == "" {
			t.Errorf("%s: got %v", c.rule, err)
		}
	}
}
