package pgtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// Dump returns the path of a pg_dump of this major version. The test is skipped, or
// in CI fails, when there is none.
func Dump(t testing.TB, major int) string {
	t.Helper()
	return program(t, major, "pg_dump")
}

// Corpora returns the folder of the public sample databases that may lie beside the
// project, or skips the test.
func Corpora(t testing.TB) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(filepath.Dir(root), "shared", "corpora")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no sample databases beside the project: %v", err)
	}
	return dir
}

func program(t testing.TB, major int, name string) string {
	t.Helper()
	dir, err := findBinaries(major, false, name)
	if err != nil {
		missing(t, major == mainMajor, err)
	}
	return filepath.Join(dir, name)
}

// missing ends a test that lacks a server: it fails where the server is needed, since
// hardly anything is tested without it, and in CI, where nothing may go untested
// unseen. Otherwise it is skipped.
func missing(t testing.TB, needed bool, err error) {
	t.Helper()
	if needed || os.Getenv("CI") == "true" {
		t.Fatalf("%v; .ci/install fetches it", err)
	}
	t.Skipf("%v; .ci/install fetches it", err)
}

// mainMajor is the version that every machine with the project has.
const mainMajor = 15

// errAbsent is in the error for programs that are not on this machine.
var errAbsent = errors.New("is not on this machine")

// findBinaries returns the folder that holds the named programs of a major version,
// with pglogical if it is asked for.
func findBinaries(major int, pglogical bool, names ...string) (string, error) {
	dirs := candidates(major)
	if pglogical {
		dirs = withPglogical(major, dirs)
	}
	for _, dir := range dirs {
		if holds(dir, names) {
			return dir, nil
		}
	}
	what := fmt.Sprintf("PostgreSQL %d", major)
	if pglogical {
		what += " with pglogical"
	}
	return "", fmt.Errorf("%s (%v) %w", what, names, errAbsent)
}

// candidates lists where the programs of a major version may be: a folder named by
// the environment, Debian's, the project's own, and PATH.
func candidates(major int) []string {
	dirs := []string{
		os.Getenv(fmt.Sprintf("BASCULE_TEST_PG%d", major)),
		fmt.Sprintf("/usr/lib/postgresql/%d/bin", major),
	}
	if root, err := moduleRoot(); err == nil {
		dirs = append(dirs, filepath.Join(root, ".pg", strconv.Itoa(major), "bin"))
	}
	if path, err := exec.LookPath("postgres"); err == nil && majorOf(path) == major {
		dirs = append(dirs, filepath.Dir(path))
	}
	return dirs
}

func holds(dir string, names []string) bool {
	if dir == "" {
		return false
	}
	for _, name := range names {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func majorOf(postgres string) int {
	out, err := exec.Command(postgres, "--version").Output()
	if err != nil {
		return 0
	}
	m := versionDigits.FindSubmatch(out)
	if m == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(m[1]))
	return major
}

var versionDigits = regexp.MustCompile(`PostgreSQL\) (\d+)`)

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working folder")
		}
		dir = parent
	}
}

// reachable returns a folder of server programs that acct may run. A checkout below
// /root is closed to the servers' user, so its programs are copied out.
func (a account) reachable(bin, copyTo string) (string, error) {
	err := a.command(filepath.Join(bin, "postgres"), "--version").Run()
	if !errors.Is(err, fs.ErrPermission) {
		return bin, err
	}
	tree := programTree(bin)
	out, err := exec.Command("cp", "-R", tree, copyTo).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("copy server programs: %w: %s", err, out)
	}
	below, err := filepath.Rel(tree, bin)
	return filepath.Join(copyTo, below), err
}

// programTree is the folder that has all that the programs in bin need: the one below
// .pg that bin is in, otherwise bin's parent.
func programTree(bin string) string {
	for dir := bin; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if filepath.Base(filepath.Dir(dir)) == ".pg" {
			return dir
		}
	}
	return filepath.Dir(bin)
}
