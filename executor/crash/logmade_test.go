package crash_test

import (
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// strikeLog is a moment of an apply that has the source log its DDL, or has it no longer,
// or of a destroy.
type strikeLog struct {
	moment string

	// ddl is what the configuration says from now on; "": the mirror is destroyed.
	ddl string

	// holds is what is locked, on one side, until the killed is dead. Where there is none,
	// both sides are slow to reach, and the moment is when fact is true.
	on          side
	holds, fact string

	// before, after: DDL comes before the apply, or when that was killed.
	before, after bool
}

const (
	makesTriggers = "lock table pg_event_trigger in share mode"
	logIsThere    = "select count(*) > 0 from pg_event_trigger where evtname like 'bascule%'"
	logIsGone     = "select count(*) = 0 from pg_event_trigger where evtname like 'bascule%'"
	logIsKnown    = "select settings ->> 'log' is not null from bascule.stream"
	logIsUnknown  = "select settings ->> 'log' is null from bascule.stream"
)

var strikesLog = []strikeLog{
	{moment: "the log is being made", ddl: "auto", on: onSource, holds: makesTriggers},
	{moment: "the log is taken away before it was used", ddl: "declared", on: onSource, holds: makesTriggers},
	{moment: "the log is made and that is not recorded", ddl: "auto", on: onTarget, holds: records, after: true},
	{moment: "the log is read to its end, and that it goes is not recorded", ddl: "declared", on: onTarget, holds: records, before: true},
	{moment: "the log is recorded and nothing has streamed", ddl: "auto", on: onTarget, fact: logIsKnown, after: true},
	{moment: "that the log goes is recorded", ddl: "declared", on: onTarget, fact: logIsUnknown, before: true},
	{moment: "the log is there", ddl: "auto", on: onSource, fact: logIsThere, after: true},
	{moment: "the log is gone", ddl: "declared", on: onSource, fact: logIsGone, before: true},
}

var strikesLogDestroyed = []strikeLog{
	{moment: "destroy: the log is being taken away", on: onSource, holds: makesTriggers, after: true},
	{moment: "destroy: the log is gone", on: onSource, fact: logIsGone},
	{moment: "destroy: the ledger is being taken away", on: onTarget, holds: "lock table bascule.position in access share mode"},
}

// An apply that makes the log of a source's DDL, or takes it away, and a destroy, are
// killed in every moment of that. The same command completes it: what was logged comes
// once, and nothing is left.
func TestLogMadeKilled(t *testing.T) {
	long(t)
	t.Parallel()
	w := newLoggedWorld(t, program, "declared")
	stop := writer(t, w.source)
	for range rounds(1) {
		for _, s := range strikesLog {
			w.surviveLog(t, s)
		}
	}
	w.follows(t, "auto")
	w.complete(t)
	stop()
	w.checkAtLast(t)
	for _, s := range strikesLogDestroyed {
		w.killLog(t, s)
	}
	w.dropMade(t)
	w.checkDestroyed(t)
}

// surviveLog is one apply that is killed.
func (w *commandWorld) surviveLog(t *testing.T, s strikeLog) {
	t.Helper()
	begun := time.Now()
	w.follows(t, s.ddl)
	if s.before {
		w.mixes(t)
	}
	w.killLog(t, s)
	w.complete(t)
	w.planned(t, s.moment, 0)
	want := logIsGone
	if s.ddl == "auto" {
		want = logIsThere
		w.mixes(t)
	}
	if w.source.Query1(t, want) != "t" {
		t.Errorf("%s: in the end not so: %s", s.moment, want)
	}
	r := w.run(t)
	w.caughtUpBy(t, r, "insert into t (b) values (0)")
	w.agree(t, s.moment)
	r.stop(t)
	t.Logf("%s: %v", s.moment, time.Since(begun).Round(10*time.Millisecond))
}

// killLog kills an apply, or a destroy, in the moment.
func (w *commandWorld) killLog(t *testing.T, s strikeLog) {
	t.Helper()
	command, release := "apply", func() {}
	if s.ddl == "" {
		command = "destroy"
	}
	if s.holds != "" {
		release = held(t, w.at(s.on), s.holds)
	} else {
		w.toSource.Slow(lasting)
		w.toTarget.Slow(lasting)
	}
	p := w.here.start(t, command, "-auto-approve")
	if s.holds != "" {
		waits(t, w.at(s.on))
	} else {
		w.at(s.on).Eventually(t, s.fact, "t")
	}
	p.kill()
	w.toSource.Slow(0)
	w.toTarget.Slow(0)
	for _, db := range []*pgtest.DB{w.source, w.target} {
		db.Query(t, endOurs)
	}
	release()
	w.gone(t)
	if s.after {
		w.mixes(t)
	}
}

// mixes runs a transaction with rows, a command and rows.
func (w *commandWorld) mixes(t *testing.T) {
	t.Helper()
	w.number++
	w.sends(t, mixed...)
}
