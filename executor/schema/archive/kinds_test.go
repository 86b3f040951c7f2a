package archive_test

import (
	"bufio"
	"os"
	"regexp"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// Every kind of entry that PostgreSQL's regression database has is in
// everything.sql, or is known to be missing from it.
func TestEverythingHasEveryKindOfEntry(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "")
	db.Load(t, everything)
	have := map[string]bool{}
	for _, e := range read(t, dump(t, db)).Entries {
		have[e.Desc] = true
	}
	known := kinds(t)
	for kind, where := range known {
		if where == "fixture" && !have[kind] {
			t.Errorf("no %s is in everything.sql", kind)
		}
		if where == "absent" && have[kind] {
			t.Errorf("%s is in everything.sql after all", kind)
		}
	}
	for kind := range have {
		if known[kind] == "" {
			t.Errorf("%s is not in the list of kinds", kind)
		}
	}
}

func kinds(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("../testdata/entry_kinds.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if m := kindLine.FindStringSubmatch(lines.Text()); m != nil {
			out[m[1]] = m[2]
		}
	}
	if len(out) < 50 {
		t.Fatalf("%d kinds were read", len(out))
	}
	return out
}

var kindLine = regexp.MustCompile(`^([A-Z ]+[A-Z]) +(fixture|absent)(?:  .+)?$`)
