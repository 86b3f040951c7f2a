package executor_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"bascule/executor"
	"bascule/planner/catalog/pgtest"
)

// shapeChange is a change of a table, with rows of before and of behind in its
// transaction.
type shapeChange struct{ rule, before, command, after string }

var shapeChanges = []shapeChange{
	{"a column is renamed", "insert into t values (101, 'x', 7); update t set b = b + 1 where id < 9", "alter table public.t rename b to c", "insert into t (id, c) values (102, 8); update t set c = c + 1 where id < 5"},
	{"a column goes", "insert into t values (101, 'x', 7); update t set b = 9, a = 'w' where id < 5", "alter table public.t drop column b", "insert into t values (102, 'y'); delete from t where id = 9"},
	{"a type changes", "insert into t values (101, 'x', 7); update t set b = 9 where id < 5", "alter table public.t alter column b type bigint", "insert into t values (102, 'y', 5000000000); update t set b = b * 1000000000 where id < 4"},
	{"a table is renamed", "insert into t values (101, 'x', 7); update t set b = 9 where id < 5", "alter table public.t rename to people", "insert into people values (102, 'y', 1); delete from people where id = 101"},
	{"a table goes", "insert into u values (2, 2); update u set v = 3; insert into t values (101, 'x', 7)", "drop table public.u", "insert into t values (102, 'y', 1)"},
	{"a column comes", "insert into t values (101, 'x', 7); delete from t where id = 3", "alter table public.t add column n int not null default 7", "insert into t values (102, 'y', 1, 9); update t set n = id where id = 4 or id = 101"},
}

// placed is a mirror of tables t and u, and how it follows DDL.
func placed(t *testing.T, ddl string) *follower {
	t.Helper()
	source := pgtest.Server(t, 15).Database(t, single+"create table u (id int primary key, v int); insert into u values (1, 1)")
	f := newFollower(t, source, pgtest.Server(t, 17).Database(t, ""), fmt.Sprintf("stream {\nddl = %q\n}", ddl))
	f.applied(t)
	return f
}

// inOneTransaction runs statements in one transaction of the source: sent as one string,
// where DDL that is sent by itself would be followed.
func (f *follower) inOneTransaction(t *testing.T, ddl string, statements ...string) {
	t.Helper()
	if ddl == "auto" {
		f.writes(t, strings.Join(statements, "; "))
		return
	}
	f.writes(t, "begin")
	f.writes(t, statements...)
	f.writes(t, "commit")
}

// copies are what tells that a table was copied again: where its copy was taken, and its
// size.
func (f *follower) copies(t *testing.T) string {
	t.Helper()
	return f.target.Query(t, `select m.source, m.state, m.point, r.bytes, r.chunks from bascule.member m
		left join bascule.relation r on r.schema = m.target_schema and r.name = m.target_name where m.state <> 'removed' and m.name <> 'u' order by 1`)
}

// pastes adds the blocks that halts print and applies them, until the mirror goes on. It
// returns how many there were.
func (f *follower) pastes(t *testing.T) (n int) {
	t.Helper()
	for n = 1; ; n++ {
		f.more += f.printed(t)
		plan, _, err := f.tries(t)
		if err == nil {
			return n
		}
		if n == 6 || !strings.Contains(f.halt(t), "bascule apply") {
			t.Fatalf("block %d: %v\n%s%s\nhalt %s", n, err, findings(plan), f.more, f.halt(t))
		}
	}
}

// standsAt is why a mirror halts, by how it follows DDL.
var standsAt = map[string]string{"declared": `"shape"`, "halt": "at every command", "auto": "statements that were sent at once"}

