package stream_test

import (
	"strings"
	"testing"

	"bascule/executor/ledger"
	"bascule/planner/catalog/pgtest"
)

// A row that cannot be applied halts the stream right before its transaction, and
// says which one it was. What came before is there.
func TestHalt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, onTarget, sql, code, table, key string }{
		{"an update finds no row", "delete from a where id = 7", "update a set v = 'x' where id = 7", "missing_row", "public.a", "7"},
		{"a delete finds no row", "delete from a where id = 7", "delete from a where id = 7", "missing_row", "public.a", "7"},
		{"a row is there already", "insert into a values (99)", "insert into a values (99)", "23505", "public.a", "99"},
		{"a check of the target", "alter table a add check (v <> 'bad')", "insert into a values (99, 'bad')", "23514", "public.a", "99"},
		{"a column is not on the target", "alter table a drop v", "update a set v = 'y' where id = 7", "shape", "public.a", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := setUp(t, "create table a (id int primary key, v text); insert into a select generate_series(1, 20)")
			r.target.Exec(t, tc.onTarget)
			r.source.Exec(t, "insert into a values (50)")
			before := r.position()
			run := r.run()
			if tc.code != "shape" {
				run.catchUp()
			}
			r.source.Exec(t, "begin; insert into a values (51); "+tc.sql+"; commit; insert into a values (52)")
			halt := run.halted()
			h := halt.Halt
			if h.Code != tc.code || h.Table != tc.table || !strings.Contains(h.Key, tc.key) || h.LSN == "" && tc.code != "shape" || h.Text == "" {
				t.Errorf("%+v", h)
			}
			if !strings.Contains(h.Remedy, "run -retry='mirror.app'") && tc.code != "shape" || !strings.Contains(h.Remedy, `-replace='mirror.app.table["public.a"]'`) {
				t.Errorf("remedy %s", h.Remedy)
			}
			rows := r.target.Query1(t, "select string_agg(id::text, ' ' order by id) from a where id between 50 and 60")
			if want := "50"; tc.code != "shape" && rows != want {
				t.Errorf("rows %s", rows)
			}
			if r.position() < before {
				t.Error("the position went back")
			}
		})
	}
}

// A row that is mended is tried again by the next run, from where the last one stood.
func TestGoOnAfterHalt(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key, v int default 0); insert into a select generate_series(1, 5)")
	r.target.Exec(t, "delete from a where id = 3")
	run := r.run()
	r.source.Exec(t, "update a set v = v + 1")
	run.halted()
	r.target.Exec(t, "insert into a values (3, 0)")
	again := r.run()
	again.catchUp()
	r.equal()
}

// Where missing rows may be, they are counted.
func TestMissingRowsSkipped(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key, v int default 0); insert into a select generate_series(1, 20)")
	r.skip = true
	r.target.Exec(t, "delete from a where id in (3, 4, 5)")
	run := r.run()
	r.source.Exec(t, "update a set v = 1; delete from a where id = 4; insert into a values (21)")
	run.catchUp()
	r.source.Exec(t, "update a set v = 2 where id = 5; update a set v = 2 where id = 6")
	run.catchUp()
	if got := r.target.Query1(t, "select missing from bascule.position"); got != "5" {
		t.Errorf("%s missing\n%s", got, r.events)
	}
	r.source.Exec(t, "delete from a where id in (3, 5)")
	run.catchUp()
	r.equal()
}

// A table that is published and no member halts the stream, before its first change.
func TestUnknownTable(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key); create table b (id int primary key)")
	conn := r.target.Conn(t)
	r.must(ledger.DropMembers(t.Context(), conn, r.mirror, r.members[1].Source))
	run := r.run()
	r.source.Exec(t, "insert into a values (1)")
	run.catchUp()
	r.source.Exec(t, "insert into b values (1)")
	h := run.halted().Halt
	if h.Code != "shape" || h.Table != "public.b" || h.LSN == "" || !strings.Contains(h.Text, "a table that is not of the mirror is published") {
		t.Errorf("%+v", h)
	}
	// It is made a member while the stream stands.
	r.must(ledger.PutMembers(t.Context(), conn, r.mirror, r.members[1]))
	again := r.run()
	again.catchUp()
	r.equal()
}

// What is being copied, or was removed, is passed over; so is what a table's own point
// covers.
func TestMembersStates(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key); create table b (id int primary key); create table c (id int primary key)")
	r.source.Exec(t, "insert into a values (1); insert into b values (1); insert into c values (1)")
	point := lsnOf(t, r.source, "select pg_current_wal_insert_lsn()")
	conn := r.target.Conn(t)
	r.members[0].State = ledger.Copying
	r.members[1].State = ledger.Removed
	r.members[2].Point = point
	r.must(ledger.PutMembers(t.Context(), conn, r.mirror, r.members...))
	run := r.run()
	r.source.Exec(t, "begin; insert into a values (2); insert into b values (2); insert into c values (2); commit; truncate a, b")
	run.catchUp()
	got := r.target.Query1(t, "select concat_ws('|', (select array_agg(id) from a), (select array_agg(id) from b), (select array_agg(id) from c))")
	if got != "{2}" {
		t.Errorf("rows %s", got)
	}

	// The states are changed while it runs.
	r.members[0].State, r.members[0].Point = ledger.Followed, lsnOf(t, r.source, "select pg_current_wal_insert_lsn()")
	r.must(ledger.PutMembers(t.Context(), conn, r.mirror, r.members[0]))
	run.Reload()
	pgtest.Eventually(t, func() error {
		r.source.Exec(t, "insert into a select coalesce(max(id), 0) + 1 from a")
		return atLeast(r, "select count(*) from a", 1)
	})
}
