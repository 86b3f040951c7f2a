package subscription_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// What the servers do, as the engine and the plan take for granted.
func TestFacts(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, pgtest.Server(t, major), prompt(t, major), "")
			p.rowsThatAreMissing()
			p.slotAhead()
			p.rowsWithoutEquality()
			p.publicationMadeAnew()
		})
	}
}

// rowsThatAreMissing: an update or delete that finds no row is passed over.
func (p *pair) rowsThatAreMissing() {
	p.t.Helper()
	p.give(p.point)
	p.source.Exec(p.t, "insert into orders values (1, 0, 0, ''), (2, 0, 0, '')")
	p.arrives()
	p.target.Exec(p.t, "delete from orders")
	p.source.Exec(p.t, "update orders set n = 1 where id = 1")
	p.source.Exec(p.t, "delete from orders where id = 2")
	p.source.Exec(p.t, "insert into orders values (3, 0, 0, '')")
	p.target.Eventually(p.t, "select string_agg(id::text, ' ') from orders", "3")
	p.source.Exec(p.t, "delete from orders")
	p.arrives()
}

// slotAhead: a slot that was moved would be streamed from where it is, without a word, so
// nothing is given to it.
func (p *pair) slotAhead() {
	p.t.Helper()
	at := p.take()
	p.source.Exec(p.t, "set synchronous_commit = on; insert into orders values (4, 0, 0, '')")
	p.source.Exec(p.t, "select pg_replication_slot_advance('"+p.stream.Slot+"', pg_current_wal_lsn())")
	if err := p.both().Give(p.t.Context(), at, p.members); err == nil || !strings.Contains(err.Error(), "past the target's position") {
		p.t.Errorf("given: %v", err)
	}
	p.target.Exec(p.t, "insert into orders values (4, 0, 0, '')")
	p.give(p.take())
}

// rowsWithoutEquality: rows are found by comparing columns, and json cannot be.
func (p *pair) rowsWithoutEquality() {
	p.t.Helper()
	p.take()
	for _, db := range []*pgtest.DB{p.source, p.target} {
		db.Exec(p.t, "alter table whole add j json")
	}
	p.give(p.take())
	p.source.Exec(p.t, "insert into whole (j) values ('{}')")
	p.arrives()
	p.source.Exec(p.t, "update whole set j = '[]'")
	p.target.Eventually(p.t, "select apply_error_count > 0 from pg_stat_subscription_stats", "t")
}

// publicationMadeAnew: what is decoded is looked up in the publications of its time.
func (p *pair) publicationMadeAnew() {
	p.t.Helper()
	p.target.Exec(p.t, "alter subscription "+p.stream.Subscription+" disable")
	p.source.Eventually(p.t, "select active from pg_replication_slots where slot_name = '"+p.stream.Slot+"'", "f")
	p.source.Exec(p.t, fmt.Sprintf("set synchronous_commit = on; drop publication %s; insert into orders values (5, 0, 0, ''); create publication %[1]s for table orders", p.stream.Publication))
	conn := p.open(p.source.URL, false)
	_, err := conn.Exec(p.t.Context(), fmt.Sprintf("select pg_catalog.pg_logical_slot_peek_binary_changes('%s', null, null, 'proto_version', '1', 'publication_names', '%s')", p.stream.Slot, p.stream.Publication))
	if session.Code(err) != "42704" {
		p.t.Errorf("a publication that is younger than a change: %v", err)
	}
}
