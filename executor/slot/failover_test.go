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

// After the promotion of a standby that kept the slot in step the stream goes on,
// unless the target has what the standby never got.
func TestCheckAfterFailover(t *testing.T) {
	t.Parallel()
	primary, standby := pgtest.Pair(t, 17)
	s := newSource(t, primary, shop)
	p := s.stream("app")
	p.Failover = true
	orders := s.member("orders", planner.FollowAll)
	s.publish(p, orders)
	s.create(p)
	promoted := &source{DB: s.DB.On(standby), t: t, role: s.role,
		url: strings.Replace(s.url, fmt.Sprint(":", primary.Port, "/"), fmt.Sprint(":", standby.Port, "/"), 1)}
	server := &pgtest.DB{Cluster: standby, Name: "postgres", URL: standby.URL("postgres")}
	server.Eventually(t, fmt.Sprintf("select pg_last_wal_replay_lsn() >= '%s'", s.Query1(t, "select pg_current_wal_lsn()")), "t")
	c := slot.Checked{Address: "mirror.app", Stream: p, Timeline: 1, Members: []ledger.Member{orders}}
	c.Position = s.syncSlot(promoted, p.Slot)

	s.Exec(t, "set synchronous_commit = on; insert into orders values (7)")
	end := parse(t, s.Query1(t, "select pg_current_wal_lsn()"))
	promoted.Eventually(t, fmt.Sprintf("select pg_last_wal_replay_lsn() >= '%s'", end), "t")
	if _, err := slot.Check(t.Context(), promoted.open(true), c); !isStandby(err) {
		t.Errorf("before the promotion: %v", err)
	}
	primary.Kill(t)
	standby.Promote(t)

	if timeline, err := slot.Check(t.Context(), promoted.open(true), c); timeline != 2 || err != nil {
		t.Fatalf("timeline %d: %v", timeline, err)
	}
	c.Timeline = 2
	promoted.wantHalt(c, "", "")

	lost := c
	lost.Timeline, lost.Position = 1, end+1<<20
	promoted.wantHalt(lost, slot.CodeTimeline, "the source was promoted at ")
	lost.Timeline = 9
	promoted.wantHalt(lost, slot.CodeTimeline, "the source is on timeline 2, which does not come from timeline 9")

	promoted.conn = promoted.open(false)
	if got := promoted.firstInsert(promoted.read(p.Slot, p.Publication+","+p.Inserts)); got != "7" {
		t.Errorf("streamed: %s", got)
	}
}

func isStandby(err error) bool {
	var standby *slot.StandbyError
	return errors.As(err, &standby) && session.Transient(err)
}

func parse(t *testing.T, text string) catalog.LSN {
	t.Helper()
	lsn, err := catalog.ParseLSN(text)
	if err != nil {
		t.Fatal(err)
	}
	return lsn
}

// syncSlot moves the slot on until the standby's copy of it lasts, and returns where
// it is then.
func (s *source) syncSlot(standby *source, name string) catalog.LSN {
	s.t.Helper()
	pgtest.Eventually(s.t, func() error {
		s.Exec(s.t, fmt.Sprintf("select pg_log_standby_snapshot(), pg_replication_slot_advance('%s', pg_current_wal_lsn())", name))
		if got := standby.Query1(s.t, "select synced and not temporary from pg_replication_slots where slot_name = '"+name+"'"); got != "t" {
			return fmt.Errorf("the slot on the standby: %q\n%s", got, standby.Log(s.t))
		}
		return nil
	})
	position := s.slot(name).Confirmed
	standby.Eventually(s.t, fmt.Sprintf("select confirmed_flush_lsn = '%s' from pg_replication_slots where slot_name = '%s'", position, name), "t")
	return position
}
