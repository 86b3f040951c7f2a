package subscription_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// eager is a source that sends large transactions before they end.
func eager(t *testing.T, major int) *pgtest.Cluster {
	return pgtest.Server(t, major, pgtest.WithSettings(map[string]string{"logical_decoding_work_mem": "64kB"}))
}

// A mirror that is given and taken back again and again, while all is written to that can
// be, loses no row and has none twice.
func TestTurns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to int
		binary   bool
	}{{15, 15, false}, {15, 17, true}, {15, 18, false}, {18, 15, true}, {16, 16, false}, {17, 18, true}} {
		t.Run(fmt.Sprintf("%d to %d", c.from, c.to), func(t *testing.T) {
			if c.from != 15 || c.to == 18 {
				long(t)
			}
			t.Parallel()
			p := newPair(t, eager(t, c.from), prompt(t, c.to), "insert into orders select i, i % 2, 0, 'old' from generate_series(0, 400) i; insert into log select 0, 0, now() from generate_series(1, 50)")
			p.stream.Binary = c.binary
			l := p.write()
			at := p.point
			for turn := range turns() {
				was := l.done.Load()
				p.give(at)
				pgtest.Eventually(t, func() error { // something is under way
					if n := l.done.Load() - was; n < 20 || p.applied() <= at {
						return fmt.Errorf("%d transactions, and applied to %s from %s", n, p.applied(), at)
					}
					return nil
				})
				next := p.take()
				if next < at {
					t.Fatalf("turn %d: at %s, and before at %s", turn, next, at)
				}
				p.idle()
				at = next
			}
			p.give(at)
			l.end()
			p.arrives()
			t.Logf("%d transactions", l.done.Load())
			if moved := p.take(); moved <= at {
				t.Errorf("nothing moved between %s and %s", at, moved)
			}
			if errors := p.target.Query1(t, "select sum(apply_error_count + sync_error_count) from pg_stat_subscription_stats where subname = '"+p.stream.Subscription+"'"); errors != "0" {
				t.Errorf("%s errors of the server's workers", errors)
			}
		})
	}
}

// applied is how far the subscription has got.
func (p *pair) applied() catalog.LSN {
	p.t.Helper()
	text := p.target.Query1(p.t, "select o.remote_lsn from pg_replication_origin_status o join pg_subscription s on o.external_id = 'pg_' || s.oid where s.subname = '"+p.stream.Subscription+"'")
	at, _ := catalog.ParseLSN(text) // "" before the first commit
	return at
}

// prompt is a target that starts a worker when it is asked to: up to 15 a server starts
// one in wal_retrieve_retry_interval at most.
func prompt(t *testing.T, major int) *pgtest.Cluster {
	return pgtest.Server(t, major, pgtest.WithSettings(map[string]string{"wal_retrieve_retry_interval": "100ms"}))
}

// idle checks that nothing of the engine runs on either server.
func (p *pair) idle() {
	p.t.Helper()
	if got := p.target.Query1(p.t, "select count(*) from pg_stat_subscription where pid is not null and subname = '"+p.stream.Subscription+"'"); got != "0" {
		p.t.Errorf("%s workers are left", got)
	}
	if got := p.source.Query1(p.t, "select active from pg_replication_slots where slot_name = '"+p.stream.Slot+"'"); got != "f" {
		p.t.Errorf("the slot is active: %q", got)
	}
}

// Nothing is copied by the server: tables are followed at once.
func TestNothingIsCopied(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		p := newPair(t, pgtest.Server(t, 15), prompt(t, major), "insert into orders select i, 0, 0, '' from generate_series(1, 10) i")
		p.give(p.point)
		p.source.Exec(t, "insert into orders values (11, 0, 0, '')")
		p.arrives()
		if got := p.target.Query(t, "select srsubstate, count(*) from pg_subscription_rel group by 1"); got != fmt.Sprintf("r|%d", len(published)) {
			t.Errorf("%d: %s", major, got)
		}
	}
}

// What is given is where the slot begins, and what is taken is where it has got, also
// when nothing is written.
func TestQuiet(t *testing.T) {
	t.Parallel()
	p := newPair(t, pgtest.Server(t, 15), prompt(t, 15), "")
	p.give(p.point)
	p.source.Exec(t, "create table elsewhere (a int); insert into elsewhere select generate_series(1, 1000)")
	end, err := catalog.ParseLSN(p.source.Query1(t, "select pg_current_wal_lsn()"))
	if err != nil {
		t.Fatal(err)
	}
	p.source.Eventually(t, fmt.Sprintf("select confirmed_flush_lsn >= '%s' from pg_replication_slots where slot_name = '%s'", end, p.stream.Slot), "t")
	at := p.take()
	if at < end {
		t.Errorf("taken at %s, and the source was at %s", at, end)
	}
	if again := p.take(); again != at {
		t.Errorf("taken again at %s, and before at %s", again, at)
	}
	p.give(at)
	p.source.Exec(t, "insert into orders values (1, 0, 0, '')")
	p.arrives()
}
