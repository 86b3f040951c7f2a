package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// The rows of a COPY on the source, which share one place in its log, all arrive, with
// what else its transaction did.
func TestSourceCopyArrives(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create table t (id int primary key, a text); create table keyless (a text, b int); create table parts (id int primary key, a text) partition by hash (id); create table p0 partition of parts for values with (modulus 2, remainder 0); create table p1 partition of parts for values with (modulus 2, remainder 1)")
	f := newFollower(t, source, target, "")
	f.applied(t)
	f.runs(t)
	copies := func(table string, from, to int) {
		t.Helper()
		var rows strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&rows, "%d\trow %d\n", i, i)
		}
		if _, err := f.from.PgConn().CopyFrom(t.Context(), strings.NewReader(rows.String()), "copy "+table+" from stdin"); err != nil {
			t.Fatal(err)
		}
	}
	copies("t", 0, 5000)
	copies("keyless (b, a)", 0, 100)
	copies("keyless (b, a)", 0, 100)
	f.writes(t, "begin; update t set a = 'before' where id < 10; create temporary table scratch (id int); insert into scratch values (1)")
	copies("t", 5000, 6000)
	copies("parts", 0, 1000)
	f.writes(t, "delete from t where id between 5500 and 5510; update parts set a = 'after' where id % 7 = 0; commit", "begin; truncate t")
	copies("t", 10, 20)
	f.writes(t, "commit; begin")
	copies("t", 30, 40)
	f.writes(t, "rollback", "begin; create table made (id int); truncate keyless")
	copies("keyless (b, a)", 7, 9)
	f.writes(t, "drop table made; commit")
	f.same(t)
}

// Messages that other programs put into the log, whatever they are called, mean nothing.
func TestMessagesOfOthers(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, "create table t (id int primary key)")
	f := newFollower(t, source, target, "")
	f.applied(t)
	f.runs(t)
	f.writes(t, `begin; select pg_logical_emit_message(true, 'bascule', '{"id": 1}'); insert into t values (1); select pg_logical_emit_message(false, 'bascule', 'x'); commit`,
		"select pg_logical_emit_message(true, '', ''); select pg_logical_emit_message(true, 'ddl', repeat('x', 3000000)); insert into t values (2)",
		"begin; select pg_logical_emit_message(true, 'gone', 'x'); rollback; select pg_logical_emit_message(true, 'alone', '\\x00'::bytea)")
	f.same(t)
}

// A trigger that is to fire for replicated rows too does, once a row and in order.
func TestTriggersThatAlwaysFire(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, `create table t (id int primary key, v text); create table o (id int primary key); insert into t values (1, 'a')`)
	f := newFollower(t, source, target, "")
	f.applied(t)
	target.Exec(t, `create table seen (n serial, what text); create function note() returns trigger language plpgsql as $$ begin
			insert into public.seen (what) values (concat_ws(' ', tg_op, old.id, old.v, new.id, new.v)); return coalesce(new, old); end $$;
		create trigger always before insert or update or delete on t for each row execute function note(); alter table t enable always trigger always;
		create trigger replica after insert on o for each row execute function note(); alter table o enable replica trigger replica;
		create trigger plain after insert or update on t for each row execute function note()`)
	f.runs(t)
	f.writes(t, "insert into t values (2, 'b'); update t set v = 'c' where id = 1; update t set id = 3 where id = 2; delete from t where id = 1",
		"begin; insert into t values (5, 'x'); update t set v = 'y' where id = 5; delete from t where id = 5; commit")
	f.same(t)
	if got, want := target.Query1(t, "select string_agg(what, '; ' order by n) from seen where what not like '%o%'"),
		"INSERT 2 b; UPDATE 1 a 1 c; UPDATE 2 b 3 b; DELETE 1 c; INSERT 5 x; UPDATE 5 x 5 y; DELETE 5 y"; got != want {
		t.Errorf("triggers saw %s", got)
	}
}
