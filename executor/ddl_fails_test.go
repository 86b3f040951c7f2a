package executor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/executor"
	"bascule/executor/command"
	"bascule/executor/keep"
	"bascule/executor/progress"
	"bascule/planner/catalog/pgtest"
)

// What the source refuses has happened nowhere: the block may be edited.
func TestCommandRefused(t *testing.T) {
	t.Parallel()
	f := commanded(t, "create function public.fill() returns void language sql as 'update public.t set b = 0 where id < 4';")
	for _, tc := range []struct{ command, want string }{
		{added + "; select public.fill()", "it wrote rows of tables that are mirrored: public.t (3 updated)"},
		{"create table public.made as select * from public.t", "it fills tables that it makes: public.made (50 inserted)"},
		{"alter table public.t add constraint large check (b > 10)", `check constraint "large" of relation "t" is violated by some row`},
	} {
		f.more = block("x", tc.command)
		_, result, err := f.tries(t)
		if err == nil || !strings.Contains(err.Error(), tc.want) || result.Outcomes[0].Status != executor.Failed {
			t.Errorf("%v\nwant %s", err, tc.want)
		}
		if got := f.recorded(t, "ddl.x") + f.target.Query(t, "select count(*) from bascule.ddl"); got != "0" {
			t.Errorf("recorded: %s", got)
		}
	}
	f.wants(t, "id a b", "id a b")
	f.more = block("x", added)
	f.applied(t)
	f.wants(t, "id a b n", "id a b n")
	f.settled(t)
}

// A lock that is not to be had on the source is waited for no longer than asked for;
// the next apply goes on.
func TestCommandWaitsForTheSource(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.runs(t)
	release := holds(t, f.source, "select from t")
	f.more = block("x", added, `lock_timeout = "1h"`) // the time to wait ends within the statement
	f.waitsInVain(t, func(err error) bool { return strings.Contains(err.Error(), "has not run on the source yet") })
	f.more = block("x", added, `lock_timeout = "200ms"`)
	f.waitsInVain(t, func(err error) bool {
		return strings.Contains(err.Error(), "has not run on the source yet") && f.events.told("the holder")
	})
	f.writes(t, "insert into t values (100)")
	f.same(t)
	if got := f.recorded(t, "ddl.x"); got != "creating false" {
		t.Errorf("recorded: %s", got)
	}
	// As an apply that was killed before the commit leaves it.
	f.target.Exec(t, "update bascule.ddl set xid = '"+aborted(t, f.source)+"'")
	release()
	f.applied(t)
	f.writes(t, "update t set n = 1 where id = 3")
	f.same(t)
	f.settled(t)
}

// aborted is a transaction that was rolled back.
func aborted(t *testing.T, db *pgtest.DB) (xid string) {
	t.Helper()
	tx, err := db.Conn(t).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(t.Context(), "select pg_current_xact_id()::text").Scan(&xid); err != nil {
		t.Fatal(err)
	}
	_ = tx.Rollback(t.Context())
	return xid
}

// A lock that is not to be had on the target, of a mirror that the target's subscription
// follows: the server would pass the command over, so that it is not handed the mirror
// back before the command is through.
func TestCommandWaitsForTheTargetOfASubscription(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.body = "engine = \"subscription\""
	f.applied(t)
	release := holds(t, f.target, "lock table t in share row exclusive mode")
	f.more = block("x", added, `lock_timeout = "200ms"`)
	f.waitsInVain(t, func(err error) bool {
		var late *command.WaitError
		return errors.As(err, &late) && late.OnSource && strings.Contains(late.Hint(), "hands the mirrors back to their servers")
	})
	const handed = "select handed from bascule.stream"
	if got := f.target.Query1(t, handed); got != "f" {
		t.Errorf("handed back with a command on its way: %s", got)
	}
	f.writes(t, "insert into t values (100, 'x', 1, 1)")
	release()
	f.applied(t)
	if got := f.target.Query1(t, handed); got != "t" {
		t.Errorf("handed back: %s", got)
	}
	f.same(t)
	f.settled(t)
}

// A lock that is not to be had on the target keeps the command from it, and from
// nothing else; whoever streams then brings it there, and the next apply records that.
func TestCommandWaitsForTheTarget(t *testing.T) {
	t.Parallel()
	for _, runs := range []bool{false, true} {
		t.Run(fmt.Sprint("with a runner ", runs), func(t *testing.T) {
			t.Parallel()
			f := commanded(t, "")
			release := holds(t, f.target, "lock table t in share row exclusive mode")
			f.more = block("x", added, `lock_timeout = "200ms"`)
			f.waitsInVain(t, func(err error) bool {
				return strings.Contains(err.Error(), "ran on the source, and is not on all targets yet")
			})
			f.wants(t, "id a b n", "id a b")
			f.writes(t, "insert into t values (100, 'x', 1, 1)")
			if runs {
				f.runs(t)
				release()
				f.same(t)
			} else {
				release()
			}
			plan := f.applied(t)
			if c := plan.Changes[0]; c.DDL == nil || runs != c.DDL.Record {
				t.Errorf("planned %+v", c.DDL)
			}
			f.runs(t)
			f.same(t)
			f.settled(t)
			if got := f.recorded(t, "ddl.x"); got != "ready true" {
				t.Errorf("recorded: %s", got)
			}
		})
	}
}

