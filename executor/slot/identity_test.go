package slot_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// Identities are put back only where they still are as we set them.
func TestSetIdentities(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), `
		create table a (x int not null, y int not null);
		create unique index "A x" on a (x); create unique index a_y on a (y)`)
	full := planner.ReplicaIdentity{Schema: "public", Name: "a", Is: "full", Was: "default"}
	byX := planner.ReplicaIdentity{Schema: "public", Name: "a", Is: "index:A x", Was: "default"}
	xToFull := planner.ReplicaIdentity{Schema: "public", Name: "a", Is: "full", Was: "index:A x"}
	for _, step := range []struct {
		rule, before string
		id           planner.ReplicaIdentity
		back         bool
		want, err    string
	}{
		{"set", "", full, false, "f", ""},
		{"set again", "", full, false, "f", ""},
		{"put back", "", full, true, "d", ""},
		{"put back again", "", full, true, "d", ""},
		{"by index", "", byX, false, "i", ""},
		{"from an index", "", xToFull, false, "f", ""},
		{"back to the index", "", xToFull, true, "i", ""},
		{"not as planned", "alter table a replica identity nothing", full, false, "n",
			"the replica identity of public.a is nothing now, and was to be changed to full"},
		{"changed since, and kept", "", full, true, "n", ""},
		{"changed to another index since, and kept", "alter table a replica identity using index a_y", byX, true, "i", ""},
		{"the index it was is gone", `alter table a replica identity full; drop index "A x"`, xToFull, true, "d", ""},
		{"gone, to put back", "alter table a rename to b", full, true, "", ""},
		{"gone", "", full, false, "", "table public.a is not on the source any more: it was dropped, or made anew"},
	} {
		if step.before != "" {
			s.Exec(t, step.before)
		}
		text := ""
		if err := slot.SetIdentities(t.Context(), s.conn, []planner.ReplicaIdentity{step.id}, step.back); err != nil {
			text = err.Error()
		}
		if got := s.Query1(t, "select relreplident from pg_class where relname = 'a'"); got != step.want || text != step.err {
			t.Errorf("%s: %s, %s", step.rule, got, text)
		}
	}
}

// A table that is locked is tried for in turns that let others in between, and the
// error says who is in the way.
func TestSetIdentitiesDoesNotQueueForALock(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Own(t, 15), shop)
	_, tx := s.writer("insert into orders values (1)")
	changed := make(chan error, 1)
	conn := s.open(false)
	id := planner.ReplicaIdentity{Schema: "public", Name: "orders", Is: "full", Was: "default"}
	go func() { changed <- slot.SetIdentities(t.Context(), conn, []planner.ReplicaIdentity{id}, false) }()
	s.Eventually(t, "select count(*) from pg_locks where not granted and relation = 'orders'::regclass", "1")
	other, second := s.writer("insert into orders values (2)")
	if other.IsClosed() {
		t.Error("a writer could not go on")
	}
	for _, open := range []pgx.Tx{tx, second} {
		if err := open.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	if got := s.Query1(t, "select relreplident from pg_class where oid = 'orders'::regclass"); got != "f" {
		t.Errorf("identity %s", got)
	}
}

// A table of somebody else: the server's refusal names it.
func TestSetIdentitiesNeedsTheOwner(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), "select")
	s.Exec(t, "create table theirs (id int primary key)")
	err := slot.SetIdentities(t.Context(), s.conn, []planner.ReplicaIdentity{{Schema: "public", Name: "theirs", Is: "full", Was: "default"}}, false)
	if session.Code(err) != "42501" || !strings.Contains(err.Error(), "public.theirs") {
		t.Errorf("got %v", err)
	}
}
