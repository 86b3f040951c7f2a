package executor_test

import (
	"fmt"
	"testing"

	"bascule/planner/catalog/pgtest"
)

// toasted has tables whose rows have values of a megabyte outside of the row, changed
// and unchanged, under each replica identity.
const toasted = `
	create function big(int) returns text language sql immutable return repeat(md5($1::text), 32768);
	create table pk (id int primary key, a int, big text, doc bytea, list text[]);
	create table ix (id int not null, a int, big text, doc bytea, list text[]); create unique index ids on ix (id); alter table ix replica identity using index ids;
	create table fk (id int primary key, a int, big text, doc bytea, list text[]); alter table fk replica identity full;
	create table whole (id int, a int, big text, doc bytea, list text[]); alter table whole replica identity full;
	create table parts (id int, a int, big text, doc bytea, list text[], primary key (id, a)) partition by list (a);
	create table parts_0 partition of parts for values in (0, 1, 2, 3); create table parts_rest partition of parts default;
	create table long_key (k text primary key, big text);
	alter table pk alter big set storage external; alter table ix alter doc set storage external; alter table whole alter big set storage external;
	alter table parts_0 alter big set storage external; alter table fk alter doc set storage external;`

// toastedRows inserts rows into each table.
func toastedRows(from, to int) (sql string) {
	for _, table := range []string{"pk", "ix", "fk", "whole", "parts"} {
		sql += fmt.Sprintf("insert into %s select i, 0, big(i), decode(big(i + 1), 'hex'), array[big(i + 2), null, 'x'] from generate_series(%d, %d) i;", table, from, to)
	}
	return sql + fmt.Sprintf("insert into long_key select repeat('k', 2000) || i, big(i) from generate_series(%d, %d) i;", from, to)
}

func TestLargeValuesArrive(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, toasted+toastedRows(1, 4))
	f := newFollower(t, source, target, "")
	f.applied(t)
	f.runs(t)
	f.writes(t, toastedRows(5, 6))
	for _, table := range []string{"pk", "ix", "fk", "whole", "parts"} {
		for _, change := range []string{
			"update %s set a = a + 1",
			"update %s set big = big(99) where id = 1",
			"update %s set doc = null where id = 2",
			"update %s set list[2] = 'changed' where id = 3",
			"update %s set id = id + 100 where id > 2",
			"update %s set id = id + 100, big = big || 'x' where id = 1",
			"update %s set a = 7 where id = 104",
			"begin; insert into %[1]s select 7, 0, big(7), null, null; update %[1]s set a = 1 where id = 7; update %[1]s set id = 8 where id = 7; update %[1]s set doc = 'small' where id = 8; commit",
			"begin; update %[1]s set a = 5 where id = 103; update %[1]s set big = 'short' where id = 103; update %[1]s set a = 6 where id = 103; update %[1]s set id = 3, list = null where id = 103; commit",
			"begin; update %[1]s set id = -1 where id = 105; update %[1]s set a = 9 where id = -1; update %[1]s set id = 105 where id = -1; commit",
			"begin; update %[1]s set id = -1 where id = 105; insert into %[1]s values (105, 1, 'new'); update %[1]s set a = 3 where id = -1; commit",
			"delete from %s where id = 106",
		} {
			f.writes(t, fmt.Sprintf(change, table))
		}
	}
	f.writes(t, "update long_key set k = k || 'x'; update long_key set big = big || 'y' where k like '%1x'; delete from long_key where k like '%2x'",
		"begin; update long_key set k = 'a' where k like '%3x'; update long_key set k = 'b' where k = 'a'; commit")
	f.same(t)
}
