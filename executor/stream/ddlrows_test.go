package stream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// waits are the members whose rows are not there yet.
func (a *auto) waits() string {
	a.t.Helper()
	return a.target.Query1(a.t, "select coalesce(string_agg(name, ' ' order by name), '') from bascule.member where state not in ('streaming', 'removed')")
}

// withRowsSchema has a table to make others of, one that refers to what is made, types
// that need care, and what DO may not write into.
const withRowsSchema = `
	create schema "O d"; create type "O d"."Mood" as enum ('sad', 'happy');
	create table a (id int primary key, v varchar(20) collate "C", n numeric(6,2), m "O d"."Mood", at timestamptz, j jsonb);
	insert into a select i, E'v\t' || i, i / 7.0, 'happy', '2024-01-01'::timestamptz + i * interval '1 hour', '{"a": "\\"}' from generate_series(1, 50) i;
	insert into a values (99); create table child (id int primary key, of_a int); insert into child select i, i from generate_series(1, 50) i;
	create table parts (id int, at int) partition by range (at)`

// Tables that commands made with rows have these on the target, whatever was done to them
// in the same transaction or later, and whether anybody streamed then.
func TestUndeclaredWithRows(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		major  int
		queued bool
	}{{15, true}, {18, false}} {
		t.Run(fmt.Sprintf("to %d, queued %t", at.major, at.queued), func(t *testing.T) {
			t.Parallel()
			a := loggingTo(t, at.major, withRowsSchema)
			a.target.Exec(t, "delete from bascule.member where name not in ('a', 'child')")
			var run *running
			if !at.queued {
				run = a.run()
			}
			for _, sql := range []string{
				"create table one as select * from a", "insert into one values (100)", "alter table one add primary key (id)", "update one set v = 'new' where id < 5", "delete from one where id = 50",
				"create table \"O d\".\"Two\" with (fillfactor = 70) as select id as \"The id\", v, j from one", "create index on \"O d\".\"Two\" (v)", "create view v as select v from \"O d\".\"Two\"",
				"select id, m into three from \"O d\".\"Two\" t join a on a.id = t.\"The id\"", "insert into three select * from three", "create table four as table three with no data", "insert into four values (1, 'sad')",
				"create table if not exists four as select 1 as other", "create temporary table five as select 1", "create unlogged table six as select 1",
				"create table seven as select * from a", "alter table seven add extra int default 7", "alter table seven drop v", "alter table seven rename to seventh", "alter table seventh set schema \"O d\"", "update \"O d\".seventh set extra = id",
				"alter table \"O d\".seventh alter id type bigint using id * 2", "insert into \"O d\".seventh (id) values (1)", "alter table \"O d\".seventh add g bigint generated always as (id + 1) stored",
				"create table eight as select * from a", "drop table eight",
				"create table nine as select id from a", "truncate nine", "insert into nine values (1)", "create materialized view mv as select sum(id) from one",
				"create table \"none\" as select", "create table ten as select id from a", "grant select on ten to public", "alter table ten add primary key (id)", "alter table child add foreign key (of_a) references ten",
				"do $$ begin create table eleven as select 1 as x; end $$",
				"create table twelve as select id, 5 as at from a", "alter table parts attach partition twelve for values from (0) to (10)", "insert into parts values (7, 7)",
			} {
				a.source.Exec(t, sql)
			}
			a.inOne("insert into a values (200, 'in')", "create table tx as select * from a", "insert into tx values (201)", "alter table tx add primary key (id)", "create table child2 as select id, id as of_tx from child",
				"alter table child2 add foreign key (of_tx) references tx", "create materialized view mv2 as select count(*) from tx", "update tx set v = 'changed' where id < 3", "insert into a values (202)")
			a.source.Exec(t, "delete from tx where id > 200; insert into tx values (300); insert into child2 values (1, 30)")
			if run == nil {
				run = a.run()
			}
			run.catchUp()
			if got := a.waits(); got != "" {
				t.Errorf("waiting: %s", got)
			}
			a.source.Exec(t, "drop table six")
			a.sameShapes()
			a.equalNow()
			for _, sql := range []string{"select * from mv2", "select count(*) from v", "select count(*) from \"none\"", `select sum(id), sum(extra), sum(g) from "O d".seventh`} {
				if s, d := a.source.Query(t, sql), a.target.Query(t, sql); s != d {
					t.Errorf("%s: %s, want %s", sql, d, s)
				}
			}
			if got := a.target.Query1(t, "select array_to_string(reloptions, ' ') from pg_class where relname = 'Two'"); got != "fillfactor=70" {
				t.Errorf("options %s", got)
			}
			if text := a.noted.all(); !strings.Contains(text, "public.six is selected by the mirror, and on the source only (CREATE TABLE AS)") {
				t.Error(text)
			}
		})
	}
}

