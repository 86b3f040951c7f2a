package crash_test

import (
	"sync"
	"testing"
	"time"
)

// strikeEngine is a way to kill an apply that takes a mirror from its servers and gives
// it back.
type strikeEngine struct {
	moment string
	only   string // engine that has such a moment; "": all

	// first: it is the mirror's first apply.
	first bool

	// The apply is killed when it has logged such a line, and where fact is set, when that
	// is true on the target.
	line func(string) bool
	fact string

	// holds is what is locked on the target: the apply is killed when it waits for that.
	// Where goesOn, the server has the session's statement go on, as it does when it has
	// not noticed the kill.
	holds  string
	goesOn bool

	// From that line on, or all along, holds is locked, and slow to reach the target, so
	// that the moment lasts.
	from func(string) bool
	slow time.Duration

	// hands says who has the mirror then: whether it is handed to its servers in the
	// ledger, and whether they may work.
	hands string

	// runs: a runner streams it before the next apply.
	runs bool

	ci bool // it is in every run of the tests
}

const (
	records       = "select from bascule.stream for update"
	subscriptions = "lock table pg_subscription in share mode"
	pglogicals    = "lock table pglogical.subscription in share mode"

	stopped    = "select not bool_or(subenabled) from pg_subscription"
	remade     = "select handed and not subenabled and subslotname is null from bascule.stream, pg_subscription"
	enabled    = "select handed and subenabled from bascule.stream, pg_subscription"
	pglStopped = "select not bool_or(sub_enabled) from pglogical.subscription"
	pglEnabled = "select handed and sub_enabled from bascule.stream, pglogical.subscription"
	takenBack  = "select not handed from bascule.stream"
)

var (
	takes    = stageBegins("take over from the servers'")
	isTaken  = message("mirror taken back")
	last     = stageBegins("stream")
	prepares = stageBegins("prepare the servers'")
	gives    = stageBegins("hand over to the servers'")
	isGiven  = message("mirror handed over")
)

const lasting = 60 * time.Millisecond

// strikesEngine are the moments of a mirror's way from its servers and back to them.
var strikesEngine = []strikeEngine{
	{moment: "the engine is about to be stopped", line: takes, slow: lasting, hands: "true true"},
	{moment: "the engine is stopped", only: "subscription", from: takes, fact: stopped, slow: lasting, hands: "true false"},
	{moment: "the engine is stopped", only: "pglogical", from: takes, fact: pglStopped, slow: lasting, hands: "true false"},
	{moment: "the engine is stopped and it is not recorded", line: isTaken, holds: records, hands: "true false", ci: true},
	{moment: "the record of it comes after the kill", line: isTaken, holds: records, goesOn: true, hands: "true false"},
	{moment: "it is taken back", from: takes, fact: takenBack, slow: lasting, hands: "false false"},
	{moment: "it is taken back, and a runner goes on", from: takes, fact: takenBack, slow: lasting, hands: "false false", runs: true},
	{moment: "it is copied", from: stageBegins("take a snapshot"), line: message("chunk begins"), slow: lasting, hands: "false false", runs: true},
	{moment: "the tables meet", from: message("chunk begins"), line: message("hand-over begins"), slow: lasting, hands: "false false"},
	{moment: "the engine is about to be prepared", from: last, line: prepares, slow: lasting, hands: "false false"},
	{moment: "the engine is prepared and not recorded as given", from: prepares, line: gives, holds: records, hands: "false false"},
	{moment: "the record of that comes after the kill", from: prepares, line: gives, holds: records, goesOn: true, hands: "false false"},
	{moment: "the engine is prepared, and a runner goes on", from: prepares, line: gives, holds: records, hands: "false false", runs: true},
	{moment: "it is recorded as given and the engine is not started", only: "subscription", from: prepares, line: gives, holds: subscriptions, hands: "true false", ci: true},
	{moment: "it is recorded as given and the engine is not started", only: "pglogical", from: prepares, line: gives, holds: pglogicals, hands: "true false"},
	{moment: "the subscription is made anew and not started", only: "subscription", from: prepares, line: gives, fact: remade, slow: lasting, hands: "true false"},
	{moment: "the engine has just been started", only: "subscription", from: gives, fact: enabled, slow: lasting, hands: "true true"},
	{moment: "the engine has just been started", only: "pglogical", from: gives, fact: pglEnabled, slow: lasting, hands: "true true"},
	{moment: "the engine works", line: isGiven, hands: "true true"},
	{moment: "first: the engine is about to be prepared", first: true, from: last, line: prepares, slow: lasting, hands: "false false"},
	{moment: "first: the engine is prepared and not recorded as given", first: true, from: prepares, line: gives, holds: records, hands: "false false", runs: true},
	{moment: "first: it is recorded as given and the engine is not started", first: true, only: "subscription", from: prepares, line: gives, fact: remade, slow: lasting, hands: "true false"},
	{moment: "first: the engine works", first: true, line: isGiven, hands: "true true"},
}

// strikesRemoval are those of the removal.
var strikesRemoval = []strikeEngine{
	{moment: "nobody is to stream it any more", fact: "select (settings ->> 'paused')::bool from bascule.stream", slow: lasting},
	{moment: "the subscription is being dropped", only: "subscription", holds: subscriptions},
	{moment: "the subscription is being dropped", only: "pglogical", holds: pglogicals},
	{moment: "the subscription is gone", only: "subscription", fact: "select count(*) = 0 from pg_subscription", slow: lasting},
	{moment: "the ledger is being dropped", holds: "lock table bascule.position in access share mode"},
}

// kill kills in the moment. What it returns lets go of what is held.
func (s strikeEngine) kill(t *testing.T, w *engineWorld) (release func()) {
	t.Helper()
	command := "apply"
	if s.hands == "" {
		command = "destroy"
	}
	release = func() {}
	await := func(p *process, match func(string) bool) {
		t.Helper()
		if match != nil && p.await(0, endsWithin, match) < 0 {
			t.Fatalf("%s: the moment does not come:\n%s", s.moment, p.output())
		}
	}
	hinder := func() {
		w.toTarget.Slow(s.slow)
		if s.holds != "" {
			release = sync.OnceFunc(holding(t, w.target, s.holds))
		}
	}
	if s.from == nil {
		hinder()
	}
	p := w.here.start(t, command, "-auto-approve")
	if s.from != nil {
		await(p, s.from)
		hinder()
	}
	await(p, s.line)
	if s.fact != "" {
		w.target.Eventually(t, s.fact, "t")
	}
	if s.holds != "" {
		waits(t, w.target)
	}
	p.kill()
	w.toTarget.Slow(0)
	if s.holds != "" && !s.goesOn {
		w.target.Query(t, endOurs)
	}
	w.gone(t)
	return release
}

// endOurs ends our sessions, for a kill that the server notices.
const endOurs = `
	select pg_terminate_backend(pid) from pg_stat_activity
	where datname = current_database() and ` + ours

// ours are sessions of the program, and none that servers have with each other.
const ours = "application_name ~ '^bascule/' and application_name !~ '^bascule/app/(subscription|pglogical)'"
