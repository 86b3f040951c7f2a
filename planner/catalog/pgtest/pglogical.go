package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Pglogical starts a cluster with pglogical preloaded, 15 or 17, for this test alone.
// It is gone when the test ends: DROP DATABASE waits for ever on PostgreSQL 15 with
// pglogical, so none is shared. The extension is created by the test, in the databases
// that need it. Where the server or its pglogical is missing the test is skipped, and
// fails when CI=true.
func Pglogical(t testing.TB, major int, opts ...Option) *Cluster {
	t.Helper()
	o := newOptions([]Option{WithSettings(pglogicalSettings)})
	for _, opt := range opts {
		opt(o)
	}
	o.pglogical = true
	c, err := everyone.start(major, o)
	if errors.Is(err, errAbsent) {
		missing(t, false, err)
	}
	if err != nil {
		t.Fatalf("start PostgreSQL %d with pglogical: %v", major, err)
	}
	c.own = true
	t.Cleanup(c.discard)
	return c
}

// pglogicalSettings are over what every cluster has. Commit times are what pglogical
// resolves conflicts by.
var pglogicalSettings = map[string]string{
	"shared_preload_libraries": "pglogical",
	"track_commit_timestamp":   "on",
}

// allowPglogical adds pglogical's plugin to those that the server lets slots use. Only
// newer minor versions know that setting, and the others do not start with it.
func (c *Cluster) allowPglogical(o *options) (*options, error) {
	program := filepath.Join(c.bin, "postgres")
	known, err := c.acct.command(program, "--describe-config").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --describe-config: %w", program, err)
	}
	const setting = "output_plugin_libraries"
	if _, set := o.settings[setting]; set || !bytes.Contains(known, []byte(setting+"\t")) {
		return o, nil
	}
	with := *o
	with.settings = maps.Clone(o.settings)
	with.settings[setting] = "pgoutput, test_decoding, pglogical_output"
	return &with, nil
}

// withPglogical keeps the folders of programs that have pglogical beside them, and adds
// the project's own build.
func withPglogical(major int, dirs []string) []string {
	if root, err := moduleRoot(); err == nil {
		number := strconv.Itoa(major)
		dirs = append(dirs, filepath.Join(root, ".pg", number+"-pglogical", "usr", "lib", "postgresql", number, "bin"))
	}
	var with []string
	for _, dir := range dirs {
		for _, lib := range []string{"../lib", "../lib/postgresql"} {
			if dir != "" && isFile(filepath.Join(dir, lib, "pglogical.so")) {
				with = append(with, dir)
			}
		}
	}
	return with
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
