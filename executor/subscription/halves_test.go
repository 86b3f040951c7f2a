package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/slot"
	"bascule/executor/subscription"
	"bascule/planner/catalog/pgtest"
)

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// gone checks that nothing of the subscription is on the target.
func (p *pair) gone() {
	p.t.Helper()
	if got := p.target.Query1(p.t, "select (select count(*) from pg_subscription s join pg_database d on d.oid = s.subdbid where d.datname = current_database()) + (select count(*) from pg_stat_subscription where subname = '"+p.stream.Subscription+"')"); got != "0" {
		p.t.Errorf("%s are left", got)
	}
}

// Whatever a Give that did not end has left, Take, Give and Remove get along with it.
func TestHalves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, sql string }{
		{"made, and nothing else", ""},
		{"without its slot", "alter subscription %s disable; alter subscription %[1]s set (slot_name = none)"},
		{"disabled", "alter subscription %s disable"},
		{"enabled, and without what it needs", "alter subscription %s connection 'port=1 password=x'"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, pgtest.Server(t, 15), prompt(t, 15), "")
			at := p.point
			if c.sql == "" {
				if _, err := p.both().Prepare(t.Context(), p.members); err != nil {
					t.Fatal(err)
				}
			} else {
				p.give(at)
				p.source.Exec(t, "insert into orders values (1, 0, 0, '')")
				p.arrives()
				p.target.Exec(t, strings.NewReplacer("%s", p.stream.Subscription, "%[1]s", p.stream.Subscription).Replace(c.sql))
			}
			at = max(at, p.take())
			p.give(at)
			p.source.Exec(t, "insert into orders values (2, 0, 0, '')")
			p.arrives()
			p.target.Exec(t, strings.NewReplacer("%s", p.stream.Subscription, "%[1]s", p.stream.Subscription).Replace(c.sql))
			for range 2 { // again is harmless
				if left, err := p.both().Remove(t.Context()); err != nil || len(left) > 0 {
					t.Error(left, err)
				}
				p.gone()
			}
			var lost *subscription.GoneError
			if _, err := p.both().Take(t.Context()); !errors.As(err, &lost) || lost.Hint() == "" {
				t.Errorf("taken back from nothing: %v", err)
			}
		})
	}
}

// A Give that is cancelled at any time is made up for by Take and another Give.
func TestGiveIsCancelled(t *testing.T) {
	t.Parallel()
	p := newPair(t, eager(t, 15), prompt(t, 17), "")
	l := p.write()
	at := p.point
	p.give(at)
	at = p.take()
	for delay, done := 20*time.Millisecond, 0; done < 2; delay = delay * 5 / 4 { // until it is through in time
		e := p.both()
		ctx, cancel := context.WithTimeout(t.Context(), delay)
		err := e.Give(ctx, at, p.members)
		cancel()
		if err == nil {
			done++
		}
		at = max(at, p.take()) // as the ledger has it
		t.Logf("after %v: %v", delay, err)
	}
	p.give(at)
	l.end()
	p.arrives()
}

// A subscription goes without its source: that is not asked, and its slot stays for who
// drops it. Without its target it is said what is left there.
func TestRemoveWithoutTheOther(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		source := pgtest.Own(t, 15)
		p := newPair(t, source, prompt(t, major), "")
		p.give(p.point)
		left, err := p.engine(p.open(p.source.URL, false), nil).Remove(t.Context())
		if err != nil || len(left) != 1 || !strings.Contains(left[0], "drop subscription "+quoted(p.stream.Subscription)) || !strings.Contains(left[0], "on peer.b") || strings.Contains(left[0], p.secret()) {
			t.Errorf("%q, %v", left, err)
		}
		source.Stop(t)
		if left, err := p.engine(nil, p.open(p.target.URL, false)).Remove(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("%d: %q, %v", major, left, err)
		}
		p.gone()
		source.Start(t)
		if got := p.source.Query1(t, "select count(*) from pg_replication_slots"); got != "1" {
			t.Errorf("%s slots", got)
		}
	}
}

