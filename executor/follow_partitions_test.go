package executor_test

import (
	"testing"

	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

const viaRoot = "stream {\npublish_via_partition_root = true\n}\n"

// rootChanges are what is done to the table m (partitioned). The truncation of a
// partition is not among them: it is not published as one of the root.
var rootChanges = []string{
	"insert into m select i, '2023-06-01'::date + i * 9, 'n' from generate_series(101, 140) i",
	"update m set v = v || '!' where id % 2 = 0; update m set at = at + 365 where id % 7 = 0; delete from m where id % 5 = 0",
	"update m set id = id + 1000 where id % 11 = 0; insert into m_2023 values (5000, '2023-02-02', 'after')",
	"begin; insert into m values (7000, '2023-01-01', 'a'); update m set at = '2024-05-05' where id = 7000; update m set at = '2030-05-05', v = 'b' where id = 7000; commit",
}

// Changes that are published as those of the root go into whatever table stands there.
func TestPartitionsAsTheirRoot(t *testing.T) {
	long(t)
	t.Parallel()
	for _, c := range []struct{ rule, target string }{
		{"as they are", ""},
		{"partitioned otherwise", `create table m (v text, at date, id int, more text default 'more', primary key (id, at)) partition by hash (id);
			create table a partition of m for values with (modulus 3, remainder 0); create table b partition of m for values with (modulus 3, remainder 1);
			create table c (id int not null, at date not null, more text default 'more', v text); alter table m attach partition c for values with (modulus 3, remainder 2)`},
		{"into one table", "create table m (id int, at date, v text, primary key (at, id)); create index on m (v)"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, partitioned)
			f := newFollower(t, source, target, viaRoot)
			if c.target != "" {
				target.Exec(t, c.target+"; create table mark (id bigint primary key)")
				f.body += "schema {\ncopy = false\n}"
			}
			f.applied(t)
			f.runs(t)
			const query = "select id, at, v from m"
			f.arrived(t)
			f.sameRows(t, "after the copy", query, query)
			f.writes(t, rootChanges...)
			f.arrived(t)
			f.sameRows(t, "after changes", query, query)
			f.writes(t, "begin; truncate m; insert into m values (1, '2023-01-01', 'a'), (2, '2030-01-01', 'c'); commit; update m set at = '2024-01-01'")
			f.arrived(t)
			f.sameRows(t, "after TRUNCATE", query, query)
			f.settled(t)
		})
	}
}

// Whole rows are compared where a root has no key; its partitions are found out too.
func TestPartitionsWithoutAKey(t *testing.T) {
	long(t)
	t.Parallel()
	const schema = `
		create table m (id int, v text) partition by list (id); create table m_1 partition of m for values in (1, 2); create table m_rest partition of m default;
		insert into m select i % 5, 'v' || i from generate_series(1, 40) i;`
	for _, c := range []struct{ rule, schema, body, warned string }{
		{"their leaves are inserts only", "", "", "B102"},
		{"their root is inserts only", "", viaRoot, "B102"},
		{"whole rows of leaves", "alter table m_1 replica identity full; alter table m_rest replica identity full", "", ""},
		{"whole rows as the root's", "alter table m replica identity full; alter table m_1 replica identity full; alter table m_rest replica identity full", viaRoot, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, schema+c.schema)
			f := newFollower(t, source, target, c.body)
			plan := f.applied(t)
			if got := codes(plan, planner.Warning); got != c.warned {
				t.Errorf("warnings are %q\n%s", got, findings(plan))
			}
			f.runs(t)
			f.writes(t, "insert into m select i % 4, 'n' || i from generate_series(1, 40) i; truncate m; insert into m select i % 4, 'n' || i from generate_series(1, 40) i")
			f.same(t)
			f.writes(t, "update m set v = 'same'; update m set id = 1 where id = 3; delete from m where id = 2; delete from m where ctid = (select min(ctid) from m_1) and id = 1")
			if c.warned == "" {
				f.same(t)
			} else {
				f.arrived(t)
			}
		})
	}
}

// A partition that stands in the way of nothing: one that is left out of the mirror.
func TestAnExcludedPartitionIsNotFollowed(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, partitioned)
	f := newFollower(t, source, target, `exclude = ["public.m_rest"]`)
	f.applied(t)
	f.runs(t)
	f.writes(t, rootChanges[:3]...)
	f.same(t, "public.m_rest")
	if got := target.Query1(t, "select count(*) from pg_class where relname = 'm_rest'"); got != "0" {
		t.Error("the partition is there")
	}
}