// stopper ends an apply when a stage begins.
type stopper struct {
	progress.Sink
	stage string
	stop  context.CancelFunc
}

func (s stopper) Event(e progress.Event) {
	if e, ok := e.(progress.StageStarted); ok && e.Stage == s.stage {
		s.stop()
	}
	s.Sink.Event(e)
}

// An apply that ends at any moment is gone on with by the next.
func TestCommandStopped(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"catch up", "run on peer.source", "wait for the targets", "record what it made of the tables"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			f := commanded(t, "")
			f.more = block("x", added)
			ctx, cancel := context.WithCancel(t.Context())
			_, result, err := f.triesWith(ctx, t, func(c *executor.Config) { c.Sink = stopper{f.events, stage, cancel} })
			if !errors.Is(err, context.Canceled) || result.Outcomes[0].Status != executor.Interrupted {
				t.Errorf("%+v %v", result.Outcomes, err)
			}
			f.writes(t, "insert into t values (100)")
			f.applied(t)
			f.runs(t)
			f.writes(t, "update t set n = 1 where id = 100")
			f.same(t)
			f.settled(t)
		})
	}
}

// A command that the target refuses halts the mirror there, with the remedy; when that
// is mended, the same apply goes on, or a runner that is to try again.
func TestCommandFailsOnTheTarget(t *testing.T) {
	t.Parallel()
	for _, retried := range []bool{false, true} {
		t.Run(fmt.Sprint("by a runner ", retried), func(t *testing.T) {
			t.Parallel()
			f := commanded(t, "")
			stop := f.runs(t)
			f.target.Exec(t, "create view stands as select a from t")
			f.more = block("x", "alter table public.t drop a") + block("y", added)
			_, result, err := f.tries(t)
			if err == nil || !strings.Contains(err.Error(), "ddl.x") || !strings.Contains(err.Error(), "depend") {
				t.Errorf("%v", err)
			}
			if o := result.Outcomes; len(o) != 2 || o[1].Status != executor.Skipped {
				t.Errorf("%+v", o)
			}
			if halt := f.halt(t); !strings.Contains(halt, "2BP01") || !strings.Contains(halt, "make it possible on the target too") || !strings.Contains(halt, "bascule run -retry='mirror.app'") {
				t.Errorf("halt %s", halt)
			}
			f.wants(t, "id b", "id a b")
			f.target.Exec(t, "drop view stands")
			f.writes(t, "insert into t values (100, 1)")
			if retried {
				stop()
				f.runsWith(t, keep.Config{Sink: f.events, Retry: []string{"mirror.app"}})
				f.target.Eventually(t, columns, "id b")
				f.same(t)
			}
			f.applied(t)
			f.wants(t, "id b n", "id b n")
			f.same(t)
			f.settled(t)
		})
	}
}

// A block that is taken out is forgotten, and runs nothing; one that is not through is
// not forgotten.
func TestCommandForgotten(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.more = block("x", added)
	f.applied(t)
	f.more = ""
	f.applied(t)
	if got := f.recorded(t, "ddl.x") + f.target.Query(t, "select count(*) from bascule.ddl"); got != "0" {
		t.Errorf("recorded: %s", got)
	}
	f.wants(t, "id a b n", "id a b n")
	f.settled(t)
}

// A state that was lost takes over what the ledger has as applied: the block is done, by
// its checksum, LSN and time.
func TestCommandAdopted(t *testing.T) {
	t.Parallel()
	f := commanded(t, "")
	f.more = block("x", added)
	f.applied(t)
	want := f.target.Query1(t, "select checksum || ' ' || lsn || ' ' || to_char(applied at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS') from bascule.ddl")
	_, store, file := f.load(t, f.text())
	record := func() string {
		d := file.Find("ddl.x").DDL
		return fmt.Sprintf("%s %s %s", d.Checksum, d.LSN, d.Applied.UTC().Format(time.DateTime))
	}
	if got := record(); got != want {
		t.Errorf("the state has %s, and the ledger %s", got, want)
	}
	file.Resources = nil
	if err := store.Save(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	f.applied(t)
	if got := f.recorded(t, "ddl.x"); got != "ready true" {
		t.Errorf("recorded: %s", got)
	}
	_, _, file = f.load(t, f.text())
	if got := record(); got != want {
		t.Errorf("the state has taken over %s of %s", got, want)
	}
	f.settled(t)
}
