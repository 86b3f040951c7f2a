package executor_test

const monthly = `create table m (id int, at date, v text, primary key (id, at)) partition by range (at);
	create table m_2023 partition of m for values from ('2023-01-01') to ('2024-01-01');
	create table m_2024 partition of m for values from ('2024-01-01') to ('2025-01-01');
	insert into m select i, '2023-01-01'::date + i * 9, 'v' || i from generate_series(10, 80) i;`

// alone2025 is a table with rows that is yet to be a partition.
const alone2025 = monthly + "create table m_2025 (id int, at date, v text, primary key (id, at)); insert into m_2025 values (5, '2025-05-05', 'own')"

// Names with all that a name may have: capitals, quotes, dots, a line's end, letters of
// more than one byte, and 63 bytes.
const (
	quotedSchema = `create schema "Größe"; create table "Größe"."we.ird ""x""" ("Id" int primary key, "a b" text); insert into "Größe"."we.ird ""x""" values (1, 'a')`
	twoLines     = "\"Zwei\nZeilen; --\""
	longName     = "Straße äöü äöü äöü äöü äöü äöü äöü äöü"
)

// tableKinds are of whole tables, and of what is made of them.
var tableKinds = []commandKind{
	{rule: "a table with a key", schema: single, before: row, commands: []string{"create table public.made (id serial primary key, t int references public.t, v text)"},
		span: "insert into made values (#, 1, 'span'); update made set v = 'spanned' where id = #", after: "insert into made (t, v) values (1, 'x'), (2, 'y'); update made set v = 'z' where id = 1; delete from made where id = 2", published: "f|made, f|t"},
	{rule: "a table without a key", schema: single, before: row, open: true, commands: []string{"create table public.made (v text, n int)"},
		span: "insert into made values ('span', #)", after: "insert into made values ('x', 1), ('x', 1); insert into made values ('y', 2); update made set n = n", published: "f|t, t|made"},
	{rule: "a table without a key that is whole", schema: single, before: row, open: true, commands: []string{"create table public.made (v text, n int)", "alter table public.made replica identity full"},
		span: "insert into made values ('span', #)", after: "insert into made values ('x', 1), ('x', 1); update made set n = 2 where v = 'x'; delete from made where v = 'x'", published: "f|made, f|t"},
	{rule: "a table like another", schema: single, before: row, open: true, commands: []string{"create table public.made (like public.t including all)", "create table public.later as select id, b from public.t with no data"},
		span: "insert into made (id) values (#); insert into later values (#)", after: "insert into made select * from t; update made set b = 0; insert into later select id, b from t", published: "f|made, f|t, t|later"},
	{rule: "a table that inherits", schema: single, before: row, commands: []string{"create table public.heir (more text, primary key (id)) inherits (public.t)"}, then: []string{"alter table public.t add n int default 3"},
		span:  "insert into heir (id, b, more) values (#, 1, 'span'); insert into t (id, n) values (10 * #, 4)",
		after: "update t set b = 2, n = id where id > 40; insert into heir (id, more) values (1, 'heir'); delete from t where id = 900", published: "f|heir, f|t"},
	{rule: "names that must be quoted", schema: quotedSchema, before: `insert into "Größe"."we.ird ""x""" values (2, 'before')`, commands: []string{`alter table "Größe"."we.ird ""x""" rename to ` + twoLines,
		`alter table "Größe".` + twoLines + ` add "Ü ""ü""" text default E'\'; drop'`, `create table public."` + longName + `" ("Key, 1" int primary key, "select" text)`},
		span:  `insert into "Größe".` + twoLines + ` values (#, 'span'); insert into "` + longName + `" values (#)`,
		after: `update "Größe".` + twoLines + ` set "Id" = 77, "Ü ""ü""" = null where "Id" = 1; insert into "` + longName + `" values (1, 'x'); update "` + longName + `" set "select" = 'y'; delete from "Größe".` + twoLines + ` where "Id" = 2`},
	{rule: "a schema with a table", schema: single, before: row, open: true, commands: []string{"create schema shop create table made (id int primary key, v text)"},
		span: "insert into shop.made values (#)", after: "insert into shop.made values (1, 'x'); update shop.made set v = 'y'", published: "f|made, f|t"},
	{rule: "a schema is renamed", schema: "create schema a; create table a.t (id int primary key, b int); insert into a.t values (1, 1)", before: "insert into a.t values (100, 1); update a.t set b = 2", open: true, commands: []string{"alter schema a rename to b"},
		span: "insert into b.t values (#)", after: "update b.t set b = 0; insert into b.t values (2)"},
	{rule: "a table is renamed", schema: single, before: row, commands: []string{"alter table public.t rename to people"},
		span: "insert into people values (#)", after: "insert into people values (101, 'y', 1); update people set b = 8 where id = 100; delete from people where id = 1", published: "f|people"},
	{rule: "a table without a key is renamed", schema: "create table l (v text); insert into l values ('a')", before: "insert into l values ('b')", commands: []string{"alter table public.l rename to log"},
		span: "insert into log values ('#')", after: "insert into log values ('c')", published: "t|log"},
	{rule: "tables change places", schema: single + "create table u (id int primary key, z text); insert into u values (1, 'u')", before: row + "; insert into u values (3, 'before')",
		commands: []string{"alter table public.t rename to x", "alter table public.u rename to t", "alter table public.x rename to u"},
		span:     "insert into t values (#, 'span'); insert into u values (#, 'span', 1)", after: "insert into t values (2, 'was u'); insert into u values (200, 'was t', 2); update t set z = 'v' where id = 1", published: "f|t, f|u"},
	{rule: "a table moves", schema: single + "create schema other", before: row, commands: []string{"alter table public.t set schema other"},
		span: "insert into other.t values (#)", after: "insert into other.t values (101, 'y', 1); update other.t set b = 8 where id = 1"},
	{rule: "a table is dropped", schema: single + "create table gone (id int primary key); insert into gone values (1)", before: "insert into gone values (2)", commands: []string{"drop table public.gone"},
		span: spanRow, after: "insert into t values (101)", published: "f|t"},
	{rule: "a table is made anew", schema: single, before: row, commands: []string{"drop table public.t", "create table public.t (id bigint primary key, other text)"},
		span: "insert into t values (#, 'span')", after: "insert into t values (1, 'new'); update t set other = 'newer'", published: "f|t"},
	{rule: "views and functions", schema: single, before: row, open: true, commands: []string{"create view public.v as select id from public.t", "create function public.f() returns int language sql as 'select 7'", "comment on table public.t is 'said'"},
		span: spanRow, after: "insert into t values (101)", query: "select f(), count(*), obj_description('t'::regclass) from v"},
	{rule: "a view is replaced", schema: single + "create view v as select id from t", before: row, open: true, commands: []string{"create or replace view public.v as select id, b from public.t where id < 30"},
		span: spanRow, after: "insert into t values (101)", query: "select sum(b) from v"},
	{rule: "a function is replaced", schema: single + "create function f() returns int language sql as 'select 7'", before: row, open: true, commands: []string{"create or replace function public.f() returns int language sql as 'select 8'"},
		span: spanRow, after: "update t set b = f()", query: "select f()"},
	{rule: "a materialized view", schema: single, before: row, open: true, commands: []string{"create materialized view public.v as select id, b from public.t where id < 50"},
		span: spanRow, after: "insert into t values (101)", query: "select sum(b), count(*) from v"},
	{rule: "a trigger", schema: single + noting, before: row, commands: []string{"create trigger noting after insert or update on public.t for each row execute function public.note()"},
		span: spanRow, after: "update t set b = 0 where id < 5", query: "select tgname, tgenabled from pg_trigger where tgname = 'noting'"},
	{rule: "a partition is created", schema: monthly, before: "insert into m values (1, '2023-02-02', 'a')", commands: []string{"create table public.m_2025 partition of public.m for values from ('2025-01-01') to ('2026-01-01')"},
		span: "insert into m values (#, '2025-02-02', 'span')", after: "insert into m values (2, '2025-02-02', 'b'); update m set v = 'c' where id = 2"},
	{rule: "a partition is attached", schema: alone2025, before: "insert into m_2025 values (6, '2025-06-06', 'own too')", commands: []string{"alter table public.m attach partition public.m_2025 for values from ('2025-01-01') to ('2026-01-01')"},
		span: "insert into m values (#, '2025-02-02', 'span')", after: "insert into m values (2, '2025-02-02', 'b'); update m set v = 'c' where id < 100"},
	{rule: "a partition is attached beside a writer", schema: alone2025, before: "insert into m values (6, '2023-06-06', 'before')", open: true, commands: []string{"alter table public.m attach partition public.m_2025 for values from ('2025-01-01') to ('2026-01-01')"},
		span: "insert into m values (#, '2025-02-02', 'span')", after: "update m set v = 'c' where id < 100"},
	{rule: "a partition is detached", schema: monthly, before: "insert into m values (1, '2023-02-02', 'a')", commands: []string{"alter table public.m detach partition public.m_2023"},
		span: "insert into m_2023 values (#, '2023-03-03', 'span')", after: "insert into m_2023 values (2, '2023-03-03', 'b'); update m_2023 set v = 'c' where id = 1; delete from m_2023 where id = 10"},
	{rule: "a partition is detached, concurrently", schema: monthly, before: "insert into m values (1, '2023-02-02', 'a')", alone: true, commands: []string{"alter table public.m detach partition public.m_2023 concurrently"},
		span: "insert into m_2023 values (#, '2023-03-03', 'span')", after: "insert into m_2023 values (2, '2023-03-03', 'b'); update m_2023 set v = 'c' where id = 1; delete from m_2023 where id = 10"},
	{rule: "partitions' indexes are built anew", schema: monthly, before: "insert into m values (1, '2023-02-02', 'a')", alone: true, commands: []string{"reindex table public.m"},
		span: "insert into m values (#, '2024-02-02', 'span')", after: "update m set v = 'c' where id < 20"},
	{rule: "a partition is created under its root", schema: monthly, stream: "publish_via_partition_root = true", before: "insert into m values (1, '2023-02-02', 'a')",
		commands: []string{"create table public.m_2025 partition of public.m for values from ('2025-01-01') to ('2026-01-01')"},
		span:     "insert into m values (#, '2025-02-02', 'span')", after: "insert into m values (2, '2025-02-02', 'b'); update m set v = 'c' where id = 2", published: "f|m"},
	{rule: "a partition is detached from its root", schema: monthly, stream: "publish_via_partition_root = true", before: "insert into m values (1, '2023-02-02', 'a')", commands: []string{"alter table public.m detach partition public.m_2023"},
		span:  "insert into m_2023 values (#, '2023-03-03', 'span'); insert into m values (#, '2024-03-03', 'span')",
		after: "insert into m_2023 values (2, '2023-03-03', 'b'); update m_2023 set v = 'c' where id = 1; insert into m values (3, '2024-03-03', 'd')", published: "f|m, f|m_2023"},
	{rule: "a partition is attached to its root", schema: alone2025, stream: "publish_via_partition_root = true", before: "insert into m_2025 values (6, '2025-06-06', 'own too')",
		commands: []string{"alter table public.m attach partition public.m_2025 for values from ('2025-01-01') to ('2026-01-01')"},
		span:     "insert into m values (#, '2025-02-02', 'span')", after: "insert into m values (2, '2025-02-02', 'b'); update m set v = 'c' where id < 100", published: "f|m"},
	{rule: "several commands in turn", schema: single, before: row, open: true, commands: []string{"create table public.one (id int primary key)"},
		then: []string{"alter table public.one add v text default 'd'", "alter table public.one rename to two"},
		span: "insert into two values (#)", after: "insert into two values (1, 'x'); update two set v = 'y'"},
}

// noting is a function for a trigger that writes a row of another table for each.
const noting = `
	create table noted (t int, n serial);
	create function note() returns trigger language plpgsql as 'begin insert into public.noted (t) values (new.id); return null; end';`
