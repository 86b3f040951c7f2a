package slot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// A permanent slot and one for a copy, on every version: what is in the snapshot and
// what the slot streams do not overlap, and nothing is between them.
func TestCreate(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s := newSource(t, pgtest.Server(t, major), shop)
			p := s.stream("app")
			p.Failover = true
			s.publish(p, s.member("orders", planner.FollowAll))
			point := s.create(p)
			if now := s.slot(p.Slot); now.Temporary || now.Failover != (major >= 17) || now.Confirmed != point || now.Plugin != "pgoutput" {
				t.Errorf("made at %s: %+v", point, now)
			}
			s.Exec(t, "insert into orders values (1)")
			repl := s.open(true).PgConn()
			made, err := slot.Temporary(t.Context(), repl, p.Slot+"_copy", slot.Waiting{Conn: s.conn, Tell: func(string) {}})
			if err != nil {
				t.Fatal(err)
			}
			if made.Point < point {
				t.Errorf("a copy at %s, before the slot's %s", made.Point, point)
			}
			s.Exec(t, "insert into orders values (2)")
			if got := s.inSnapshot(made.Snapshot, "select string_agg(id::text, ' ') from public.orders"); got != "1" {
				t.Errorf("in the snapshot: %s", got)
			}
			if err := pglogrepl.StartReplication(t.Context(), repl, p.Slot+"_copy", 0, pglogrepl.StartReplicationOptions{
				PluginArgs: []string{"proto_version '1'", fmt.Sprintf("publication_names '%s,%s'", p.Publication, p.Inserts)}}); err != nil {
				t.Fatal(err)
			}
			if got := s.firstInsert(repl); got != "2" {
				t.Errorf("streamed: %s", got)
			}
			_ = repl.Close(context.Background())
			pgtest.Eventually(t, func() error {
				if n := s.slots(p.Slot + "%"); n != "1" {
					return fmt.Errorf("%s slots", n)
				}
				return nil
			})
		})
	}
}

func (s *source) slot(name string) catalog.Slot {
	s.t.Helper()
	slots, _, err := catalog.ReadSlots(s.t.Context(), s.conn)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, found := range slots {
		if found.Name == name {
			return found
		}
	}
	s.t.Fatalf("no slot %s", name)
	return catalog.Slot{}
}

