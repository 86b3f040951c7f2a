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
	dir, err := findBinaries(major, name)
	if err != nil {
		missing(t, major, err)
	}
	return filepath.Join(dir, name)
}

// missing ends a test that lacks a server. Without PostgreSQL 15 hardly anything is
// tested, and in CI nothing may go untested unseen: those fail.
func missing(t testing.TB, major int, err error) {
	t.Helper()
	if major == mainMajor || os.Getenv("CI") == "true" {
		t.Fatalf("%v; .ci/install fetches it", err)
	}
	t.Skipf("%v; .ci/install fetches it", err)
}

// mainMajor is the version that every machine with the project has.
const mainMajor = 15

// findBinaries returns the folder that holds the named programs of a major version.
func findBinaries(major int, names ...string) (string, error) {
	for _, dir := range candidates(major) {
		if holds(dir, names) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("PostgreSQL %d (%v) is not on this machine", major, names)
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
	out, err := exec.Command("cp", "-R", filepath.Dir(bin), copyTo).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("copy server programs: %w: %s", err, out)
	}
	return filepath.Join(copyTo, filepath.Base(bin)), nil
}
