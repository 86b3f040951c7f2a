package executor_test

import (
	"os"
	"testing"

	"bascule/planner/catalog/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// long skips a part of the suites of continuous mirrors with -short.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long, and -short was asked for")
	}
}
