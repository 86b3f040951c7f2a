package executor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog/pgtest"
)

const autoStream = `ddl = "auto"`

// undeclared is the way of an application that knows nothing of mirrors. It sends each
// statement by itself, in the transaction that is open where inside is set.
func undeclared(inside, runs bool) mode {
	return mode{name: "auto", stream: autoStream, inside: inside, runs: runs, command: func(t *testing.T, f *follower, k commandKind, over *pgx.Conn) {
		t.Helper()
		conn := over
		if !inside {
			conn = f.source.Conn(t)
		}
		for _, sql := range k.all() {
			says(t, conn, sql)
		}
	}}
}

// atOnce is the way of one that sends all statements as one string. The mirror stands
// before them, until the block that it prints is pasted and applied.
func atOnce() mode {
	return mode{name: "auto, at once", stream: autoStream, runs: true, command: func(t *testing.T, f *follower, k commandKind, _ *pgx.Conn) {
		t.Helper()
		says(t, f.source.Conn(t), strings.Join(k.all(), ";\n"))
		f.halts(t, fmt.Sprintf("it is one of %d statements that were sent at once", len(k.all())))
		f.more = f.printed(t)
		f.applied(t)
	}}
}

// all are the kind's statements.
func (k commandKind) all() []string { return slices.Concat(k.commands, k.then) }

// halts waits until the mirror stands still, for this reason.
func (f *follower) halts(t *testing.T, reason string) {
	t.Helper()
	pgtest.Eventually(t, func() error {
		if halt := f.halt(t); !strings.Contains(halt, reason) {
			return fmt.Errorf("halt %q, want %q\n%s", halt, reason, f.events)
		}
		return nil
	})
}

// runsUntil has a runner stream until the mirror stands still, for this reason.
func (f *follower) runsUntil(t *testing.T, reason string) {
	t.Helper()
	stop := f.runs(t)
	f.halts(t, reason)
	stop()
}

// printed is the block that a halt says to paste.
func (f *follower) printed(t *testing.T) string {
	t.Helper()
	remedy := f.target.Query1(t, "select halt ->> 'remedy' from bascule.stream where halt is not null")
	from, to := strings.Index(remedy, "ddl \""), strings.LastIndex(remedy, "\n}")
	if from < 0 || to < from {
		t.Fatalf("no block in %q", remedy)
	}
	return remedy[from:to] + "\n}\n"
}

// What nobody declared arrives as what was: whatever an application runs, within a
// transaction that has rows before and behind it, or by itself while nobody streams.
func TestUndeclaredCommandsArrive(t *testing.T) {
	t.Parallel()
	majors := []int{15, 17, 18}
	for i, k := range commandKinds {
		for n, major := range majors {
			if !*longFlag && (i%6 != 0 || i/6%len(majors) != n) {
				continue // make suites runs all
			}
			t.Run(fmt.Sprintf("%s, 15 to %d", k.rule, major), func(t *testing.T) {
				t.Parallel()
				runKind(t, k, major, undeclared(!k.alone && !k.apart, true))
			})
			if *longFlag && (i+n)%3 == 0 {
				t.Run(fmt.Sprintf("%s, by itself, 15 to %d", k.rule, major), func(t *testing.T) {
					t.Parallel()
					runKind(t, k, major, undeclared(false, false))
				})
			}
		}
	}
}

// A table that was made with rows arrives with these, as other commands do.
func TestUndeclaredRowsArrive(t *testing.T) {
	t.Parallel()
	majors := []int{15, 17, 18}
	for i, k := range rowsKinds {
		for n, major := range majors {
			for _, inside := range []bool{true, false} {
				if !*longFlag && (i > 0 || major != 17 || inside) {
					continue // make suites runs all
				}
				t.Run(fmt.Sprintf("%s, 15 to %d, inside %t", k.rule, major, inside), func(t *testing.T) {
					t.Parallel()
					runKind(t, k, major, undeclared(inside, inside || (i+n)%2 == 0))
				})
			}
		}
	}
}

// Statements that were sent as one string are run again by the block that the halt
// prints, and by nothing else.
func TestUndeclaredAtOnce(t *testing.T) {
	t.Parallel()
	for i, k := range slices.Concat(commandKinds, rowsKinds) {
		if len(k.all()) < 2 || k.alone || k.added != "" || !*longFlag && k.rule != "constraints at once" {
			continue // make suites runs all
		}
		major := []int{15, 17, 18}[i%3]
		t.Run(fmt.Sprintf("%s, 15 to %d", k.rule, major), func(t *testing.T) {
			t.Parallel()
			runKind(t, k, major, atOnce())
		})
	}
}
