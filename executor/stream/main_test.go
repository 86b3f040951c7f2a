package stream_test

import (
	"os"
	"testing"

	"bascule/planner/catalog/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
