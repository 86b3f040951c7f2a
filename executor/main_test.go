package executor_test

import (
	"flag"
	"os"
	"testing"

	"bascule/planner/catalog/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var longFlag = flag.Bool("long", false, "run the suites of continuous mirrors too, which take many minutes")

// long skips a part of the suites of continuous mirrors where nobody asked for it:
// make suites does.
func long(t *testing.T) {
	t.Helper()
	if !*longFlag {
		t.Skip("takes minutes; make suites runs it, or -long")
	}
}
