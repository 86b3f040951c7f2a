package cli_test

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// database creates a database on the shared server, or on what the script's file
// <name>.server asks for, a word a line: "own" for a server of its own, "disk" for
// one with the database on a disk of 24 MB, "pglogical" for one with that, "tls", or a
// setting.
func (s *script) database(dir, name string) (*pgtest.DB, error) {
	words, err := os.ReadFile(filepath.Join(dir, name+".server"))
	if err != nil {
		return pgtest.Server(s.t, 15).Database(s.t, ""), nil
	}
	var opts []pgtest.Option
	own, small, server := false, false, pgtest.Own
	for word := range strings.FieldsSeq(string(words)) {
		key, value, setting := strings.Cut(word, "=")
		switch {
		case word == "own":
			own = true
		case word == "pglogical":
			own, server = true, pgtest.Pglogical
		case word == "disk":
			own, small = true, true
		case word == "tls":
			opts = append(opts, pgtest.WithTLS())
		case setting:
			opts = append(opts, pgtest.WithSettings(map[string]string{key: value}))
		default:
			return nil, fmt.Errorf("%s.server: unknown word %q", name, word)
		}
	}
	if small {
		s.disk = smallDisk(s.t)
	}
	if !own {
		return pgtest.Server(s.t, 15, opts...).Database(s.t, ""), nil
	}
	db := server(s.t, 15, opts...).Database(s.t, "")
	if small {
		admin := &pgtest.DB{Cluster: db.Cluster, Name: "postgres"}
		admin.Exec(s.t, "create tablespace small location '"+s.disk+"'")
		admin.Exec(s.t, "alter database "+db.Name+" set tablespace small")
	}
	return db, nil
}

// server stops or starts the server of a database that has one of its own.
func (s *script) server(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || s.databases[args[0]] == nil {
		ts.Fatalf("usage: server source|target stop|start|kill")
	}
	c := s.databases[args[0]].Cluster
	switch args[1] {
	case "stop":
		c.Stop(s.t)
	case "start":
		c.Start(s.t)
	case "kill":
		c.Kill(s.t)
	}
}

// smallDisk mounts 24 MB of memory as a disk, or skips the test where that is not
// allowed. It belongs to the user that servers run as.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bascule-small-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=24m,mode=0700"); err != nil {
		t.Skipf("a disk that is full needs the right to mount one: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	if u, err := user.Lookup("postgres"); err == nil {
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// grow gives the small disk more room.
func (s *script) grow(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(unix.Mount("tmpfs", s.disk, "tmpfs", unix.MS_REMOUNT, "size=512m"))
}

// hold runs SQL in a transaction that stays open until release: hold source|target
// STATEMENT.
func (s *script) hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || s.databases[args[0]] == nil {
		ts.Fatalf("usage: hold source|target STATEMENT")
	}
	s.holder = s.databases[args[0]].Conn(s.t)
	_, err := s.holder.Exec(s.t.Context(), "begin; "+args[1])
	ts.Check(err)
}

func (s *script) release(ts *testscript.TestScript, neg bool, args []string) {
	_, err := s.holder.Exec(s.t.Context(), "rollback")
	ts.Check(err)
}
