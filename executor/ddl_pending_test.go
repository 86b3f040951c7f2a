package executor_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// An apply that is planned while commands wait in the stream which nobody declared leaves
// to the stream what the stream brings, and does the rest.
func TestApplyWithCommandsPending(t *testing.T) {
	t.Parallel()
	const some = `tables = ["public.*"]`
	for i, tc := range []struct {
		rule, body, work string
		sqls             []string
	}{
		{"a copied one that is altered", "", "", []string{"create table later as select * from t", "alter table later add primary key (id)", "update later set b = 0", "alter table later add n int default 4"}},
		{"a table", "", "", []string{"create table made (id int primary key, v text)", "insert into made values (1, 'x'), (2, 'y')", "update made set v = 'z' where id = 1"}},
		{"a table without a key", "", "", []string{"create table made (v text)", "insert into made values ('x'), ('x')"}},
		{"a table and a copied one", "", "", []string{"create table made (id int primary key, v text)", "insert into made values (1, 'x')", "create table later as select * from t", "insert into later values (500)", "update made set v = 'y'"}},
		{"a table that is renamed", "", "", []string{"insert into t values (200)", "alter table t rename to people", "insert into people values (201)"}},
		{"a table and its name", "", "", []string{"create table made (id int primary key)", "insert into made values (1)", "alter table made rename to called", "insert into called values (2)", "alter table called add v text default 'd'"}},
		{"a table that goes", "", "", []string{"insert into u values (2)", "drop table u", "insert into t values (200)"}},
		{"a table that is made anew", "", "", []string{"insert into u values (2)", "drop table u", "create table u (id bigint primary key, other text)", "insert into u values (1, 'new')"}},
		{"a key that goes", "", "", []string{"alter table u drop constraint u_pkey", "insert into u values (1)"}},
		{"a key that comes", "", "", []string{"alter table l add primary key (v)", "update l set v = 2"}},
		{"a table that comes in", some, "outside add ", []string{"insert into other.outside values (2)", "alter table other.outside set schema public", "insert into outside values (3)", "alter table outside add n int default 7"}},
		{"columns and indexes", "", "", []string{"alter table t add n int default 7", "update t set n = id", "create index by_n on t (n)", "alter table t drop a", "create view v as select n from t"}},
		{"partitions", "", "", []string{"create table m (id int, at date, primary key (id, at)) partition by range (at)", "create table m_2024 partition of m for values from ('2024-01-01') to ('2025-01-01')",
			"insert into m values (1, '2024-02-02')", "create table m_2025 (like m including all)", "insert into m_2025 values (2, '2025-02-02')", "alter table m attach partition m_2025 for values from ('2025-01-01') to ('2026-01-01')"}},
	} {
		for _, runs := range []bool{false, true} {
			if !*longFlag && (i%6 != 0 || runs != (tc.work != "")) {
				continue // make suites runs all
			}
			name := fmt.Sprintf("%s, with a runner %t", tc.rule, runs)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				source := pgtest.Server(t, 15).Database(t, pendingSchema)
				f := newFollower(t, source, pgtest.Server(t, 17).Database(t, ""), tc.body+"\nstream {\n"+autoStream+"\n}")
				f.applied(t)
				if runs {
					f.runs(t)
				}
				f.writes(t, tc.sqls...)
				if plan := f.applied(t); len(plan.Changes) > 0 || tc.work != "" {
					works(t, plan, tc.work)
				}
				if !runs {
					f.runs(t)
				}
				f.same(t, `bascule\_%.ddl`)
				f.sameRows(t, "shape", shape, shape)
				f.writes(t, "insert into busy values (900)")
				f.same(t, `bascule\_%.ddl`)
				f.settled(t)
			})
		}
	}
}

const pendingSchema = single + `
	create table u (id int primary key); insert into u values (1); create table busy (id int primary key);
	create schema other; create table other.outside (id int primary key); insert into other.outside values (1);
	create table l (v int not null); insert into l values (1)`
