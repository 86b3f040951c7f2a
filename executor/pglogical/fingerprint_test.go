package pglogical_test

import (
	"testing"

	"bascule/planner/catalog"
)

// What the engine makes is no change of a database's definitions.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	r := newRig(t, bank)
	read := func() string {
		db, err := catalog.Read(t.Context(), r.source, catalog.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return db.Fingerprint
	}
	before := read()
	r.prepare(r.bank()...)
	if read() != before {
		t.Error("the fingerprint has moved")
	}
}
