// Package pgdump finds the pg_dump programs of this machine.
//
// A pg_dump dumps servers up to its own major version and refuses newer ones, so
// the one that fits depends on the server. Nothing is dumped here.
package pgdump

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Variable is the environment variable that names the program to use; no other is
// then looked for.
const Variable = "BASCULE_PG_DUMP"

// Program is a pg_dump on this machine.
type Program struct {
	Path  string
	Major int // 15
}

// MissingError says that there is no pg_dump on this machine.
type MissingError struct {
	// Named is what Variable says, or "".
	Named string
	Err   error
}

func (e *MissingError) Error() string {
	if e.Named != "" {
		return fmt.Sprintf("%s=%s: %v", Variable, e.Named, e.Err)
	}
	return "there is no pg_dump on this machine"
}

func (e *MissingError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *MissingError) Hint() string {
	return "install the PostgreSQL client programs (Debian: apt-get install postgresql-client), or set " + Variable + " to the path of pg_dump"
}

// Find returns the oldest pg_dump that can dump a server of this major version,
// else the newest that there is. The caller compares Major with the server.
//
// The oldest that can is the closest to what the server's own would write. Looked
// at are Variable, PATH, and where PostgreSQL is installed by Debian's, Red Hat's,
// Homebrew's and PostgreSQL's own packages. An error is a *MissingError, or that
// of ctx.
func Find(ctx context.Context, serverMajor int) (Program, error) {
	if path := os.Getenv(Variable); path != "" {
		p, err := probe(ctx, path)
		if err != nil {
			return Program{}, &MissingError{Named: path, Err: err}
		}
		return p, nil
	}
	var found []Program
	for _, path := range candidates() {
		if p, err := probe(ctx, path); err == nil {
			found = append(found, p)
		}
	}
	if err := ctx.Err(); err != nil {
		return Program{}, err
	}
	p, ok := choose(found, serverMajor)
	if !ok {
		return Program{}, &MissingError{}
	}
	return p, nil
}

// choose picks the oldest that is at least as new as the server, else the newest;
// of two alike the first.
func choose(found []Program, serverMajor int) (Program, bool) {
	if len(found) == 0 {
		return Program{}, false
	}
	sorted := slices.Clone(found)
	slices.SortStableFunc(sorted, func(a, b Program) int { return cmp.Compare(a.Major, b.Major) })
	for _, p := range sorted {
		if p.Major >= serverMajor {
			return p, true
		}
	}
	newest := sorted[len(sorted)-1].Major
	return sorted[slices.IndexFunc(sorted, func(p Program) bool { return p.Major == newest })], true
}

// candidates are the files to look at, PATH first, each once.
//
// Debian's pg_dump on the PATH is a script that picks a version by the clusters of
// this machine; the programs that it picks from are listed after it.
func candidates() []string {
	var paths []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		paths = append(paths, filepath.Join(dir, "pg_dump"))
	}
	for _, pattern := range folders {
		matches, _ := filepath.Glob(filepath.Join(pattern, "pg_dump"))
		paths = append(paths, matches...)
	}
	var out, seen []string
	for _, path := range paths {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || !filepath.IsAbs(path) || filepath.Base(real) == "pg_wrapper" || slices.Contains(seen, real) {
			continue
		}
		out, seen = append(out, path), append(seen, real)
	}
	return out
}

var folders = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/local/pgsql/bin",
	"/usr/lib/postgresql*/bin",
	"/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/opt/homebrew/opt/libpq/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/usr/local/opt/libpq/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/Library/PostgreSQL/*/bin",
	"/opt/local/lib/postgresql*/bin",
}

var version = regexp.MustCompile(`^pg_dump \(PostgreSQL\) (\d+)`)

// probe asks a program for its version.
func probe(ctx context.Context, path string) (Program, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return Program{}, err
	}
	m := version.FindSubmatch(out)
	if m == nil {
		return Program{}, fmt.Errorf("%s --version answered %.40q", path, out)
	}
	major, err := strconv.Atoi(string(m[1]))
	return Program{Path: path, Major: major}, err
}
