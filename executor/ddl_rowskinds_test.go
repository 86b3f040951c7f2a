package executor_test

// rowsKinds are of tables that commands make with rows: of those that nobody declares.
var rowsKinds = []commandKind{
	{rule: "a table with rows, a key, and what leans on it", schema: single, before: row, open: true, commands: []string{"create table public.made as select * from public.t", "alter table public.made add primary key (id)",
		"create view public.v as select a from public.made", "create table public.more as select id, b from public.made where b is not null", "alter table public.more add foreign key (id) references public.made", "create index by_b on public.made (b)"},
		span: "insert into made values (#, 'span', 1)", after: "insert into made values (101, 'y', 1); update made set b = 8 where id % 2 = 0; insert into more values (7, 1); delete from made where id = 900",
		query: "select count(*) from v", published: "f|made, f|t, t|more"},
	{rule: "a table with rows and no key", schema: single, before: row, open: true, commands: []string{"create table public.made as select * from public.t"},
		span: "insert into made values (#)", after: "insert into made values (1, 'twice'); insert into made select * from t", published: "f|t, t|made"},
	{rule: "rows are selected into a table", schema: single + "create schema other", before: row, open: true, commands: []string{"select id as number, a, b into public.made from public.t", "alter table public.made add extra int default 7",
		"alter table public.made drop a", "alter table public.made alter b type bigint using b * 2", "alter table public.made rename to called", "alter table public.called set schema other", "create view public.v as select sum(b) from other.called"},
		span: "insert into other.called values (#, 5)", after: "insert into other.called values (1, 2, 3)", query: "select * from v", published: "f|t, t|called"},
	{rule: "tables with rows, of which one goes", schema: single, before: row, open: true, commands: []string{"create table public.gone as select * from public.t", "insert into public.gone values (1)", "create table public.made as table public.gone", "drop table public.gone"},
		span: "insert into made values (#)", after: "insert into made values (2)", published: "f|t, t|made"},
	{rule: "a table with rows becomes a partition", schema: monthly, before: "insert into m values (1, '2023-02-02', 'a')", open: true, commands: []string{"create table public.m_2025 as select 5 as id, '2025-05-05'::date as at, 'own'::text as v",
		"alter table public.m_2025 alter id set not null, alter at set not null", "alter table public.m attach partition public.m_2025 for values from ('2025-01-01') to ('2026-01-01')"},
		span: "insert into m_2025 values (#, '2025-02-02', 'span')", after: "insert into m values (2, '2025-02-02', 'b'); update m set v = 'c' where id < 100"},
}