// A transaction that wrote rows, changed their table's shape and wrote more halts the
// mirror. The block that it prints is all that it needs: the rows of before come before
// it, those of behind behind it, and nothing is copied again.
func TestBlockRunsInItsPlace(t *testing.T) {
	t.Parallel()
	for i, k := range shapeChanges {
		for n, ddl := range []string{"declared", "halt", "auto"} {
			if !*longFlag && i%3 != n {
				continue // make suites runs all
			}
			t.Run(ddl+", "+k.rule, func(t *testing.T) {
				t.Parallel()
				f := placed(t, ddl)
				copies := f.copies(t)
				f.inOneTransaction(t, ddl, k.before, k.command, k.after)
				if ddl == "declared" && strings.HasPrefix(k.command, "drop") { // no row shows it, and apply takes the table out
					f.applied(t)
					f.more = block("x", k.command, "ran_on_source = true")
					f.applied(t)
				} else {
					f.runsUntil(t, standsAt[ddl])
					if n := f.pastes(t); n != 1 {
						t.Errorf("%d blocks", n)
					}
				}
				f.runs(t)
				f.same(t, `bascule\_%.ddl`)
				f.sameRows(t, "shape", shape, shape)
				if now := f.copies(t); now != copies {
					t.Errorf("copies\n%s\nand now\n%s", copies, now)
				}
				f.settled(t)
			})
		}
	}
}

// Several changes of several tables in one transaction, and one in the next, each between
// rows: all blocks run in their places.
func TestBlocksRunInTheirPlaces(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ddl   string
		first int // blocks that the first transaction needs
	}{{"declared", 3}, {"halt", 1}, {"auto", 1}} {
		t.Run(tc.ddl, func(t *testing.T) {
			t.Parallel()
			f := placed(t, tc.ddl)
			copies := f.copies(t)
			f.inOneTransaction(t, tc.ddl, "insert into t values (101, 'x', 7); insert into u values (2, 2)", "alter table public.t rename b to c", "insert into t (id, c) values (102, 8)",
				"update u set v = 5", "alter table public.u add column n int default 3", "insert into u values (3, 3, 4); update t set c = 9 where id = 101", "alter table public.t rename a to d", "insert into t (id, d) values (103, 'z')")
			f.inOneTransaction(t, tc.ddl, "insert into u values (4, 4, 4)", "alter table public.u drop column v", "insert into u values (5, 5)")
			f.runsUntil(t, standsAt[tc.ddl])
			if n := f.pastes(t); n != tc.first {
				t.Errorf("%d blocks for the first", n)
			}
			f.runsUntil(t, standsAt[tc.ddl])
			f.pastes(t)
			f.runs(t)
			f.same(t, `bascule\_%.ddl`)
			f.sameRows(t, "shape", shape, shape)
			if now := f.copies(t); now != copies {
				t.Errorf("copies\n%s\nand now\n%s", copies, now)
			}
			if got := f.target.Query1(t, "select count(*) || ' ' || count(applied) from bascule.ddl"); got != fmt.Sprintf("%d %[1]d", tc.first+1) {
				t.Errorf("blocks %s\n%s", got, f.more)
			}
			f.settled(t)
		})
	}
}

// A session of the target's that is killed in the middle of the transaction, while the
// block waits for a lock, leaves nothing of it; the same apply does it again, once.
func TestBlockIsKilledInItsPlace(t *testing.T) {
	t.Parallel()
	for _, ddl := range []string{"declared", "auto"} {
		t.Run(ddl, func(t *testing.T) {
			t.Parallel()
			f := placed(t, ddl)
			f.target.Exec(t, "alter table u drop constraint u_pkey") // rows that come twice would stay
			f.inOneTransaction(t, ddl, "insert into u values (2, 2); insert into t values (101, 'x', 7)", "alter table public.t rename b to c", "insert into t (id, c) values (102, 8); insert into u values (3, 3)")
			f.runsUntil(t, standsAt[ddl])
			f.more = f.printed(t)
			release := holds(t, f.target, "select from t")
			ended := make(chan error, 1)
			go func() {
				_, _, err := f.triesWith(t.Context(), t, func(*executor.Config) {})
				ended <- err
			}()
			pgtest.Eventually(t, func() error {
				if got := f.target.Query1(t, "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ~* 'rename'"); got == "0" {
					return fmt.Errorf("nobody waits\n%s", f.events)
				}
				return nil
			})
			release()
			if err := <-ended; err != nil {
				t.Fatalf("%v\n%s", err, f.events)
			}
			f.runs(t)
			f.same(t, `bascule\_%.ddl`)
			f.settled(t)
		})
	}
}

