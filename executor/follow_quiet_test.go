package executor_test

import (
	"fmt"
	"strings"
	"testing"
)

// loud is a table whose triggers and rules write to a log, which is mirrored itself.
const loud = `
	create table log (id bigserial primary key, what text);
	create function note() returns trigger language plpgsql as $$ begin insert into public.log (what) values (tg_name || ' ' || tg_op); return null; end $$;
	create function raise() returns trigger language plpgsql as $$ begin if current_setting('application_name') like 'bascule%' then raise exception 'fired for the stream'; end if; return new; end $$;
	create table t (id int primary key, a text);
	create trigger a after insert or update or delete on t for each row execute function note();
	create trigger b after insert or update or delete or truncate on t for each statement execute function note();
	create trigger c before insert or update on t for each row execute function raise();
	create rule r as on insert to t do also insert into log (what) values ('rule');
	insert into t values (1, 'a'), (2, 'b');`

var quiet = []episode{
	{rule: "triggers and rules of the target do not fire", schema: loud, writes: []string{
		"insert into t values (3, 'c'); insert into t select i, 'x' from generate_series(10, 60) i",
		"update t set a = a || '!'; delete from t where id > 50; truncate t; insert into t values (1, 'last')",
	}, query: "select count(*) from log"},
	{rule: "foreign keys of the target are not checked", schema: `
		create table a (id int primary key, b int); create table b (id int primary key, a int references a on delete cascade on update cascade deferrable initially deferred);
		alter table a add foreign key (b) references b on update cascade on delete set null deferrable initially deferred;
		create table o (id int primary key, b int references b on update cascade on delete cascade)`, writes: []string{
		"begin; insert into b values (1, 1), (2, 2); insert into a values (1, 1), (2, 1); commit",
		"insert into o values (1, 1), (2, 2); update b set id = id + 10; delete from b where id = 12",
		"begin; delete from a; delete from b; insert into b values (7, 7); insert into a values (7, 7); commit; insert into o values (5, 7); delete from a",
	}},
	{rule: "a foreign key to a table that is not mirrored", body: `exclude = ["public.owner"]`, schema: `
		create table owner (id int primary key); create table t (id int primary key, owner int references owner); insert into owner values (1); insert into t values (1, 1)`, writes: []string{
		"insert into owner values (2); insert into t values (2, 2); update t set owner = 2",
	}, leftOut: []string{"public.owner"}},
	{rule: "unique values handed from row to row", schema: `
		create table t (id int primary key, u int unique, v text); insert into t select i, i, 'x' from generate_series(1, 20) i;
		create table pairs (id int primary key, a int, b int, unique (a, b)); insert into pairs select i, i % 3, i from generate_series(1, 20) i;
		create table words (id int primary key, w text); create unique index on words (lower(w)) where w <> ''; insert into words values (1, 'One'), (2, 'Two'), (3, '')`, writes: []string{
		"begin; update t set u = 1000 where id = 1; update t set u = 1 where id = 2; update t set u = 2 where id = 1; commit",
		"delete from t where id = 3; insert into t values (33, 3, 'took 3'); update t set u = null where id = 4; insert into t values (44, 4, 'took 4')",
		"begin; delete from t where id = 5; update t set u = 5 where id = 6; insert into t values (5, 6, 'took 6'); commit",
		"begin; update t set u = -7 where id = 7; insert into t values (77, 7, 'x'); update t set u = 8000 where id = 77; update t set u = 7 where id = 7; commit",
		"begin; update pairs set a = 100 where id = 1; update pairs set a = 1, b = 1 where id = 4; update pairs set a = 1, b = 4 where id = 1; commit",
		"update words set w = '' where id = 1; update words set w = 'ONE' where id = 2; update words set w = 'two' where id = 3; delete from words where id = 2; insert into words values (9, 'oNe')",
		"do $$ begin for i in 1..30 loop update public.t set u = 9999 where id = 10; update public.t set u = 30000 + i where id = 11; update public.t set u = 30000 + i - 1 where id = 10; update public.t set u = 5000 + i where id = 11; end loop; end $$",
	}},
	{rule: "unique constraints that are deferrable", schema: `
		create table t (id int primary key, u int unique deferrable initially immediate); create table late (id int primary key, u int unique deferrable initially deferred);
		create table part (id int, u int unique deferrable, v int, primary key (id)); insert into part select i, i, 0 from generate_series(1, 9) i;
		insert into t select i, i from generate_series(1, 10) i; insert into late select * from t`, writes: []string{
		"update t set u = 11 - u",
		"begin; update late set u = 5 where id = 1; update late set u = 1 where id = 5; commit; update late set u = u % 10 + 1",
		"begin; update part set u = u % 9 + 1, v = v + 1; update part set u = u % 9 + 1; delete from part where id = 3; insert into part values (33, (select 45 - sum(u) from part), 1); commit",
	}},
	{rule: "exclusion constraints", schema: `
		create extension btree_gist; create table t (id int primary key, room int, during int4range, exclude using gist (room with =, during with &&));
		insert into t values (1, 1, '[1,5)'), (2, 1, '[5,9)')`, writes: []string{
		"begin; update t set during = '[50,60)' where id = 1; update t set during = '[1,9)' where id = 2; commit",
		"begin; delete from t where id = 2; insert into t values (3, 1, '[2,4)'); update t set during = '[4,6)' where id = 1; commit",
	}},
	{rule: "an index over an expression, and a check", schema: `
		create table t (id int primary key, a text check (a <> 'bad')); create index on t (lower(a)); create index on t using hash (a); create index on t using gin (to_tsvector('english', a));
		insert into t values (1, 'some words')`, writes: []string{"insert into t values (2, 'More Words'); update t set a = 'other' where id = 1"}},
	{rule: "names", schema: `
		create schema "Select ""x"" . y"; create table "Select ""x"" . y"."Tab	le" ("Id" int, "order" text, "new
line" int, "ä€" int default 1, primary key ("Id", "order")); create table public."order" (id int primary key, """" text);
		insert into "Select ""x"" . y"."Tab	le" values (1, 'a', 1); create schema other; create table other.t (id int primary key); create table t (id int primary key)`, writes: []string{
		`insert into "Select ""x"" . y"."Tab	le" values (2, 'b', 1); update "Select ""x"" . y"."Tab	le" set "ä€" = 7, "order" = 'c'; delete from "Select ""x"" . y"."Tab	le" where "Id" = 1`,
		`insert into public."order" values (1, 'x'); update public."order" set """" = 'y'; insert into other.t values (1); insert into t values (2); delete from other.t`,
	}},
	{rule: "tables of no columns, and of many", schema: "create table none (); insert into none select; create table wide (id int primary key, " + manyColumns(1500) + ")", writes: []string{
		"insert into none select from generate_series(1, 3)",
		"insert into wide (id, c1, c1499) values (1, 1, 2), (2, null, 3); update wide set c700 = id; delete from wide where id = 1",
	}},
	{rule: "columns that the target has not", body: "table \"public.t\" {\nexclude_columns = [\"secret\", \"big\"]\n}", leftOut: []string{"public.t"},
		schema: "create table t (id int primary key, secret text, a int, big text); insert into t values (1, 's', 1, repeat('x', 10000))", writes: []string{
			"insert into t values (2, 's', 2, 'b'), (3, 's', 3, 'b'); update t set secret = 'other' where id = 1; update t set a = 7, big = null where id = 2; delete from t where id = 3",
		}, query: "select id, a from t order by 1", there: "select * from t order by 1"},
	{rule: "another schema and name", body: "table \"public.t\" {\ntarget = \"archive.things\"\n}", leftOut: []string{"public.t"},
		schema: "create schema archive; create table t (id serial primary key, a int); insert into t (a) values (1), (2)", writes: []string{
			"insert into t (a) values (3); update t set a = 0 where id = 1; delete from t where id = 2", "truncate t restart identity; insert into t (a) values (9)",
		}, query: "select t.*, last_value from t, t_id_seq order by 1", there: "select t.*, last_value from archive.things t, archive.t_id_seq order by 1"},
}

// manyColumns are the columns c1, c2 and so on.
func manyColumns(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("c%d int", i+1)
	}
	return strings.Join(list, ", ")
}

func TestChangesDoNoMore(t *testing.T) {
	long(t)
	t.Parallel()
	for _, c := range quiet {
		t.Run(c.rule, func(t *testing.T) { c.arrive(t) })
	}
}
