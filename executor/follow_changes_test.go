package executor_test

import (
	"cmp"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// episode is what a source has before it is mirrored, and what is done to it then.
type episode struct {
	rule         string
	schema, body string
	writes       []string

	// leftOut are patterns of tables that do not arrive as they are.
	leftOut []string

	// query must at last have the same result on both sides. On the target it is
	// asked as there, where that is set.
	query, there string
}

const numbered = "create table t (id int primary key, a text, b int); insert into t select i, 'a' || i, i from generate_series(1, 100) i;"

var changes = []episode{
	{rule: "rows", schema: numbered, writes: []string{
		"insert into t values (101, 'new', null), (102, null, 2)",
		"update t set b = b + 1 where id < 50; update t set a = null where id = 7",
		"delete from t where id % 10 = 3",
		"insert into t values (3, 'again', 0); delete from t where id = 3; insert into t values (3, 'and again', 0)",
		"begin; insert into t values (200, 'x', 1); update t set b = 2 where id = 200; delete from t where id = 200; insert into t values (200, 'y', 3); commit",
		"update t set b = b where id = 5",
	}},
	{rule: "keys that change", schema: numbered, writes: []string{
		"update t set id = id + 1000 where id > 90",
		"update t set id = -id",
		"begin; update t set id = 0 where id = -1; update t set id = -1 where id = -2; update t set id = -2 where id = 0; commit",
		"begin; update t set id = id - 5000; update t set id = id + 5000; delete from t where id = -5; update t set id = -5 where id = -6; commit",
		"begin; delete from t where id = -20; insert into t values (-20, 'back', 1); update t set id = -21 where false; update t set id = 9999 where id = -20; commit",
	}},
	{rule: "keys of several columns", schema: `create table t (a int, b text, c date, v int, primary key (b, a, c)); create table p (a int, b int, primary key (a, b));
		insert into t select i, 'b' || i % 5, '2024-01-01'::date + i, i from generate_series(1, 60) i; insert into p values (1, 11), (11, 1)`, writes: []string{
		"update t set v = 0 where b = 'b1'; update t set b = 'b0' where a = 7; delete from t where c < '2024-01-10'",
		"delete from p where a = 1; insert into p values (1, 1), (11, 11); update p set a = 111, b = 1 where a = 11 and b = 11",
	}},
	{rule: "savepoints, rollbacks and subtransactions", schema: numbered, writes: []string{
		"begin; insert into t values (101, 'gone', 1); rollback",
		"begin; insert into t values (102, 'stays', 1); savepoint a; insert into t values (103, 'gone', 1); update t set b = -1; rollback to a; savepoint b; insert into t values (104, 'stays', 1); release b; commit",
		"begin; delete from t where id = 1; savepoint a; savepoint b; truncate t; rollback to b; update t set a = 'inner' where id = 2; rollback to a; update t set a = 'outer' where id = 3; commit",
		`do $$ begin for i in 1..50 loop begin insert into t values (300 + i, 'sub', i); if i % 3 = 0 then raise exception 'no'; end if; exception when raise_exception then null; end; end loop; end $$`,
		"begin; insert into t values (500, 'prepared', 1); prepare transaction 'followed'", "commit prepared 'followed'",
		"begin; insert into t values (501, 'prepared', 1); prepare transaction 'not followed'", "rollback prepared 'not followed'",
	}},
	{rule: "a large transaction", schema: numbered, writes: []string{
		"begin; insert into t select i, repeat('x', i % 100), i from generate_series(1000, 61000) i; update t set b = -b where id % 2 = 0; delete from t where id % 3 = 0; commit",
		"begin; insert into t select i, 'gone', i from generate_series(100000, 150000) i; rollback",
		"update t set a = a || 'y'",
	}},
	{rule: "TRUNCATE", query: "select (select last_value || ' ' || is_called from t_id_seq), (select last_value from kept_id_seq)", schema: `
		create table t (id serial primary key, a int); create table child (id int primary key, t int references t); create table keyless (t int references t);
		create table kept (id serial primary key); create table grand (id int primary key, child int references child);
		insert into t (a) select i from generate_series(1, 30) i; insert into child select i, i from generate_series(1, 30) i; insert into keyless select i from generate_series(1, 30) i;
		insert into grand values (1, 1); insert into kept select from generate_series(1, 9)`, writes: []string{
		"truncate kept",
		"begin; insert into t (a) values (7); truncate keyless, child, t, grand; insert into t (a) values (8); commit",
		"insert into t (a) values (9); insert into child select 1, max(id) from t; insert into keyless select id from t; insert into grand values (1, 1)",
		"begin; truncate t restart identity cascade; insert into t (a) values (10), (11); insert into child values (5, 1); commit",
		"insert into keyless values (1), (2); truncate only keyless",
		"truncate t cascade; begin; truncate t restart identity cascade; savepoint a; insert into t (a) values (1); rollback to a; insert into t (a) values (2), (3); commit",
		"truncate kept restart identity; truncate t restart identity cascade",
	}},
	{rule: "TRUNCATE with rows before and after it", schema: numbered + "create table o (id int primary key); insert into o values (1)", writes: []string{
		"begin; insert into t values (500, 'x', 1); update t set b = 0; truncate t; insert into t values (1, 'only', 1); commit",
		"begin; truncate t; insert into t values (2, 'x', 1); truncate t; insert into t values (3, 'y', 1); insert into o values (2); update t set b = 9; truncate o; commit; insert into o values (3)",
	}},
	{rule: "identity and generated columns", schema: `
		create table always (id bigint generated always as identity primary key, a int, twice int generated always as (a * 2) stored);
		create table by_default (id int generated by default as identity primary key, a text, n int generated always as (length(a)) stored);
		create table whole (id int generated always as identity, a int, twice int generated always as (a * 2) stored); alter table whole replica identity full;
		create table dropped (gone int, id int generated always as identity primary key, a text, lost text); alter table dropped drop gone, drop lost;
		insert into always (a) values (1), (2), (3); insert into by_default (a) values ('a'), ('bb'); insert into whole (a) values (1), (1); insert into dropped (a) values ('x')`, writes: []string{
		"insert into always (a) values (4), (5); insert into always overriding system value values (100, 6); update always set a = a + 1; delete from always where id = 2",
		"insert into by_default (id, a) values (50, 'ccc'); insert into by_default (a) values ('dddd'); update by_default set a = a || 'x', id = id + 1000",
		"insert into whole (a) values (1), (2); update whole set a = 7 where id = 1; delete from whole where id = 2",
		"insert into dropped (a) values ('y'); update dropped set a = 'z' where id = 1; alter table dropped disable trigger all",
	}},
	{rule: "inheritance", schema: `
		create table parent (id int primary key, a text); create table child (b int, primary key (id)) inherits (parent); create table keyless (c int) inherits (parent);
		insert into parent values (1, 'p'); insert into child values (2, 'c', 1); insert into keyless values (3, 'k', 1)`, writes: []string{
		"insert into parent values (11, 'p'); insert into child values (12, 'c', 1); insert into keyless values (13, 'k', 1)",
		"update parent set a = a || '!' where id in (1, 2, 11, 12); delete from parent where id = 2",
		"truncate only parent; insert into parent values (21, 'p')",
		"begin; truncate parent; insert into child values (32, 'c', 1); insert into keyless values (33, 'k', 1); commit",
	}},
	{rule: "partitions as they are", schema: partitioned, writes: []string{
		"insert into m select i, '2023-06-01'::date + i * 9, 'n' from generate_series(101, 140) i",
		"update m set v = v || '!' where id % 2 = 0; update m set at = at + 365 where id % 7 = 0; delete from m where id % 5 = 0",
		"update m set id = id + 1000 where id % 11 = 0; truncate m_2023; insert into m values (5000, '2023-02-02', 'after')",
		"begin; truncate m; insert into m values (1, '2023-01-01', 'a'), (2, '2024-01-01', 'b'), (3, '2030-01-01', 'c'); update m set at = '2024-05-05'; commit",
	}},
}

// partitioned is a table of two levels of partitions.
const partitioned = `
	create table m (id int, at date, v text, primary key (id, at)) partition by range (at);
	create table m_2023 partition of m for values from ('2023-01-01') to ('2024-01-01');
	create table m_2024 partition of m for values from ('2024-01-01') to ('2025-01-01') partition by hash (id);
	create table m_2024_a partition of m_2024 for values with (modulus 2, remainder 0);
	create table m_2024_b partition of m_2024 for values with (modulus 2, remainder 1);
	create table m_rest (v text, at date not null, extra int, id int not null); alter table m_rest drop extra;
	alter table m attach partition m_rest default;
	insert into m select i, '2023-01-01'::date + i * 9, 'v' || i from generate_series(1, 100) i;`

func TestChangesArrive(t *testing.T) {
	long(t)
	t.Parallel()
	for _, c := range changes {
		t.Run(c.rule, func(t *testing.T) { c.arrive(t) })
	}
}

// arrive mirrors, writes, and compares.
func (c episode) arrive(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, c.schema)
	f := newFollower(t, source, target, c.body)
	f.applied(t)
	f.runs(t)
	f.writes(t, c.writes...)
	f.same(t, c.leftOut...)
	if c.query == "" {
		return
	}
	there := cmp.Or(c.there, c.query)
	if want, got := source.Query(t, c.query), target.Query(t, there); got != want {
		t.Errorf("%s: %s, want %s", there, got, want)
	}
}
