package verify_test

import (
	"path/filepath"
	"testing"

	"bascule/executor/verify"
	"bascule/planner/catalog/pgtest"
)

func TestClonesOfTheCorporaAreEqual(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join(pgtest.Corpora(t), "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, "")
			files, _ := filepath.Glob(filepath.Join(dir, "*.sql"))
			for _, f := range files {
				source.Load(t, f)
			}
			clone(t, source, target)
			same(t, compare(t, source, target, verify.Options{Owners: true, Privileges: true}), "")
		})
	}
}
