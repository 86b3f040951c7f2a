package archive_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/executor/schema/archive"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

func TestRunReadsWhatPgDumpWrites(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	db.Load(t, everything)
	// No setting of the database or the role that the session has may change it.
	a, err := archive.Run(t.Context(), archive.Config{Program: pgtest.Dump(t, 15), Conn: connect(t, db.URL)})
	if err != nil {
		t.Fatal(err)
	}
	b := read(t, dump(t, db, "--schema-only", "--no-publications", "--encoding=UTF8"))
	b.Created = a.Created
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("pg_dump -, ours +\n%s", diff)
	}
}

func TestRunOverTLS(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15, pgtest.WithTLS()).Database(t, "create table a (id int)")
	a, err := archive.Run(t.Context(), archive.Config{Program: pgtest.Dump(t, 15), Conn: connect(t, db.URL)})
	if err != nil || a.Entries[len(a.Entries)-1].Identity() != "TABLE public.a" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestRunLeavesOutAndReadsUnderTheSnapshot(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, `create table "A b" (id int); create table c (id int); create table "C" (id int)`)
	holder := db.Conn(t)
	var snapshot string
	if _, err := holder.Exec(t.Context(), "begin isolation level repeatable read"); err != nil {
		t.Fatal(err)
	}
	if err := holder.QueryRow(t.Context(), "select pg_export_snapshot()").Scan(&snapshot); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, "create table younger (id int)")
	a, err := archive.Run(t.Context(), archive.Config{
		Program: pgtest.Dump(t, 15), Conn: connect(t, db.URL), Snapshot: snapshot,
		ExcludeTables: []string{pgname.Qualified("public", "A b"), pgname.Qualified("public", "C")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for _, e := range a.Entries {
		if e.Desc == "TABLE" {
			tables = append(tables, e.Tag)
		}
	}
	if got := strings.Join(tables, " "); got != "c" {
		t.Errorf("got %s, want c", got)
	}
}

func TestRunSaysWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "create table locked (id int)")
	reader, _ := db.Role(t, "")
	holder := db.Conn(t)
	if _, err := holder.Exec(t.Context(), "begin; lock table locked"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, url, code, text string
		wait                  time.Duration
	}{
		{"a lock that is held", db.URL, "57014", "locked", 100 * time.Millisecond},
		{"a right that is missing", db.URLAs(reader), "42501", "permission denied", time.Minute},
	} {
		_, err := archive.Run(t.Context(), archive.Config{Program: pgtest.Dump(t, 15), Conn: connect(t, c.url), LockWait: c.wait})
		var dump *archive.DumpError
		var server *pgconn.PgError
		if !errors.As(err, &dump) || dump.Hint() == "" || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v", c.rule, err)
		}
		if !errors.As(err, &server) || server.Code != c.code {
			t.Errorf("%s: got %v, want SQLSTATE %s", c.rule, err, c.code)
		}
	}
}

func TestCancelEndsPgDumpAndItsSession(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "create table locked (id int)")
	holder := db.Conn(t)
	if _, err := holder.Exec(t.Context(), "begin; lock table locked"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	conn, err := session.Open(ctx, &config.Peer{Address: "peer.source", URL: config.Secret(db.URL)}, session.Options{Application: "bascule/app/dump"})
	if err != nil {
		t.Fatal(err)
	}
	pid := conn.PgConn().PID()
	ended := make(chan error, 1)
	go func() {
		_, err := archive.Run(ctx, archive.Config{Program: pgtest.Dump(t, 15), Conn: conn})
		ended <- err
	}()
	session := "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'bascule/app/dump' and pid = "
	db.Eventually(t, session+fmt.Sprint(pid), "1")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	db.Eventually(t, "select count(*) from pg_stat_activity where pid = "+fmt.Sprint(pid), "0")
}

func TestPgDumpLearnsNoPassword(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "create table a (id int)")
	dir := t.TempDir()
	program := filepath.Join(dir, "pg_dump")
	script := "#!/bin/sh\n(env; echo \"$@\"; ls -ld \"$PGHOST\") > " + dir + "/seen\nexec " + pgtest.Dump(t, 15) + ` "$@"` + "\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Run(t.Context(), archive.Config{Program: program, Conn: connect(t, db.URL)}); err != nil {
		t.Fatal(err)
	}
	seen, err := os.ReadFile(filepath.Join(dir, "seen"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(seen), db.Password) {
		t.Errorf("the password is in what it was given:\n%s", seen)
	}
	if !strings.Contains(string(seen), "drwx------") {
		t.Errorf("others can open the socket's folder:\n%s", seen)
	}
	_, folder, _ := strings.Cut(string(seen), "PGHOST=")
	folder, _, _ = strings.Cut(folder, "\n")
	if _, err := os.Stat(folder); folder == "" || !os.IsNotExist(err) {
		t.Errorf("left behind: %s (%v)", folder, err)
	}
}

func TestRunWithoutAProgram(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	dir := t.TempDir()
	for _, c := range []struct{ rule, script, want string }{
		{"no such program", "", "no such file"},
		{"it writes no archive", "#!/bin/sh\necho hello\n", "this is no custom-format archive"},
		{"it fails", "#!/bin/sh\necho one >&2; echo two >&2; exit 3\n", "exit status 3: one; two"},
		{"it fails and says nothing", "#!/bin/sh\nexit 3\n", "the archive ends too early"},
	} {
		program := filepath.Join(dir, strings.ReplaceAll(c.rule, " ", "_"))
		if c.script != "" {
			if err := os.WriteFile(program, []byte(c.script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		_, err := archive.Run(t.Context(), archive.Config{Program: program, Conn: connect(t, db.URL)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.rule, err, c.want)
		}
	}
}