// Another's subscription of the mirror's name is left alone.
func TestForeign(t *testing.T) {
	t.Parallel()
	p := newPair(t, pgtest.Server(t, 15), prompt(t, 15), "")
	p.target.Exec(t, "create subscription "+p.stream.Subscription+" connection 'port=1' publication another with (connect = false, slot_name = none)")
	e := p.both()
	var foreign *subscription.ForeignError
	for name, do := range map[string]func() error{
		"take":    func() error { _, err := e.Take(t.Context()); return err },
		"prepare": func() error { _, err := e.Prepare(t.Context(), p.members); return err },
		"give":    func() error { return e.Give(t.Context(), p.point, p.members) },
	} {
		if err := do(); !errors.As(err, &foreign) || foreign.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := e.Remove(t.Context()); err != nil || len(left) != 1 || !strings.Contains(left[0], "not the mirror's") {
		t.Errorf("%q, %v", left, err)
	}
	p.target.Exec(t, "drop subscription "+p.stream.Subscription)
}

// What a subscription has applied is not given to it again.
func TestNotBackwards(t *testing.T) {
	t.Parallel()
	p := newPair(t, pgtest.Server(t, 15), prompt(t, 15), "")
	p.give(p.point)
	p.source.Exec(t, "insert into orders values (1, 0, 0, '')")
	p.arrives()
	if err := p.both().Give(t.Context(), p.point, p.members); err == nil || !strings.Contains(err.Error(), "past the target's position") {
		t.Fatalf("given again: %v", err)
	}
	p.give(p.take())
	p.source.Exec(t, "insert into orders values (2, 0, 0, '')")
	p.arrives()
}

// Two who make a subscription of one server anew at once may wait for each other: who is
// told so does it once more.
func TestGiveMeetsAnother(t *testing.T) {
	t.Parallel()
	p := newPair(t, pgtest.Server(t, 15), pgtest.Own(t, 15, pgtest.WithSettings(map[string]string{"deadlock_timeout": "3s"})), "")
	p.give(p.point)
	at := p.take()
	other := p.target.Conn(t)
	run := func(sql string) {
		t.Helper()
		if _, err := other.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	run("set deadlock_timeout = '1h'; begin; lock table pg_replication_origin in exclusive mode")
	e := p.both()
	var g sync.WaitGroup
	g.Go(func() {
		if err := e.Give(t.Context(), at, p.members); err != nil {
			t.Error(err)
		}
	})
	p.target.Eventually(t, "select count(*) from pg_locks where relation = 'pg_replication_origin'::regclass and not granted", "1")
	run("lock table pg_subscription in exclusive mode; rollback")
	g.Wait()
	p.source.Exec(t, "insert into orders values (1, 0, 0, '')")
	p.arrives()
}

// A worker that waits for a lock is ended, and what it had begun is not lost.
func TestWorkerBeforeALock(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		p := newPair(t, pgtest.Server(t, 15), prompt(t, major), "")
		p.give(p.point)
		blocker := p.target.Conn(t)
		if _, err := blocker.Exec(t.Context(), "begin; lock table orders"); err != nil {
			t.Fatal(err)
		}
		p.source.Exec(t, "insert into orders values (1, 0, 0, '')")
		p.target.Eventually(t, "select count(*) from pg_locks where relation = 'orders'::regclass and not granted", "1")
		at := p.take()
		if _, err := blocker.Exec(t.Context(), "rollback"); err != nil {
			t.Fatal(err)
		}
		if got := p.target.Query1(t, "select count(*) from orders"); got != "0" {
			t.Errorf("%d: %s rows after it was taken back", major, got)
		}
		p.give(at)
		p.arrives()
	}
}

// Somebody else on the slot is named, once patience is over; and a server that cannot
// have a worker is said to have none.
func TestPatience(t *testing.T) {
	t.Parallel()
	target := pgtest.Own(t, 15, pgtest.WithSettings(map[string]string{"max_logical_replication_workers": "0"}))
	p := newPair(t, pgtest.Server(t, 15), target, "")
	p.patience = time.Second
	repl := p.open(p.source.URL, true)
	repl.PgConn().Exec(t.Context(), fmt.Sprintf(`START_REPLICATION SLOT %s LOGICAL 0/0 (proto_version '1', publication_names '%s')`, p.stream.Slot, p.stream.Publication))
	p.source.Eventually(t, "select active from pg_replication_slots where slot_name = '"+p.stream.Slot+"'", "t")
	var busy *slot.InUseError
	if err := p.both().Give(t.Context(), p.point, p.members); !errors.As(err, &busy) || busy.PID != int32(repl.PgConn().PID()) {
		t.Errorf("in use: %v", err)
	}
	_ = repl.PgConn().Conn().Close()
	p.source.Eventually(t, "select active from pg_replication_slots where slot_name = '"+p.stream.Slot+"'", "f")

	err := p.both().Give(t.Context(), p.point, p.members)
	var idle *subscription.IdleError
	if !errors.As(err, &idle) || idle.Worker || !strings.Contains(idle.Hint(), "max_logical_replication_workers") {
		t.Errorf("without workers: %v", err)
	}
	if at := p.take(); at != p.point {
		t.Errorf("taken at %s, and given at %s", at, p.point)
	}
}
