package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/executor/keep"
	"bascule/planner/catalog/pgtest"
)

// Two mirrors of one source that have tables in common, into two databases: each goes
// its own way, and the removal of one leaves the other alone.
func TestTwoMirrorsOfOneSource(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, `create table common (id int primary key, v text); create table left_only (id int primary key); create table right_only (v text);
		insert into common select i, 'v' || i from generate_series(1, 50) i; insert into right_only values ('x')`)
	second := pgtest.Server(t, 15).Database(t, "")
	f := newFollower(t, source, target, `exclude = ["public.right_only"]`)
	other := mirrorBlock("other", `tables = ["public.common", "public.right_only", "public.mark"]
		table "public.right_only" { replica_identity = "full" }`)
	peer := fmt.Sprintf("peer \"second\" { url = %q }\n", second.URL)
	f.more = peer + strings.Replace(other, "peer.target", "peer.second", 1)
	g := *f
	g.target, g.to = second, plainly(t, second)
	f.applied(t)
	f.runs(t)
	const made = "select (select count(*) from pg_replication_slots where database = current_database()), (select count(*) from pg_publication), (select relreplident from pg_class where relname = 'right_only')"
	if got := source.Query(t, made); got != "2|4|f" {
		t.Errorf("slots, publications and identity: %s", got)
	}
	f.writes(t, "update common set v = v || '!' where id % 2 = 0; insert into left_only values (1); insert into right_only values ('y'); delete from right_only where v = 'x'",
		"begin; delete from common where id < 10; insert into left_only values (2); update right_only set v = 'z'; commit; truncate common; insert into common values (1, 'again')")
	f.same(t, "public.right_only")
	g.same(t, "public.left_only")

	f.more = peer
	f.applied(t)
	if got := source.Query(t, made); got != "1|2|d" {
		t.Errorf("slots, publications and identity after a removal: %s", got)
	}
	f.writes(t, "insert into common values (2, 'more'); update common set v = 'last' where id = 1")
	f.same(t, "public.right_only")
	if got := second.Query(t, "select * from common"); got != "1|again" {
		t.Errorf("the second has %s", got)
	}
	f.settled(t)
}

// Two runners on one mirror: one waits while the other streams, and whatever ends
// when, all arrives once.
func TestTwoRunnersOnOneMirror(t *testing.T) {
	long(t)
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, bank)
	target := pgtest.Server(t, 15).Database(t, "")
	f := newFollower(t, source, target, "")
	f.applied(t)
	stop := f.runs(t)
	trading(t, source, func() {
		f.arrived(t)
		for range 3 {
			waits := &journal{}
			next := f.runsWith(t, keep.Config{Sink: waits})
			pgtest.Eventually(t, func() error {
				if !waits.told("waiting") {
					return fmt.Errorf("told nothing but\n%s", waits)
				}
				return nil
			})
			stop()
			stop = next
			f.arrived(t)
		}
	})
	f.same(t)
	f.balances(t)
}

// A paused mirror is copied, and its slot keeps what happens; it goes on where it was.
func TestPausedMirror(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create table t (id int primary key, v text); insert into t values (1, 'a')")
	f := newFollower(t, source, target, "paused = true")
	f.applied(t)
	f.runs(t)
	rows := func() string { return target.Query(t, "select * from t order by id") }
	f.writes(t, "insert into t values (2, 'b')")
	pgtest.Eventually(t, func() error {
		if !f.events.told("is paused") {
			return fmt.Errorf("told\n%s", f.events)
		}
		return nil
	})
	if got := rows(); got != "1|a" {
		t.Errorf("the target has %s", got)
	}
	f.settled(t)
	f.body = ""
	f.applied(t)
	f.same(t)
	f.body = "paused = true"
	f.applied(t)
	f.writes(t, "update t set v = 'c'")
	source.Eventually(t, "select count(*) from pg_replication_slots where active and database = current_database()", "0")
	if got := rows(); got != "1|a\n2|b" {
		t.Errorf("the target has %s", got)
	}
	f.body = "stream {\nmax_delay = \"10ms\"\n}"
	f.applied(t)
	f.same(t)
	f.settled(t)
}
