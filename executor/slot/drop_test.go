package slot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// A slot in use is kept, and who reads it is named; one whose reader is about to go
// is waited for; and what is gone is fine.
func TestDrop(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop)
	p := s.stream("app")
	s.publish(p, s.member("orders", planner.FollowAll))
	s.create(p)
	reader := s.read(p.Slot, p.Publication)
	err := slot.Drop(t.Context(), s.conn, p.Slot, 0)
	var busy *slot.InUseError
	if !errors.As(err, &busy) || busy.PID != int32(reader.PID()) || busy.Client != "127.0.0.1" || !session.Transient(err) {
		t.Fatalf("dropped in use: %v", err)
	}
	dropped := make(chan error, 1)
	dropper := s.open(false)
	go func() { dropped <- slot.Drop(t.Context(), dropper, p.Slot, time.Minute) }()
	s.Eventually(t, fmt.Sprintf("select query like '%%pg_drop_replication_slot%%' from pg_stat_activity where pid = %d", dropper.PgConn().PID()), "t")
	_ = reader.Close(context.Background())
	if err := <-dropped; err != nil {
		t.Fatal(err)
	}
	if n := s.slots(p.Slot); n != "0" {
		t.Errorf("%s slots are left", n)
	}
	if err := slot.Drop(t.Context(), s.conn, p.Slot, 0); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

// What does not carry a name of ours is never dropped.
func TestDropOnlyOurs(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Own(t, 15), shop)
	for _, name := range []string{"debezium", "bascule", "bascule_app", "xbascule_app_9d7f0c6e"} {
		s.Exec(t, "select pg_create_logical_replication_slot('"+name+"', 'pgoutput')")
		var foreign *slot.ForeignError
		if err := slot.Drop(t.Context(), s.conn, name, 0); !errors.As(err, &foreign) || foreign.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.slots("%"); n != "4" {
		t.Errorf("%s slots are left", n)
	}
}

func TestWhose(t *testing.T) {
	addresses := []string{"mirror.app", `mirror.app["eu"]`, "mirror.my_app", "mirror." + strings.Repeat("long", 15),
		`mirror.app["europe-west-production-number-1"]`, `mirror.application["europe-west-production-number-1"]`}
	long, _, _ := planner.StreamNames(lineage, addresses[3])
	for _, tc := range []struct{ rule, name, want, mark string }{
		{"slot", "bascule_app_9d7f0c6e", addresses[0], "9d7f0c6e"},
		{"inserts", "bascule_app_9d7f0c6ei", addresses[0], "9d7f0c6e"},
		{"of for_each", "bascule_app_eu_9d7f0c6e__35ee2c36f9", "", "9d7f0c6e"},
		{"underscores", "bascule_my_app_9d7f0c6e", addresses[2], "9d7f0c6e"},
		{"a long label", long, addresses[3], "9d7f0c6e"},
		{"for a copy", "bascule_my_app_9d7f0c6e_copy__0123456789", addresses[2], "9d7f0c6e"},
		{"another lineage", "bascule_app_00000000", "", "00000000"},
		{"no mirror of ours", "bascule_old_9d7f0c6e", "", "9d7f0c6e"},
		{"no lineage", "bascule_app", "", ""},
		{"not ours", "debezium", "", ""},
	} {
		if got := slot.Whose(tc.name, lineage, addresses); got != tc.want {
			t.Errorf("%s: %s is of %q, want %q", tc.rule, tc.name, got, tc.want)
		}
		if got := slot.Lineage(tc.name); got != tc.mark || slot.Named(tc.name) != (tc.mark != "") {
			t.Errorf("%s: %s carries %q, want %q", tc.rule, tc.name, got, tc.mark)
		}
	}
	for _, address := range addresses {
		for _, name := range names(address) {
			if !slot.Named(name) || slot.Whose(name, lineage, addresses) != address {
				t.Errorf("%s: %s is not told", address, name)
			}
		}
	}
}

func names(address string) []string {
	slot, publication, inserts := planner.StreamNames(lineage, address)
	return []string{slot, publication, inserts}
}

// What is made on a source and removed again leaves its catalogues as they were, and
// every step of the removal can be done again.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s := newSource(t, pgtest.Own(t, major), shop+"; create table pairs (a int not null, b int not null); create unique index pairs_key on pairs (a)")
			before := s.everything()
			p := s.stream("app")
			p.Failover = true
			p.Identities = []planner.ReplicaIdentity{
				{Schema: "public", Name: "log", Is: "full", Was: "default"},
				{Schema: "public", Name: "pairs", Is: "index:pairs_key", Was: "default"},
			}
			for range 2 {
				if err := slot.SetIdentities(t.Context(), s.conn, p.Identities, false); err != nil {
					t.Fatal(err)
				}
				s.publish(p, s.member("orders", planner.FollowAll), s.member("log", planner.FollowAll), s.member("pairs", planner.FollowAll))
			}
			s.create(p)
			if s.everything() == before {
				t.Error("nothing was made")
			}
			for range 2 {
				if err := slot.Drop(t.Context(), s.conn, p.Slot, 0); err != nil {
					t.Fatal(err)
				}
				if err := slot.DropPublications(t.Context(), s.conn, p); err != nil {
					t.Fatal(err)
				}
				if err := slot.SetIdentities(t.Context(), s.conn, p.Identities, true); err != nil {
					t.Fatal(err)
				}
			}
			if after := s.everything(); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// everything is what a mirror could change of a source.
func (s *source) everything() string {
	s.t.Helper()
	db, err := catalog.Read(s.t.Context(), s.conn, catalog.ReadOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return db.Fingerprint + "\n" + s.Query(s.t, `
		select 'slot', slot_name, slot_type from pg_replication_slots
		union all select 'publication', pubname, pubowner::text from pg_publication
		union all select 'published', prpubid::text, prrelid::text from pg_publication_rel
		union all select 'identity', oid::regclass::text, relreplident::text from pg_class where relnamespace = 'public'::regnamespace
		union all select 'index', indexrelid::regclass::text, indisreplident::text from pg_index where indrelid > 16384
		union all select 'trigger', tgname, tgenabled::text from pg_trigger
		union all select 'schema', nspname, '' from pg_namespace where nspname !~ '^pg_(toast_)?temp'
		union all select 'origin', roname, '' from pg_replication_origin
		order by 1, 2, 3`)
}
