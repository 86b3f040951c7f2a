package slot_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

const shop = `
	create table orders (id int primary key, note text);
	create table log (line text);
	create table "Odd ""name" (id int primary key);
	create table events (id int, at date, primary key (id, at)) partition by range (at);
	create table events_1 partition of events for values from ('2024-01-01') to ('2025-01-01');
	create table child () inherits (orders)`

// Lists are explicit, of each table alone, and are changed by ADD and DROP: the
// publications stay the ones that the slot knows.
func TestEnsurePublicationsKeepsTheLists(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop)
	p := s.stream("app")
	s.publish(p)
	names := func(all, inserts string) string {
		return fmt.Sprintf("%s|t|f|%s\n%s|f|f|%s", p.Publication, all, p.Inserts, inserts)
	}
	if got := s.published(); got != names("", "") {
		t.Errorf("empty ones:\n%s", got)
	}
	oids := s.Query(t, "select oid from pg_publication order by pubname")
	orders, odd, log := s.member("orders", planner.FollowAll), s.member(`"Odd ""name"`, planner.FollowAll), s.member("log", planner.FollowInserts)
	for _, step := range []struct {
		what    string
		members []ledger.Member
		want    string
	}{
		{"added", []ledger.Member{orders, odd, log}, names(`"Odd ""name" orders`, "log")},
		{"again", []ledger.Member{orders, odd, log}, names(`"Odd ""name" orders`, "log")},
		{"moved", []ledger.Member{{Source: orders.Source, Follow: planner.FollowInserts}, odd, log}, names(`"Odd ""name"`, "log orders")},
		{"moved back, one removed", []ledger.Member{orders, {Source: odd.Source, Follow: planner.FollowAll, State: ledger.Removed}, log}, names("orders", "log")},
		{"none", nil, names("", "")},
	} {
		s.publish(p, step.members...)
		if got := s.published(); got != step.want {
			t.Errorf("%s:\n%s", step.what, got)
		}
	}
	if err := slot.AddTables(t.Context(), s.conn, p, odd); err != nil {
		t.Fatal(err)
	}
	if err := slot.AddTables(t.Context(), s.conn, p, log, odd); err != nil {
		t.Fatal(err)
	}
	if got, want := s.published(), names(`"Odd ""name"`, "log"); got != want {
		t.Errorf("tables added:\n%s", got)
	}
	if err := slot.DropTables(t.Context(), s.conn, p, log, orders); err != nil {
		t.Fatal(err)
	}
	if got, want := s.published(), names(`"Odd ""name"`, ""); got != want {
		t.Errorf("tables dropped:\n%s", got)
	}
	if now := s.Query(t, "select oid from pg_publication order by pubname"); now != oids {
		t.Error("a publication was made anew")
	}
	s.Exec(t, "create table later (id int primary key)")
	if got := s.Query1(t, "select count(*) from pg_publication_tables"); got != "1" {
		t.Errorf("%s tables are published", got)
	}
}

// What somebody else did to our publications is put right, and what cannot be is
// said.
func TestEnsurePublicationsPutsRight(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop)
	p := s.stream("app")
	orders := s.member("orders", planner.FollowAll)
	s.publish(p, orders)
	s.Exec(t, fmt.Sprintf("alter publication %s set (publish = 'insert', publish_via_partition_root = true)", p.Publication))
	s.Exec(t, fmt.Sprintf("alter publication %s set table log", p.Publication))
	s.publish(p, orders)
	if got := s.published(); !strings.HasPrefix(got, p.Publication+"|t|f|orders\n") {
		t.Errorf("published:\n%s", got)
	}
	gone := orders
	gone.Source = 1
	var missing *slot.MissingError
	if err := slot.EnsurePublications(t.Context(), s.conn, p, []ledger.Member{gone}); !errors.As(err, &missing) || missing.Table != "public.orders" {
		t.Errorf("a table that is gone: %v", err)
	}
}

// Two mirrors of one database have publications of their own, and a named one is
// never changed.
func TestPublicationsAreOneMirrorsOwn(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop)
	one, two := s.stream("one"), s.stream("two")
	orders, log := s.member("orders", planner.FollowAll), s.member("log", planner.FollowInserts)
	s.publish(one, orders, log)
	s.publish(two, orders)
	if err := slot.DropTables(t.Context(), s.conn, two, orders); err != nil {
		t.Fatal(err)
	}
	if err := slot.DropPublications(t.Context(), s.conn, two); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s|t|f|orders\n%s|f|f|log", one.Publication, one.Inserts)
	if got := s.published(); got != want {
		t.Errorf("the other mirror's:\n%s", got)
	}
	s.Exec(t, "create publication named for table only orders")
	named := planner.Stream{Publication: "named"}
	s.publish(named, log)
	if err := slot.DropPublications(t.Context(), s.conn, named); err != nil {
		t.Fatal(err)
	}
	if got := s.published(); got != want+"\nnamed|t|f|orders" {
		t.Errorf("a named publication was changed:\n%s", got)
	}
	var foreign *slot.ForeignError
	if err := slot.DropPublications(t.Context(), s.conn, planner.Stream{Publication: "named", OwnPublications: true}); !errors.As(err, &foreign) {
		t.Errorf("a name that is none of ours: %v", err)
	}
}

// Partitions are published as themselves or as their root, as was decided.
func TestPublicationsOfPartitions(t *testing.T) {
	t.Parallel()
	for _, viaRoot := range []bool{false, true} {
		s := newSource(t, pgtest.Server(t, 15), shop)
		p := s.stream("app")
		p.ViaRoot = viaRoot
		table := map[bool]string{false: "events_1", true: "events"}[viaRoot]
		s.publish(p, s.member(table, planner.FollowAll))
		if got := s.Query(t, "select pubname, tablename from pg_publication_tables"); got != p.Publication+"|"+table {
			t.Errorf("root %v: %s", viaRoot, got)
		}
	}
}

// The application on the source goes on as before, tables without a key included.
func TestPublishingBreaksNoStatement(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop)
	s.publish(s.stream("app"), s.member("orders", planner.FollowAll), s.member("log", planner.FollowInserts),
		s.member("events_1", planner.FollowAll))
	s.Exec(t, `
		insert into log values ('a'); update log set line = 'b'; delete from log;
		insert into orders values (1, 'a'); update orders set note = 'b', id = 2; delete from orders;
		insert into events values (1, '2024-02-02'); update events set id = 2; delete from events;
		truncate log, orders, events`)
}

// An unlogged table is refused by the server: the list is left as it was.
func TestEnsurePublicationsIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop+"; create unlogged table fast (id int primary key)")
	p := s.stream("app")
	err := slot.EnsurePublications(t.Context(), s.conn, p, []ledger.Member{s.member("orders", planner.FollowAll), s.member("fast", planner.FollowAll)})
	if err == nil || s.published() != "" {
		t.Errorf("%v, and published:\n%s", err, s.published())
	}
}
