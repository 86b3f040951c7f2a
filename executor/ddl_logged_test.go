package executor_test

import (
	"errors"
	"fmt"
	"testing"

	"bascule/executor/command"
	"bascule/planner/catalog/pgtest"
)

// What a block runs by itself on a source that logs its DDL is on the target once,
// whoever brings it there.
func TestAloneOnLoggedSource(t *testing.T) {
	t.Parallel()
	const parts = `create table m (id int, at date, primary key (id, at)) partition by range (at);
		create table m_2024 partition of m for values from ('2024-01-01') to ('2025-01-01');
		create table m_2025 partition of m for values from ('2025-01-01') to ('2026-01-01')`
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			source := pgtest.Server(t, 15).Database(t, single+parts)
			target := pgtest.Server(t, major).Database(t, "")
			f := newFollower(t, source, target, logs)
			f.applied(t)
			for i, command := range []string{
				"create index concurrently by_a on public.t (a)",
				"create index concurrently on public.t (b)",
				"create unique index concurrently on public.t (b, a)",
				"reindex index concurrently public.by_a",
				"drop index concurrently public.by_a",
				"alter table public.m detach partition public.m_2025 concurrently",
				"vacuum public.t",
			} {
				f.more += block(fmt.Sprintf("x%d", i), command)
				f.applied(t)
				f.sameRows(t, command, indexes, indexes)
			}
			const inherited = "select inhrelid::regclass::text from pg_inherits where inhparent = 'm'::regclass"
			f.sameRows(t, "detached", inherited, inherited)
			f.settled(t)
			f.runs(t)
			f.arrived(t)
		})
	}
}

// A mirror that stands still at every command would stand still at the block's, and
// know no way on: that runs nowhere.
func TestAloneOnHaltingMirror(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, single)
	f := newFollower(t, source, target, "stream {\nddl = \"halt\"\n}")
	f.applied(t)
	f.more = block("x", "create index concurrently by_a on public.t (a)")
	var halts *command.HaltsMirrorError
	if _, _, err := f.tries(t); !errors.As(err, &halts) {
		t.Fatalf("%v", err)
	}
	if got := source.Query1(t, "select count(*) from pg_indexes where indexname = 'by_a'"); got != "0" {
		t.Error("it ran on the source")
	}
	f.more = ""
	f.applied(t)
	f.settled(t)
	f.runs(t)
	source.Exec(t, "create index concurrently by_a on public.t (a)")
	f.halts(t, "stops the mirror at every command")
	f.more = f.printed(t)
	f.applied(t)
	f.arrived(t)
	f.sameRows(t, "indexes", indexes, indexes)
}

// A block that a halt has printed, and that runs outside of a transaction, is kept until
// the stream is past what it stands for: without it the mirror would halt there again, with
// what is on the target already.
func TestLoggedBlockIsKeptUntilPassed(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, single)
	f := newFollower(t, source, target, "stream {\nddl = \"halt\"\n}")
	f.applied(t)
	stop := f.runs(t)
	source.Exec(t, "create index concurrently by_a on public.t (a)")
	f.halts(t, "stops the mirror at every command")
	stop()
	pasted := f.printed(t)
	f.more = pasted
	f.applied(t)
	f.more = ""
	var ahead *command.AheadError
	if _, _, err := f.tries(t); !errors.As(err, &ahead) {
		t.Fatalf("forgotten: %v", err)
	}
	f.more = pasted
	f.applied(t)
	f.runs(t)
	f.arrived(t)
	f.more = ""
	f.applied(t)
	f.arrived(t)
	f.sameRows(t, "indexes", indexes, indexes)
	f.settled(t)
}

// A block runs where its statements did on the source: behind the rows that come before
// them in their transaction, and before those behind.
func TestRowsBeforeLoggedBlock(t *testing.T) {
	t.Parallel()
	f := logging(t)
	stop := f.runs(t)
	conn := begun(t, f.source, "insert into t values (200, 'x', 7)")
	says(t, conn, "alter table t rename b to c; alter table t alter c set default 5")
	says(t, conn, "insert into t (id, c) values (201, 8); commit")
	f.halts(t, "it is one of 2 statements that were sent at once")
	stop()
	f.more = f.printed(t)
	f.applied(t)
	f.runs(t)
	f.source.Exec(t, "insert into t (id) values (202)")
	f.arrived(t)
	f.sameRows(t, "t", "select * from t", "select * from t")
}
