// Package crash_test kills the program at seeded moments of its work and demands
// that the same command then completes it.
//
// Two writers change the source all the while. What they write keeps rules that
// every view of the source obeys and no mixture of two does (see bank), so a target
// that obeys them all holds one snapshot.
//
// A seed decides the moments, but a machine's speed decides what lies in them: the
// log of hits says what was. Longer runs: go test ./executor/crash -crash.rounds=100.
package crash_test

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// seedEnv is the environment's way to set -crash.seed.
const seedEnv = "CRASH_SEED"

var (
	seedFlag   = flag.Uint64("crash.seed", 0, "seed of the moments at which the program is killed; 0: $"+seedEnv+", or a new one")
	roundsFlag = flag.Int("crash.rounds", 0, "how often each stage is hit at least; 0: 1")
)

// program is the built bascule.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withProgram(func() int { return pgtest.Run(m) }))
}

func withProgram(run func() int) int {
	dir, err := os.MkdirTemp("", "bascule-crash-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "bascule")
	if out, err := exec.Command("go", "build", "-o", program, "bascule/cmd/bascule").CombinedOutput(); err != nil {
		panic("build: " + err.Error() + "\n" + string(out))
	}
	return run()
}

// seed returns this run's seed, which the test's output names.
func seed(t *testing.T) uint64 {
	s := *seedFlag
	if s == 0 {
		s, _ = strconv.ParseUint(os.Getenv(seedEnv), 10, 64)
	}
	if s == 0 {
		s = uint64(time.Now().UnixNano()) % 1_000_000
	}
	t.Logf("again with: go test ./executor/crash -run '^%s$' -crash.seed=%d", t.Name(), s)
	return s
}

func rounds(unasked int) int { return cmp.Or(*roundsFlag, unasked) }

// long skips a test of minutes where nobody asked for it: make crash does.
func long(t *testing.T) {
	t.Helper()
	if *roundsFlag == 0 {
		t.Skip("takes minutes; make crash runs it, or -crash.rounds=N")
	}
}

// The program is killed in every stage, on ever new targets, while writers change
// the source. Each target is then completed by the same command.
func TestKilled(t *testing.T) {
	t.Parallel()
	source := pgtest.Own(t, 15).Database(t, bankSchema)
	rng := rand.New(rand.NewPCG(seed(t), 1))
	targets := pgtest.Server(t, 15)
	t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(t.ArtifactDir(), "target-server.log"), []byte(targets.Log(t)), 0o600)
	})
	hits := &hits{rng: rng, each: rounds(1)}
	stop := startWriters(t, source)
	for lives := 0; len(hits.lacking()) > 0; lives++ {
		if lives > 20*(hits.each+2) {
			t.Fatalf("not all stages were hit in %d lives:\n%s", lives, hits)
		}
		l := newLife(t, source, targets.Database(t, ""))
		l.surviveKills(t, hits, 2+rng.IntN(4))
		l.checkSnapshot(t)
		l.checkNothingLeft(t)
		if t.Failed() {
			break
		}
	}
	stop()

	// The source at rest: the target is equal, row by row.
	l := newLife(t, source, targets.Database(t, ""))
	l.surviveKills(t, hits, 2)
	l.checkSnapshot(t)
	l.checkNothingLeft(t)
	l.checkEqual(t)
	t.Logf("hits:\n%s", hits)
}
