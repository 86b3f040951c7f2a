package verify_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bascule/executor/verify"
	"bascule/planner/catalog/pgtest"
)

const everything = "../schema/testdata/everything.sql"

// clone copies a database with pg_dump and psql, which restores on past errors that
// tolerated lists.
func clone(t *testing.T, source, target *pgtest.DB, tolerated ...string) {
	t.Helper()
	program := pgtest.Dump(t, 15)
	dump := exec.CommandContext(t.Context(), program, "--no-subscriptions", "-d", source.URL)
	script, err := dump.Output()
	if err != nil {
		t.Fatal(err)
	}
	psql := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(program), "psql"), "-X", "-q", "-d", target.URL)
	psql.Stdin = bytes.NewReader(script)
	var said bytes.Buffer
	psql.Stderr = &said
	if err := psql.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	for _, line := range strings.Split(said.String(), "\n") {
		if !strings.Contains(line, "ERROR:") {
			continue
		}
		known := false
		for _, s := range tolerated {
			known = known || strings.Contains(line, s)
		}
		if !known {
			t.Error(line)
		}
	}
}

func TestCloneIsEqual(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "")
	source.Load(t, everything)
	clone(t, source, target)
	r := compare(t, source, target, verify.Options{Owners: true, Privileges: true})
	same(t, r, "")
	if r.Tables < 50 || r.Rows < 1300 || r.Objects < 1000 {
		t.Errorf("little was compared: %d objects, %d tables, %d rows", r.Objects, r.Tables, r.Rows)
	}
	if notes := strings.Join(r.Notes, "\n"); notes != "materialized view fx.stale was stale on the source and is not on the target" {
		t.Errorf("notes: %s", notes)
	}
}

func TestCloneOnANewerServerIsEqual(t *testing.T) {
	t.Parallel()
	for _, major := range []int{17, 18} {
		t.Run(strconv.Itoa(major), func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.Server(t, 15).Database(t, ""), pgtest.Server(t, major).Database(t, roles)
			source.Load(t, everything)
			clone(t, source, target)
			r := compare(t, source, target, verify.Options{Owners: true, Privileges: true})
			same(t, r, "")
			if len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "print queries differently") {
				t.Errorf("notes: %v", r.Notes)
			}
		})
	}
}

func compare(t *testing.T, source, target *pgtest.DB, opts verify.Options) *verify.Report {
	t.Helper()
	r, err := verify.Compare(t.Context(), source.Conn(t), target.Conn(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// same checks the differences, one a line.
func same(t *testing.T, r *verify.Report, want string) {
	t.Helper()
	var got []string
	for _, d := range r.Differences {
		got = append(got, d.String())
	}
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
	if r.Equal() != (want == "") {
		t.Errorf("Equal is %v", r.Equal())
	}
}

// roles are the fixture's, for a server that it was not loaded into.
const roles = `
	create role fx_owner; create role fx_writer; create role fx_reader; create role fx_group; create role "fx Ähm ""quoted""";`

// contains checks the differences by how they begin, one a line.
func contains(t *testing.T, r *verify.Report, want string) {
	t.Helper()
	var got []string
	for _, d := range r.Differences {
		got = append(got, d.String())
	}
	lines := strings.Split(want, "\n")
	if want == "" {
		lines = nil
	}
	ok := len(got) == len(lines)
	for i := 0; ok && i < len(got); i++ {
		ok = strings.HasPrefix(got[i], lines[i])
	}
	if !ok {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
	}
}
