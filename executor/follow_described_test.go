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

// Rows under what the table was described as before are written before those behind
// them, also where these cannot wait for the end of the batch: a key that moves while a
// value of its row stays out of line.
func TestChangedAfterItWasDescribedAnew(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, `
		create table page (id int primary key, n int, body text);
		alter table page alter body set storage external;
		insert into page select i, 0, repeat('x', 9000) from generate_series(1, 2) i`)
	f := newFollower(t, source, target, "")
	f.more = block("m", "alter table public.page add column m int")
	f.applied(t)
	f.body = "paused = true"
	f.applied(t)
	f.writes(t, "update page set n = 1 where id = 1", "alter table page set (fillfactor = 90)",
		"update page set n = 2 where id = 1; update page set id = 3 where id = 2", "insert into page (id) values (4)")
	f.settled(t)
	f.body = ""
	f.applied(t)
	f.runs(t)
	f.same(t)
}
