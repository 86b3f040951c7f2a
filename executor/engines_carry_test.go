package executor_test

import (
	"testing"

	"bascule/planner/catalog/pgtest"
)

// What some engines carry and others do not.
func TestWhatAnEngineCarries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, engine, schema, body string
		writes                     []string
	}{
		{"TRUNCATE of what foreign keys refer to, of tables in both publications", "subscription",
			"create table k (id int primary key); create table l (id int primary key references k); create table m (k int references k); insert into k values (1), (2); insert into l values (1); insert into m values (2)", "",
			[]string{"truncate k cascade", "insert into k values (3); insert into l values (3); insert into m values (3)"}},
		{"columns that the target has not", "pglogical",
			"create table k (id int primary key, secret text, twice int generated always as (id * 2) stored); insert into k values (1, 's'), (2, 's')",
			"table \"public.k\" {\nexclude_columns = [\"secret\"]\n}",
			[]string{"insert into k values (3, 't'); update k set secret = 'u', id = 4 where id = 1; update k set secret = 'v' where id = 2; delete from k where id = 3"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			x := newEngined(t, c.engine, 15, 15, pgtest.Server)
			x.source.Exec(t, c.schema)
			x.body += "\n" + c.body
			x.applied(t)
			x.writes(t, c.writes...)
			leftOut := []string{}
			if c.body != "" {
				leftOut = append(leftOut, "public.k")
			}
			x.equal(t, leftOut...)
			if c.body != "" {
				if got := x.target.Query1(t, "select string_agg(k::text, ' ' order by id) from k"); got != "(2,4) (4,8)" {
					t.Errorf("the target has %s", got)
				}
			}
			x.settled(t)
		})
	}
}
