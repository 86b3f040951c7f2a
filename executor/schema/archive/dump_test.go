package archive_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"bascule/executor/schema/archive"
	"bascule/planner/catalog/pgtest"
)

const everything = "../testdata/everything.sql"

// dump writes a custom-format archive with pg_dump itself, and returns its path.
func dump(t *testing.T, db *pgtest.DB, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dump")
	cmd := exec.CommandContext(t.Context(), pgtest.Dump(t, 15), append(args, "-Fc", "-f", path, "-d", db.URL)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	return path
}

func read(t *testing.T, path string) *archive.Archive {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := archive.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// listed is the entry as pg_restore -l prints it.
func listed(e archive.Entry) string {
	line := strings.NewReplacer("\n", " ", "\r", " ")
	schema := line.Replace(e.Schema)
	if schema == "" {
		schema = "-"
	}
	return fmt.Sprintf("%d; %d %d %s %s %s %s", e.DumpID, e.Class, e.OID, e.Desc, schema, line.Replace(e.Tag), line.Replace(e.Owner))
}

func TestReadAgreesWithPgRestore(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	db.Load(t, everything)
	for _, args := range [][]string{{"--schema-only"}, {"-Z9"}, {"--create", "--compress=0", "--no-owner"}} {
		path := dump(t, db, args...)
		a := read(t, path)
		out, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(pgtest.Dump(t, 15)), "pg_restore"), "-l", "--create", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(out)), "\n"), func(l string) bool { return strings.HasPrefix(l, ";") })
		var got []string
		for _, e := range a.Entries {
			got = append(got, listed(e))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: pg_restore -, ours +\n%s", args, diff)
		}
		if a.Encoding != "UTF8" || !a.StandardStrings || a.SearchPath != "" || a.Database != db.Name || a.Version.String() != "1.14" {
			t.Errorf("%s: header: %+v", args, a)
		}
	}
}

func TestIdentityIsStableAndUnique(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	db.Load(t, everything)
	db.Exec(t, `
		create table fx."a b" (id int); create table fx."a" (id int);
		create trigger "c" before insert on fx."a b" for each row execute function fx.quiet();
		create trigger "b c" before insert on fx."a" for each row execute function fx.quiet()`)
	identities := func() []string {
		var ids []string
		for _, e := range read(t, dump(t, db)).Entries {
			ids = append(ids, e.Identity())
		}
		return ids
	}
	first := identities()
	seen := map[string]bool{}
	for _, id := range first {
		if seen[id] {
			t.Errorf("twice: %s", id)
		}
		seen[id] = true
	}
	db.Exec(t, "alter event trigger fx_note disable; create table fx.another (id int); drop table fx.another")
	if diff := cmp.Diff(first, identities()); diff != "" {
		t.Errorf("another dump: %s", diff)
	}
}

// Owners given by OwnerSQL are those of the source: what is made here is dumped
// again.
func TestOwnerSQLGivesEveryOwner(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "")
	source.Load(t, everything)
	before := read(t, dump(t, source, "--schema-only", "--no-publications", "--no-privileges"))
	conn := target.Conn(t)
	run := func(sql string, e archive.Entry) {
		if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v\n%s", e.Identity(), err, sql)
		}
	}
	run("set search_path = ''; set check_function_bodies = off; set client_min_messages = error", archive.Entry{})
	for _, late := range []bool{false, true} {
		for _, e := range before.Entries {
			if ofDatabase(e) {
				continue
			}
			if (e.Desc == "EVENT TRIGGER" || strings.HasPrefix(e.Tag, "EVENT TRIGGER")) != late {
				continue
			}
			run(e.Definition, e)
			if sql, ok := e.OwnerSQL(); ok {
				run(sql, e)
			}
		}
	}
	owners := func(a *archive.Archive) []string {
		var out []string
		for _, e := range a.Entries {
			if !ofDatabase(e) {
				out = append(out, e.Identity()+" of "+e.Owner)
			}
		}
		slices.Sort(out)
		return out
	}
	after := read(t, dump(t, target, "--schema-only", "--no-privileges"))
	if diff := cmp.Diff(owners(before), owners(after)); diff != "" {
		t.Errorf("source -, target +\n%s", diff)
	}
}

// A pg_dump of every version that is on this machine writes what Read reads.
func TestReadOfNewerPrograms(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "create table a (id int primary key); comment on table a is 'c'")
	programs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	for _, program := range programs {
		out, err := exec.CommandContext(t.Context(), program, "-Fc", "--schema-only", "-d", db.URL).Output()
		if err != nil {
			continue // older than the server
		}
		a, err := archive.Read(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("%s: %v", program, err)
		}
		var ids []string
		for _, e := range a.Entries {
			if !ofDatabase(e) {
				ids = append(ids, e.Identity())
			}
		}
		if got := strings.Join(ids, ", "); got != "TABLE public.a, COMMENT public.TABLE a, CONSTRAINT public.a a_pkey" {
			t.Errorf("%s: got %s", program, got)
		}
	}
}

// ofDatabase reports whether an entry is of the database itself, and so of another
// name in each.
func ofDatabase(e archive.Entry) bool {
	return strings.HasPrefix(e.Desc, "DATABASE") || strings.HasPrefix(e.Tag, "DATABASE ")
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
