package slot_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// checked is a mirror that streams, with its slot and publications.
func (s *source) checked(members ...ledger.Member) slot.Checked {
	s.t.Helper()
	p := s.stream("app")
	s.publish(p, members...)
	return slot.Checked{Address: "mirror.app", Stream: p, Position: s.create(p), Timeline: 1, Members: members}
}

// halt is the code and text of the halt that Check finds, "" for none.
func (s *source) halt(c slot.Checked) (code, text string) {
	s.t.Helper()
	_, err := slot.Check(s.t.Context(), s.open(true), c)
	var terminal *slot.TerminalError
	switch {
	case errors.As(err, &terminal):
		if session.Transient(err) || terminal.Hint() == "" || !strings.Contains(terminal.Hint(), "mirror.app") {
			s.t.Errorf("hint %q of %v", terminal.Hint(), err)
		}
		return terminal.Halt.Code, terminal.Halt.Text
	case err != nil:
		s.t.Fatal(err)
	}
	return "", ""
}

func (s *source) wantHalt(c slot.Checked, code, text string) {
	s.t.Helper()
	if got, said := s.halt(c); got != code || !strings.Contains(said, text) {
		s.t.Errorf("halt %q: %s\nwant %q: %s", got, said, code, text)
	}
}

// What is as it was may stream, again and again, also by a role that may read no
// table.
func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 17, 18} {
		s := newSource(t, pgtest.Server(t, major), shop)
		c := s.checked(s.member("orders", planner.FollowAll), s.member("log", planner.FollowInserts))
		c.Members = append(c.Members, ledger.Member{Source: 1, Name: "to_come", Follow: planner.FollowAll, State: ledger.Copying})
		s.Exec(t, "revoke all on orders, log from "+s.role)
		s.Exec(t, "insert into orders values (1)")
		for _, at := range []catalog.LSN{c.Position, c.Position + 8} {
			c.Position = at
			if timeline, err := slot.Check(t.Context(), s.open(true), c); timeline != 1 || err != nil {
				t.Errorf("%d: timeline %d: %v", major, timeline, err)
			}
		}
	}
}

// A slot that is not the one that was left is terminal.
func TestCheckSlot(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop)
	c := s.checked(s.member("orders", planner.FollowAll))
	name := c.Stream.Slot

	earlier := c
	earlier.Position--
	s.wantHalt(earlier, slot.CodeTargetRestored, fmt.Sprintf("replication slot %q is at %s, past the target's position %s", name, c.Position, earlier.Position))

	other := c
	other.Stream.SystemIdentifier = "1"
	s.wantHalt(other, slot.CodeOtherCluster, "the source is another cluster than the one that is mirrored")

	reader := s.read(name, c.Stream.Publication)
	_, err := slot.Check(t.Context(), s.open(true), c)
	var busy *slot.InUseError
	if !errors.As(err, &busy) || busy.PID != int32(reader.PID()) || !session.Transient(err) {
		t.Errorf("in use: %v", err)
	}
	_ = reader.Close(t.Context())

	recreate := func(sql string) {
		t.Helper()
		if err := slot.Drop(t.Context(), s.conn, name, slot.Patience); err != nil {
			t.Fatal(err)
		}
		if sql != "" {
			s.Exec(t, fmt.Sprintf(sql, name))
		}
	}
	recreate(`select pg_create_logical_replication_slot('%s', 'pgoutput')`)
	s.wantHalt(c, slot.CodeTargetRestored, "made anew by somebody else")
	recreate(`select pg_create_logical_replication_slot('%s', 'test_decoding')`)
	s.wantHalt(c, slot.CodeSlotChanged, `it has plugin "test_decoding"`)
	recreate("")
	s.Database(t, "").Exec(t, fmt.Sprintf(`select pg_create_logical_replication_slot('%s', 'pgoutput')`, name))
	s.wantHalt(c, slot.CodeSlotChanged, `database "test_`)
	if err := slot.Drop(t.Context(), s.conn, name, 0); err != nil {
		t.Fatal(err)
	}
	s.wantHalt(c, slot.CodeSlotLost, fmt.Sprintf("replication slot %q is gone", name))
}

// A slot that the server gave up for the room its WAL took is terminal, and said to
// be lost.
func TestCheckLostSlot(t *testing.T) {
	t.Parallel()
	for major, want := range map[int]string{15: "max_slot_wal_keep_size", 17: "wal_removed"} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s := newSource(t, pgtest.Own(t, major, pgtest.WithSettings(map[string]string{
				"max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "32MB"})), shop)
			c := s.checked(s.member("orders", planner.FollowAll))
			for range 4 {
				s.Exec(t, "select pg_logical_emit_message(false, 'fill', 'x'), pg_switch_wal()")
			}
			s.Exec(t, "checkpoint")
			s.wantHalt(c, slot.CodeSlotLost, want)
		})
	}
}

// Every table that is streamed must be published as it was, whole.
func TestCheckPublications(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ rule, sql, want string }{
		{"a table is taken out", "alter publication %all drop table only orders", "not published any more, or not wholly: public.orders"},
		{"of which only inserts are followed", "alter publication %inserts drop table only log", "public.log"},
		{"all are", "alter publication %all drop table only orders; alter publication %inserts drop table only log", "public.log, public.orders"},
		{"a table is made anew", "drop table orders cascade; create table orders (id int primary key)", "public.orders"},
		{"deletes are left out", "alter publication %all set (publish = 'insert, update, truncate')", "public.orders"},
		{"a filter", "alter publication %all set table only orders where (id > 3)", "public.orders"},
		{"a list of columns", "alter publication %all set table only orders (id)", "public.orders"},
		{"another form of partitions", "alter publication %all set (publish_via_partition_root = true)", "publish_via_partition_root of publication"},
		{"a publication is dropped", "drop publication %inserts", "is gone: what is in the slot can no longer be decoded"},
		{"more tables do no harm", "alter publication %all add table events", ""},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, pgtest.Server(t, 15), shop)
			c := s.checked(s.member("log", planner.FollowInserts), s.member("orders", planner.FollowAll))
			s.Exec(t, strings.NewReplacer("%all", c.Stream.Publication, "%inserts", c.Stream.Inserts).Replace(tc.sql))
			code := slot.CodeUnpublished
			if tc.want == "" {
				code = ""
			}
			s.wantHalt(c, code, tc.want)
		})
	}
}

// A publication and a slot that the configuration names are checked by what they
// publish.
func TestCheckNamed(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Server(t, 15), shop)
	s.Exec(t, "create publication whole for all tables")
	c := s.checked(s.member("orders", planner.FollowAll))
	c.Stream.Publication, c.Stream.Inserts, c.Stream.OwnPublications = "whole", "", false
	c.Members = append(c.Members, s.member("log", planner.FollowInserts), s.member("events_1", planner.FollowAll))
	s.wantHalt(c, "", "")
	s.Exec(t, "alter publication whole set (publish = 'insert')")
	s.wantHalt(c, slot.CodeUnpublished, "public.orders, public.events_1")
}
