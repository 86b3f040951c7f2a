package crash_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog/pgtest"
)

// strikeCommand is a way to kill what brings a command of a ddl block to both sides.
type strikeCommand struct {
	moment string

	// command of the block; # is the number of the block.
	command string

	// The apply is killed when it has logged such a line, and where fact is set, when that
	// is true on the target.
	line func(string) bool
	fact string

	// holds is the side on which a transaction holds the table until all that is killed
	// is dead. Waits: the apply is killed when it waits there.
	holds side
	waits bool

	// slow is the side that is slow to reach, so that the moment lasts.
	slow  side
	delay time.Duration

	// then kills what comes after the apply.
	then func(t *testing.T, w *commandWorld, release func())

	// source and target say on which sides the command is when the killed is gone.
	source, target bool

	// brings: a runner brings the command to the target before the next apply.
	brings bool

	ci bool // it is in every run of the tests
}

// side is one of the two servers, or "" for none.
type side string

const (
	onSource side = "source"
	onTarget side = "target"
)

const (
	newColumn = "alter table public.t add c# int default # not null"
	newIndex  = "create index concurrently i# on public.t (b, (id + #))"
	begunOnly = "select xid <> '' and applied is null from bascule.ddl where address = 'ddl.x#'"
)

var (
	sourceIsDone = stageBegins("wait for the targets")
	targetIsDone = message("command applied")
	toldMirrors  = stageBegins("record what it made of the tables")
)

// strikesCommand are the moments of a command's life.
var strikesCommand = []strikeCommand{
	{moment: "it waits for a lock of the source", command: newColumn, holds: onSource, waits: true},
	{moment: "the source has run it and not committed", command: newColumn, fact: begunOnly, slow: onSource, delay: 150 * time.Millisecond},
	{moment: "the target waits for a lock", command: newColumn, line: sourceIsDone, holds: onTarget, waits: true, source: true, ci: true},
	{moment: "the source has committed, and a runner goes on", command: newColumn, line: sourceIsDone, holds: onTarget, source: true, brings: true},
	{moment: "a runner waits for a lock of the target", command: newColumn, line: sourceIsDone, holds: onTarget, then: runnerWaits, source: true, brings: true},
	{moment: "the target runs it, for a runner", command: newColumn, line: sourceIsDone, holds: onTarget, then: runnerRuns, source: true},
	{moment: "the target has committed", command: newColumn, line: targetIsDone, slow: onTarget, delay: 30 * time.Millisecond, source: true, target: true, ci: true},
	{moment: "the state is not saved", command: newColumn, line: toldMirrors, slow: onSource, delay: 30 * time.Millisecond, source: true, target: true},
	{moment: "the source builds an index", command: newIndex, holds: onSource, waits: true},
	{moment: "the target builds an index", command: newIndex, line: stageBegins("run on peer.target"), holds: onTarget, waits: true, source: true},
}

// kill kills in the moment. What it returns lets go of what is held.
func (s strikeCommand) kill(t *testing.T, w *commandWorld) (release func()) {
	t.Helper()
	release = func() {}
	if s.holds != "" {
		release = sync.OnceFunc(holding(t, w.at(s.holds), writing))
	}
	wire := map[side]*pgtest.Wire{onSource: w.toSource, onTarget: w.toTarget}[s.slow]
	if wire != nil {
		wire.Slow(s.delay)
	}
	p := w.apply(t)
	if s.line != nil && p.await(0, endsWithin, s.line) < 0 {
		t.Fatalf("%s: the moment does not come:\n%s", s.moment, p.output())
	}
	if s.fact != "" {
		w.target.Eventually(t, w.numbered(s.fact), "t")
	}
	if s.waits {
		waits(t, w.at(s.holds))
	}
	p.kill()
	if wire != nil {
		wire.Slow(0)
	}
	if s.then != nil {
		s.then(t, w, release)
	}
	return release
}

// runnerWaits kills a runner that waits for the target's lock.
func runnerWaits(t *testing.T, w *commandWorld, _ func()) {
	r := w.run(t)
	waits(t, w.target)
	r.kill()
}

// runnerRuns kills a runner while the target is in the middle of the command.
func runnerRuns(t *testing.T, w *commandWorld, release func()) {
	goOn := w.pauses(t)
	r := w.run(t)
	waits(t, w.target)
	release()
	w.paused(t)
	r.kill()
	goOn()
}

// writing is what an application's transaction holds a table by.
const writing = "lock table public.t in row exclusive mode"

// holding holds a lock until release.
func holding(t *testing.T, db *pgtest.DB, lock string) (release func()) {
	t.Helper()
	conn := db.Conn(t)
	must(t, conn, "begin", lock)
	return func() { must(t, conn, "commit") }
}

// waits waits until a session of ours waits for a lock.
func waits(t *testing.T, db *pgtest.DB) {
	t.Helper()
	db.Eventually(t, "select count(*) > 0 from pg_stat_activity where datname = current_database() and application_name like 'bascule/%' and wait_event_type = 'Lock'", "t")
}

// writer writes to the table of a command world until it is stopped, whatever columns
// that has.
func writer(t *testing.T, db *pgtest.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		conn, err := pgx.Connect(context.WithoutCancel(ctx), db.URL)
		for i := 0; err == nil && ctx.Err() == nil; i++ {
			_, err = conn.Exec(context.WithoutCancel(ctx), fmt.Sprintf("insert into public.t (b) values (%d); update public.t set b = b + 1 where id = %[1]d / 2; select pg_sleep(0.02)", i), pgx.QueryExecModeSimpleProtocol)
		}
		closeAll(conn)
		ended <- err
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