// inSnapshot returns what a query gives in an exported snapshot.
func (s *source) inSnapshot(snapshot, sql string) (value string) {
	s.t.Helper()
	err := pgx.BeginTxFunc(s.t.Context(), s.conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(s.t.Context(), "set transaction snapshot '"+snapshot+"'"); err != nil {
			return err
		}
		return tx.QueryRow(s.t.Context(), sql).Scan(&value)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return value
}

// A slot in the making says which session it waits for; when that is given up,
// nothing is left.
func TestCreateSaysWhomItWaitsFor(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Own(t, 15), shop)
	writer, tx := s.writer("insert into orders values (1)")
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	told := make(chan string, 1)
	go func() {
		told <- <-told // what was told is kept, and ends the waiting
		cancel(stopped)
	}()
	p := s.stream("app")
	repl := s.open(true)
	_, err := slot.Create(ctx, repl.PgConn(), p.Slot, false, slot.Waiting{Conn: s.conn, Tell: func(text string) { told <- text }})
	if !errors.Is(err, stopped) {
		t.Fatalf("created: %v", err)
	}
	want := fmt.Sprintf("the slot is made once this has ended: the transaction of pid %d (%s in database %s since ", writer.PgConn().PID(), s.role, s.Name)
	text := <-told
	if !strings.HasPrefix(text, want) || !strings.HasSuffix(text, "whose last statement is: insert into orders values (1)") {
		t.Errorf("told: %s", text)
	}
	if n := s.slots("%"); n != "0" {
		t.Errorf("%s slots are left", n)
	}
	if _, err := repl.Exec(t.Context(), "select 1"); err != nil {
		t.Errorf("the connection is of no use any more: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := slot.Create(t.Context(), repl.PgConn(), p.Slot, false, slot.Waiting{}); err != nil {
		t.Errorf("the second try: %v", err)
	}
}

// writer is a session of the role with an open transaction that wrote.
func (s *source) writer(sql string) (*pgx.Conn, pgx.Tx) {
	s.t.Helper()
	conn := s.open(false)
	if _, err := conn.Exec(s.t.Context(), "set search_path = public"); err != nil {
		s.t.Fatal(err)
	}
	tx, err := conn.Begin(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := tx.Exec(s.t.Context(), sql); err != nil {
		s.t.Fatal(err)
	}
	return conn, tx
}

// A server without a free slot: who has them is said, and what to do.
func TestCreateOnAFullServer(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Own(t, 15, pgtest.WithSettings(map[string]string{"max_replication_slots": "1"})), shop)
	s.create(s.stream("first"))
	_, err := slot.Create(t.Context(), s.open(true).PgConn(), s.stream("second").Slot, false, slot.Waiting{Conn: s.conn})
	var full *slot.FullError
	if !errors.As(err, &full) || !strings.Contains(err.Error(), s.stream("first").Slot) || !strings.Contains(full.Hint(), "max_replication_slots") {
		t.Errorf("got %v", err)
	}
	if err := slot.Copy(t.Context(), s.conn, s.stream("first").Slot, s.stream("second").Slot); !errors.As(err, &full) {
		t.Errorf("a copy: %v", err)
	}
	_, err = slot.Create(t.Context(), s.open(true).PgConn(), s.stream("first").Slot, false, slot.Waiting{Conn: s.conn})
	var exists *slot.ExistsError
	if !errors.As(err, &exists) {
		t.Errorf("a name that is taken: %v", err)
	}
}

// A slot of another plugin is copied as one of ours: what it has yet to send is sent.
func TestCopy(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s := newSource(t, pgtest.Server(t, major), shop)
			p := s.stream("app")
			s.publish(p, s.member("orders", planner.FollowAll))
			other := p.Slot + "_other"
			s.Exec(t, "select pg_create_logical_replication_slot('"+other+"', 'test_decoding')")
			s.dropLater(other)
			s.Exec(t, "insert into orders values (7)")
			if err := slot.Copy(t.Context(), s.conn, other, p.Slot); err != nil {
				t.Fatal(err)
			}
			s.dropLater(p.Slot)
			repl := s.open(true)
			if err := slot.SetFailover(t.Context(), repl.PgConn(), p.Slot); err != nil {
				t.Fatal(err)
			}
			from, made := s.slot(other), s.slot(p.Slot)
			if made.Plugin != "pgoutput" || made.Confirmed != from.Confirmed || made.Restart != from.Restart || made.Temporary || made.Failover != (major >= 17) {
				t.Errorf("of %+v\nis made %+v", from, made)
			}
			if got := s.firstInsert(s.read(p.Slot, p.Publication+","+p.Inserts)); got != "7" {
				t.Errorf("streamed: %s", got)
			}
			var exists *slot.ExistsError
			if err := slot.Copy(t.Context(), s.conn, other, p.Slot); !errors.As(err, &exists) {
				t.Errorf("a name that is taken: %v", err)
			}
		})
	}
}

// Rows that a transaction wrote before its table was published arrive neither way,
// unless it is waited for.
func TestWaitOut(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Own(t, 15), shop)
	p := s.stream("app")
	s.publish(p)
	// These have nothing to do with it: one that only reads, and one that comes later.
	reader := s.open(false)
	if _, err := reader.Exec(t.Context(), "begin; select 1"); err != nil {
		t.Fatal(err)
	}
	writer, tx := s.writer("insert into orders values (1)")
	if err := slot.AddTables(t.Context(), s.conn, p, s.member("orders", planner.FollowAll)); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 9)
	ended := make(chan error, 1)
	waiter := s.open(false)
	go func() { ended <- slot.WaitOut(t.Context(), waiter, func(text string) { told <- text }) }()
	text := <-told
	if want := fmt.Sprintf("the transaction of pid %d (%s in database %s since ", writer.PgConn().PID(), s.role, s.Name); !strings.Contains(text, want) {
		t.Errorf("told: %s", text)
	}
	_, later := s.writer("insert into orders values (2)")
	select {
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for a transaction that began later")
	}
	if err := later.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A prepared transaction has no session: it is named by what it was prepared as.
func TestWaitOutNamesAPreparedTransaction(t *testing.T) {
	t.Parallel()
	s := newSource(t, pgtest.Own(t, 15), shop)
	s.Exec(t, "insert into orders values (1)")
	conn := s.open(false)
	if err := session.Exec(t.Context(), conn.PgConn(), "begin; update public.orders set note = 'x'; prepare transaction 'two''s'"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	text := ""
	err := slot.WaitOut(ctx, s.conn, func(told string) { text = told; cancel() })
	if !errors.Is(err, context.Canceled) || !strings.Contains(text, fmt.Sprintf(`the prepared transaction "two's" of %s in database %s since `, s.role, s.Name)) {
		t.Errorf("%v: %s", err, text)
	}
}