// A block that the target refuses in its place leaves the mirror halted before the
// transaction, with the remedy; it may be edited.
func TestBlockIsRefusedInItsPlace(t *testing.T) {
	t.Parallel()
	for _, ddl := range []string{"declared", "auto"} {
		t.Run(ddl, func(t *testing.T) {
			t.Parallel()
			f := placed(t, ddl)
			f.target.Exec(t, "create view stands as select b from t")
			f.inOneTransaction(t, ddl, "insert into t values (101, 'x', 7)", "alter table public.t drop column b", "insert into t values (102, 'y')")
			f.runsUntil(t, standsAt[ddl])
			f.more = f.printed(t)
			_, _, err := f.tries(t)
			if err == nil || !strings.Contains(err.Error(), "2BP01") {
				t.Fatalf("%v", err)
			}
			if halt := f.halt(t); !strings.Contains(halt, "did not run") || !strings.Contains(halt, "correct ddl.") || !strings.Contains(halt, "drop them first") {
				t.Errorf("halt %s", halt)
			}
			f.wants(t, "id a", "id a b")
			if got := f.target.Query1(t, "select count(*) from t where id > 100"); got != "0" {
				t.Errorf("%s rows are there", got)
			}
			f.more = strings.NewReplacer("DROP COLUMN b", "DROP COLUMN b CASCADE", "drop column b", "drop column b cascade").Replace(f.more)
			f.applied(t)
			f.runs(t)
			f.same(t, `bascule\_%.ddl`)
			f.settled(t)
		})
	}
}

// An apply that ends while the transaction is on its way, or when it has just come
// through, is gone on with by the next.
func TestBlockIsStoppedInItsPlace(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"stream app to where the command belongs", "record what it made of the tables"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			f := placed(t, "declared")
			f.target.Exec(t, "alter table u drop constraint u_pkey") // rows that come twice would stay
			f.inOneTransaction(t, "", "insert into u values (2, 2); insert into t values (101, 'x', 7)", "alter table public.t rename b to c", "insert into t (id, c) values (102, 8); insert into u values (3, 3)")
			f.runsUntil(t, standsAt["declared"])
			f.more = f.printed(t)
			ctx, cancel := context.WithCancel(t.Context())
			if _, _, err := f.triesWith(ctx, t, func(c *executor.Config) { c.Sink = stopper{f.events, stage, cancel} }); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			f.applied(t)
			f.runs(t)
			f.same(t)
			f.settled(t)
		})
	}
}

// What a DO ran between rows that it wrote is taken apart by hand, with a comment for each
// entry of the log. A comment of another transaction's is refused.
func TestBlockIsTakenApart(t *testing.T) {
	t.Parallel()
	f := placed(t, "auto")
	f.writes(t, "do $$ begin insert into t values (101, 'x', 7); alter table public.t rename b to c; insert into t (id, c) values (102, 8); alter table public.t drop a; insert into t values (103, 1); end $$")
	f.runsUntil(t, "it was run inside of a DO")
	log := regexp.MustCompile(`bascule:log (\d+): (\d+) (\d+) `).FindStringSubmatch(f.printed(t))
	if log == nil {
		t.Fatalf("%s", f.printed(t))
	}
	part := func(id, command string) string {
		return fmt.Sprintf("/* bascule:log %s: %s */ %s; ", log[1], id, command)
	}
	both := part(log[2], "alter table public.t rename b to c") + part(log[3], "alter table public.t drop a")
	f.more = block("x", both+part("999", "alter table public.t add n int"), "ran_on_source = true")
	if _, _, err := f.tries(t); err == nil || !strings.Contains(f.halt(t), "that are not of this transaction") {
		t.Errorf("%v\nhalt %s", err, f.halt(t))
	}
	f.more = block("x", both, "ran_on_source = true")
	f.applied(t)
	f.runs(t)
	f.same(t, `bascule\_%.ddl`)
	f.sameRows(t, "shape", shape, shape)
	f.settled(t)
}

// A block for two mirrors runs in its place on each target.
func TestBlockForTwoMirrors(t *testing.T) {
	t.Parallel()
	f, g := twoMirrors(t, "")
	f.inOneTransaction(t, "", "insert into t values (101, 'x', 7)", "alter table public.t rename b to c", "insert into t (id, c) values (102, 8)")
	f.more += block("x", "alter table public.t rename b to c", forBoth, "ran_on_source = true")
	f.applied(t)
	f.runs(t)
	f.same(t)
	g.same(t, "public.none_%")
	f.settled(t)
}
