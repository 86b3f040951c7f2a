package executor_test

import (
	"context"
	"strings"
	"testing"

	"bascule/executor"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/live"
)

// atStage stops an apply when a stage of it begins.
type atStage struct {
	progress.Sink
	stage string
	stop  func()
}

// Event takes one event in.
func (s atStage) Event(e progress.Event) {
	if begun, ok := e.(progress.StageStarted); ok && strings.HasPrefix(begun.Stage, s.stage) {
		s.stop()
	}
	s.Sink.Event(e)
}

// A mirror is to be copied again, and that is stopped: whenever it is, the next apply
// does it without being allowed anything. The rows that it overwrites are its own.
func TestReplacementThatIsStopped(t *testing.T) {
	long(t)
	t.Parallel()
	const tables = "create table t (id int primary key, a text); create table u (t int references t); create table log (line text);"
	const rows = "insert into t select i, 'a' from generate_series(1, 100) i; insert into u values (1); create view v as select * from t"
	for _, own := range []bool{false, true} {
		for _, stage := range []string{oldStream, "create slot", "take a snapshot", "read the schema", "create the schema", "copy", "stream"} {
			if own && strings.HasSuffix(stage, "the schema") {
				continue
			}
			t.Run(map[bool]string{true: "own schema, "}[own]+stage, func(t *testing.T) {
				if own || stage != oldStream && stage != "create slot" {
					long(t)
				}
				t.Parallel()
				source, target := pgtest.New(t, tables+rows)
				f := newFollower(t, source, target, "table \"public.log\" {\nreplica_identity = \"full\"\n}\n")
				if own {
					target.Exec(t, tables+"create table mark (id bigserial primary key)")
					f.body += "schema {\ncopy = false\n}"
				}
				before := onSource(t, source)
				f.applied(t)
				f.stoppedAt(t, stage, "mirror.app")
				f.losesNothing(t)
				if stage != oldStream { // which comes once
					f.stoppedAt(t, stage)
					f.losesNothing(t)
				}
				f.writes(t, "insert into t values (1000, 'new'); delete from t where id = 50")
				f.applied(t)
				f.runs(t)
				f.writes(t, "update t set a = 'b' where id < 20; insert into log values ('x')", "update log set line = 'y'")
				f.same(t)
				f.settled(t)
				f.removed(t)
				if after := onSource(t, source); after != before {
					t.Errorf("the source was\n%s\nand is\n%s", before, after)
				}
			})
		}
	}
}

const oldStream = "take the old stream away"

// losesNothing demands that a plan asks for nobody's leave.
func (f *follower) losesNothing(t *testing.T) {
	t.Helper()
	for _, c := range f.planned(t).Changes {
		if len(c.DataLoss) > 0 {
			t.Errorf("to %s %s is to lose %v", c.Action, c.Address, c.DataLoss)
		}
	}
}

// stoppedAt applies, with these addresses to be copied again, until a stage begins.
func (f *follower) stoppedAt(t *testing.T, stage string, again ...string) {
	t.Helper()
	cfg, store, file := f.load(t, f.text())
	seen, err := live.Observe(t.Context(), cfg, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan := planner.Make(planner.Input{Version: "0.1.0", Config: cfg, State: file, Live: seen, Replaces: again})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	result, err := executor.Apply(ctx, executor.Config{Plan: plan, Config: cfg, State: file, Store: store, Sink: atStage{f.events, stage, stop}})
	if err == nil || len(result.Outcomes) != 1 || result.Outcomes[0].Status != executor.Interrupted {
		t.Fatalf("it was not stopped: %v\n%s%s", err, findings(plan), f.events)
	}
}