// A table whose rows cannot be had at its place waits for them: while somebody writes to
// it and has not ended, while the source is ahead by what is passed over, and over the end
// of a stream. Who waits for the stream waits for them, too; the others go on.
func TestUndeclaredRowsWait(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key); insert into a select generate_series(1, 10)")
	for _, sql := range []string{"create table granted as select * from a", "grant select on granted to public", "create table held as select * from a", "insert into held values (20)"} {
		a.source.Exec(t, sql)
	}
	writer := a.source.Conn(t)
	runs(t, writer, "begin; insert into held values (21)")
	run := a.run()
	a.source.Exec(t, "insert into a values (11)")
	a.target.Eventually(t, "select count(*) from a where id = 11", "1")
	a.target.Eventually(t, "select string_agg(name, ' ') from bascule.member where state = 'waiting'", "held")
	if got := a.target.Query1(t, "select count(*) || ' ' || (select count(*) from held) from granted"); got != "10 0" {
		t.Errorf("rows: %s", got)
	}
	run.stop()
	if err := run.result(); err != nil {
		t.Fatal(err)
	}
	run = a.run()
	caught := make(chan error, 1)
	go func() { caught <- run.CatchUp(t.Context(), a.position()) }()
	a.source.Exec(t, "insert into a values (12)")
	a.target.Eventually(t, "select count(*) from a where id = 12", "1")
	select {
	case err := <-caught:
		t.Errorf("caught up without the rows: %v", err)
	default:
	}
	runs(t, writer, "commit; insert into held values (22)")
	select {
	case err := <-caught:
		a.must(err)
	case <-time.After(time.Minute):
		t.Fatal("the rows do not come")
	}
	run.catchUp()
	a.equalNow()
	if got := a.memberNames(); got != "a all id; granted inserts ; held inserts " {
		t.Error(got)
	}
}

// Rows that are of a later moment than the types that the target has by then wait for
// these, as long as they may come.
func TestUndeclaredRowsOfLaterTypes(t *testing.T) {
	t.Parallel()
	a := logging(t, "create type mood as enum ('sad'); create domain small as int check (value < 10); create table a (id int primary key)")
	for _, sql := range []string{"create table t as select 'sad'::mood as m", "create table d as select 1::small as n", "insert into a values (1)", "alter type mood add value 'calm'", "insert into t values ('calm')",
		"alter type mood rename value 'calm' to 'happy'", "alter domain small drop constraint small_check", "insert into d values (20)", "insert into a values (2)"} {
		a.source.Exec(t, sql)
	}
	run := a.run()
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if got := a.target.Query1(t, "select string_agg(m::text, ' ' order by m) || ' ' || (select sum(n) from d) from t"); got != "sad happy 21" {
		t.Error(got)
	}
	a.target.Exec(t, "alter domain small add check (value < 100) not valid")
	a.source.Exec(t, "create table e as select 200::small as n")
	if err := run.result(); err == nil || !strings.Contains(err.Error(), "small_check") {
		t.Errorf("%v", err)
	}
}

// Rows of a later moment are in the way of a key or a check that the source has had in
// between, and has no more: they make room, and come again.
func TestUndeclaredRowsMakeRoom(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key); insert into a values (1)")
	for _, sql := range []string{"create table t as select 1 as x, 1 as y", "alter table t add check (x < 10)", "create unique index i on t (y)", "alter table t add foreign key (x) references a", "insert into t values (1, 2)",
		"alter table t drop constraint t_x_check", "drop index i", "insert into a values (20)", "insert into t values (20, 2)", "create index on t (x)", "insert into a values (2)"} {
		a.source.Exec(t, sql)
	}
	a.inOne("create table u as select 1 as x", "alter table u alter x set not null", "insert into u values (2)")
	a.source.Exec(t, "alter table u alter x drop not null")
	a.source.Exec(t, "insert into u values (null)")
	run := a.run()
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if got := a.target.Query1(t, "select count(*) || ' ' || (select count(*) from u) from t"); got != "3 3" {
		t.Error(got)
	}
}

// A command on a table that is not filled yet comes before its rows where the source
// has it, and what leans on its rows behind them.
func TestUndeclaredRowsInTime(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table child (id int, of_t int); insert into child values (1, 1)")
	for _, sql := range []string{"create table t as select 1 as id, 2 as n", "alter table t alter n type bigint using n * 10", "alter table t add primary key (id)", "alter table child add foreign key (of_t) references t",
		"create unique index on t (n)", "insert into t values (2, 5)", "insert into child values (2, 2)"} {
		a.source.Exec(t, sql)
	}
	run := a.run()
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if got := a.target.Query(t, "select * from t order by id"); got != "1|20\n2|5" {
		t.Error(got)
	}
}
