package crash_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// world is a source that its application writes to, a target, and the wires to both.
type world struct {
	source, target     *pgtest.DB
	toSource, toTarget *pgtest.Wire
	here               folder
	build              string // of the program, when it is another one
	blocks             string // of single tables, in the configuration
	engine             string // of the mirror; "": its default
	ddl                string // of its stream; "": its default
	late               []int  // numbers of the tables late_1 and on that are not in the mirror
	before             string
}

// lateTables is how many tables come to a mirror when it streams.
const lateTables = 8

// newWorld has servers of its own, and tables of every kind.
func newWorld(t *testing.T) *world {
	t.Helper()
	source := pgtest.Own(t, 15, pgtest.WithSettings(map[string]string{"deadlock_timeout": "50ms"})).Database(t, zooSchema(lateTables))
	fillBench(t, source)
	w := &world{source: source, target: pgtest.Own(t, 15).Database(t, ""), blocks: zooBlocks}
	for i := range lateTables {
		w.late = append(w.late, i+1)
	}
	w.lay(t)
	return w
}

// lay lays the wires and writes the configuration.
func (w *world) lay(t *testing.T) {
	t.Helper()
	w.toSource, w.toTarget = pgtest.NewWire(t, w.source), pgtest.NewWire(t, w.target)
	w.here = folder{dir: t.TempDir(), name: w.source.Name, build: cmp.Or(w.build, program),
		env: []string{"SOURCE_URL=" + w.toSource.URL, "TARGET_URL=" + w.toTarget.URL}}
	w.write(t)
	w.before = w.source.Query(t, sourceCatalogue)
	t.Cleanup(func() {
		for name, db := range map[string]*pgtest.DB{"source": w.source, "target": w.target} {
			_ = os.WriteFile(filepath.Join(t.ArtifactDir(), w.here.name+"-"+name+"-server.log"), []byte(db.Log(t)), 0o600)
		}
	})
}

// write writes the configuration as it is to be.
func (w *world) write(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.here.dir, "main.hcl"), []byte(w.hcl()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// addTable declares one more table of the mirror.
func (w *world) addTable(t *testing.T) {
	t.Helper()
	w.late = slices.Clone(w.late[1:])
	w.write(t)
}

func (w *world) apply(t *testing.T, args ...string) *process {
	return w.here.start(t, append([]string{"apply", "-auto-approve"}, args...)...)
}

// complete lets an apply come to its end.
func (w *world) complete(t *testing.T, args ...string) {
	t.Helper()
	p := w.apply(t, args...)
	p.wait(t)
	if p.code() != 0 {
		t.Fatalf("apply ended with %d:\n%s", p.code(), p.output())
	}
}

func (w *world) run(t *testing.T, args ...string) *process {
	return w.here.start(t, append([]string{"run"}, args...)...)
}

// caughtUp waits until the target has all that the source has now.
func (w *world) caughtUp(t *testing.T, by *process) {
	t.Helper()
	end := lsn(t, w.source.Query1(t, "select pg_current_wal_insert_lsn()"))
	w.source.Exec(t, "insert into added_to values (0, 'behind all else')") // so that something arrives behind it
	w.reached(t, by, end)
}

// reached waits until the position covers what was committed before an LSN.
func (w *world) reached(t *testing.T, by *process, end catalog.LSN) {
	t.Helper()
	deadline := time.Now().Add(endsWithin)
	pgtest.Eventually(t, func() error {
		if at := w.position(t); at < end {
			if !by.alive() || time.Now().After(deadline) {
				t.Fatalf("the position is %s, and the source was at %s (alive: %v):\n%s", at, end, by.alive(), by.output())
			}
			return fmt.Errorf("the position is %s, and the source was at %s:\n%s", at, end, by.output())
		}
		return nil
	})
}

func (w *world) position(t *testing.T) catalog.LSN {
	t.Helper()
	return lsn(t, w.target.Query1(t, readPosition))
}

func lsn(t *testing.T, text string) catalog.LSN {
	t.Helper()
	at, err := catalog.ParseLSN(text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
