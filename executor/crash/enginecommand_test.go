package crash_test

import (
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// newEngineCommandWorld is newCommandWorld with a mirror that its servers keep in step.
func newEngineCommandWorld(t *testing.T, engine, build string) *commandWorld {
	t.Helper()
	server := pgtest.Own
	if engine == "pglogical" {
		server = pgtest.Pglogical
	}
	source := server(t, 15).Database(t, "create table t (id serial primary key, b int); insert into t (b) select i from generate_series(1, 200) i;"+watched+always)
	w := &commandWorld{world: &world{source: source, target: server(t, 15).Database(t, ""), build: build, engine: engine, blocks: `tables = ["public.*"]`}}
	w.lay(t)
	w.complete(t)
	w.target.Exec(t, watched+always)
	return w
}

// always: pglogical's worker is a replica, for which no other trigger fires.
const always = "; alter event trigger watched enable always"

// strikesEngineCommand are moments of a command's life over an engine of the servers.
var strikesEngineCommand = map[string][]strikeCommand{
	"subscription": {
		{moment: "it waits for a lock of the source", command: newColumn, holds: onSource, waits: true},
		{moment: "the source has run it and not committed", command: newColumn, fact: begunOnly, slow: onSource, delay: 150 * time.Millisecond},
		{moment: "the target waits for a lock", command: newColumn, line: sourceIsDone, holds: onTarget, waits: true, source: true},
		{moment: "the source has committed, and a runner goes on", command: newColumn, line: sourceIsDone, holds: onTarget, source: true, brings: true},
		{moment: "the target has committed", command: newColumn, line: targetIsDone, slow: onTarget, delay: lasting / 2, source: true, target: true},
		{moment: "the state is not saved", command: newColumn, line: toldMirrors, slow: onSource, delay: lasting / 2, source: true, target: true},
	},
	"pglogical": {
		{moment: "it waits for a lock of the source", command: newColumn, holds: onSource, waits: true},
		{moment: "the source has run it and not committed", command: newColumn, fact: begunOnly, slow: onSource, delay: 150 * time.Millisecond},
		{moment: "pglogical's worker waits for a lock", command: newColumn, line: sourceIsDone, holds: onTarget, source: true},
		{moment: "the target has committed", command: newColumn, line: toldMirrors, slow: onTarget, delay: lasting / 2, source: true, target: true},
	},
}

// A command of a mirror that its servers keep in step is killed in every moment of its
// life, and then comes once to each side, and the mirror goes back to its servers.
func TestEngineCommandKilled(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"subscription", "pglogical"} {
		t.Run(engine, func(t *testing.T) {
			long(t)
			t.Parallel()
			w := newEngineCommandWorld(t, engine, program)
			stop := writer(t, w.source)
			for range rounds(1) {
				for _, s := range strikesEngineCommand[engine] {
					w.survive(t, s)
				}
			}
			stop()
			e := &engineWorld{w.world}
			if got := e.hands(t); got != "true true" {
				t.Errorf("in the end (handed, enabled) are %s", got)
			}
			e.arrives(t, "at last")
			for _, d := range w.differences(t) {
				t.Errorf("differs: %s", d)
			}
			w.dropMade(t)
			w.checkDestroyed(t)
		})
	}
}
