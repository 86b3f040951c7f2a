package executor_test

import (
	"testing"

	"bascule/planner/catalog/pgtest"
)

// A table is described anew by the source between rows and a TRUNCATE that one batch
// holds: the rows of before are gone all the same.
func TestTruncatedAfterItWasDescribedAnew(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create table event (what text); create table kept (id int primary key); insert into event values ('old')")
	f := newFollower(t, source, target, "")
	f.more = block("n", "alter table public.event add column n int")
	f.applied(t)
	f.body = "paused = true"
	f.applied(t)
	f.writes(t, "insert into event values ('before')", "truncate event; insert into event values ('behind')", "insert into event (n) values (1)")
	f.settled(t)
	f.body = ""
	f.applied(t)
	f.runs(t)
	f.same(t)
}
