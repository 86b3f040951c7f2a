package executor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog/pgtest"
)

// block is a ddl block of the mirrors, "mirror.app" where none is named.
func block(name, command string, more ...string) string {
	mirrors := "mirrors = [mirror.app]"
	for _, line := range more {
		if strings.HasPrefix(line, "mirrors") {
			mirrors = ""
		}
	}
	return fmt.Sprintf("ddl %q {\n%s\ncommand = <<-SQL\n%s\nSQL\n%s\n}\n", name, mirrors, command, strings.Join(more, "\n"))
}

// shape is a list of what the tables of both sides must have in common.
const shape = `
	select c.relkind, n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
		coalesce(pg_get_expr(d.adbin, d.adrelid), ''), c.relreplident
	from pg_class c
	join pg_namespace n on n.oid = c.relnamespace
	left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
	left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
	where n.nspname !~ '^pg_|^information_schema|^bascule'`

// alter is what a command does to a mirror that streams, while somebody writes to
// another table all along.
type alter struct {
	rule, schema, body string

	before  string // written to the source before the command
	command string
	after   string // and after it

	more []string // of the block
	then []string // more commands, each a block of its own

	// query must have the same result on both sides, besides what all tables hold.
	query string

	// published is what the publications hold at last, where that is to be seen.
	published string

	// left: the next plan is not empty: somebody has to change the configuration.
	left bool
}

const publishedTables = `
	select p.pubname ~ 'i$' as inserts, c.relname
	from pg_publication_rel r
	join pg_publication p on p.oid = r.prpubid
	join pg_class c on c.oid = r.prrelid
	where c.relname not in ('mark', 'busy')
	order by 1, 2`

const single = "create table t (id int primary key, a text, b int); insert into t select i, 'a' || i, i from generate_series(1, 50) i;"

var alters = []alter{
	{rule: "a column", schema: single, before: "insert into t values (100, 'before', 1)", command: "alter table public.t add surname varchar(20)",
		after: "insert into t values (101, 'after', 1, 'x'); update t set surname = 'y' where id < 10; delete from t where id = 20"},
	{rule: "a column with a default that is not null", schema: single, before: "update t set b = 7 where id = 3", command: "alter table public.t add n int default 5 not null",
		after: "insert into t (id) values (101); update t set n = id where id < 10"},
	{rule: "a generated column", schema: single, command: "alter table public.t add twice int generated always as (b * 2) stored", after: "insert into t values (101, 'x', 4); update t set b = b + 1"},
	{rule: "a column goes", schema: single, before: "update t set a = 'last' where id = 1", command: "alter table public.t drop a", after: "insert into t values (101, 7); update t set b = 0 where id < 5"},
	{rule: "a column is renamed", schema: single, command: "alter table public.t rename b to c", after: "insert into t (id, c) values (101, 9); update t set c = -c where id < 5"},
	{rule: "the key is renamed", schema: single, command: "alter table public.t rename id to number", after: "update t set b = 0 where number = 4; delete from t where number = 5; update t set number = 500 where number = 6"},
	{rule: "another type", schema: single, before: "insert into t values (100, '5', 1)", command: "alter table public.t alter id type bigint, alter b type text using 'n' || b", after: "insert into t values (5000000000, 'x', 'y'); update t set b = 'z' where id = 100"},
	{rule: "constraints", schema: single, command: "alter table public.t alter b set default 3, alter b set not null, add constraint positive check (b > 0) not valid, add unique (a); alter table public.t validate constraint positive; create index by_b on public.t (b)",
		after: "insert into t (id, a) values (101, 'x'); update t set a = 'y' where id = 1", query: "select conname, convalidated from pg_constraint where conrelid = 't'::regclass union all select relname, true from pg_class where relname = 'by_b' order by 1"},
	{rule: "a table with a key", schema: single, command: "create table public.made (id serial primary key, t int references public.t, v text)",
		after: "insert into made (t, v) values (1, 'x'), (2, 'y'); update made set v = 'z' where id = 1; delete from made where id = 2", published: "f|made, f|t"},
	{rule: "a table without a key", schema: single, command: "create table public.made (v text, n int)", after: "insert into made values ('x', 1), ('x', 1); insert into made values ('y', 2); update made set n = n", published: "f|t, t|made"},
	{rule: "a table without a key that is whole", schema: single, command: "create table public.made (v text, n int); alter table public.made replica identity full",
		after: "insert into made values ('x', 1), ('x', 1); update made set n = 2 where v = 'x'; delete from made", published: "f|made, f|t"},
	{rule: "a table is renamed", schema: single, before: "insert into t values (100, 'x', 1)", command: "alter table public.t rename to people", after: "insert into people values (101, 'y', 1); update people set b = 8 where id = 100; delete from people where id = 1", published: "f|people"},
	{rule: "a table without a key is renamed", schema: "create table l (v text); insert into l values ('a')", before: "insert into l values ('b')", command: "alter table public.l rename to log", after: "insert into log values ('c')", published: "t|log"},
	{rule: "tables change places", schema: single + "create table u (id int primary key, z text); insert into u values (1, 'u')", command: "alter table public.t rename to x; alter table public.u rename to t; alter table public.x rename to u",
		after: "insert into t values (2, 'was u'); insert into u values (200, 'was t', 2); update t set z = 'v' where id = 1", published: "f|t, f|u"},
	{rule: "a table moves", schema: single + "create schema other", command: "alter table public.t set schema other", after: "insert into other.t values (101, 'y', 1); update other.t set b = 8 where id = 1"},
	{rule: "a table is dropped", schema: single + "create table gone (id int primary key); insert into gone values (1)", before: "insert into gone values (2)", command: "drop table public.gone", after: "insert into t values (101)", published: "f|t"},
	{rule: "a table is made anew", schema: single, before: "insert into t values (100, 'old', 1)", command: "drop table public.t; create table public.t (id bigint primary key, other text)", after: "insert into t values (1, 'new'); update t set other = 'newer'", published: "f|t"},
	{rule: "a key goes", schema: single, before: "update t set b = 0 where id = 1", command: "alter table public.t drop constraint t_pkey", after: "insert into t values (1, 'twice', 1); update t set b = b", published: "t|t"},
	{rule: "a key comes", schema: "create table t (id int not null, v text); insert into t values (1, 'a')", before: "insert into t values (2, 'b')", command: "alter table public.t add primary key (id)", after: "update t set v = 'c' where id = 2; insert into t values (3, 'd'); delete from t where id = 1", published: "f|t"},
	{rule: "another key", schema: single, command: "alter table public.t drop constraint t_pkey, alter b set not null, add primary key (b)", after: "update t set b = b + 100; delete from t where b = 120; update t set id = 0 where b = 130"},
	{rule: "a replica identity", schema: single + "create unique index by_b on t (b)", command: "alter table public.t alter b set not null, replica identity using index by_b", after: "update t set b = b + 100; delete from t where b = 120"},
	{rule: "an index", schema: single, command: "create index by_a on public.t (a)", after: "insert into t values (101)", query: "select indexdef from pg_indexes where indexname = 'by_a'"},
	{rule: "an enum gets a value", schema: "create type mood as enum ('sad', 'ok'); create table t (id int primary key, m mood); insert into t values (1, 'ok')", before: "insert into t values (2, 'sad')", command: "alter type public.mood add value 'happy'",
		after: "insert into t values (3, 'happy'); update t set m = 'happy' where id = 1"},
	{rule: "a type and a table of it", schema: single, command: "create type public.mood as enum ('sad', 'ok'); create table public.felt (id int primary key, m public.mood)", after: "insert into felt values (1, 'ok'); update felt set m = 'sad'"},
	{rule: "views and functions", schema: single, command: "create view public.v as select id from public.t; create function public.f() returns int language sql as 'select 7'; comment on table public.t is 'said'", after: "insert into t values (101)",
		query: "select f(), count(*), obj_description('t'::regclass) from v"},
	{rule: "a partition is created", schema: monthly, before: "insert into m values (1, '2023-02-02', 'a')", command: "create table public.m_2025 partition of public.m for values from ('2025-01-01') to ('2026-01-01')", after: "insert into m values (2, '2025-02-02', 'b'); update m set v = 'c' where id = 2"},
	{rule: "a partition is attached", schema: monthly + "create table m_2025 (id int, at date, v text, primary key (id, at)); insert into m_2025 values (5, '2025-05-05', 'own')", before: "insert into m_2025 values (6, '2025-06-06', 'own too')",
		command: "alter table public.m attach partition public.m_2025 for values from ('2025-01-01') to ('2026-01-01')", after: "insert into m values (2, '2025-02-02', 'b'); update m set v = 'c'"},
	{rule: "a partition is detached", schema: monthly, before: "insert into m values (1, '2023-02-02', 'a')", command: "alter table public.m detach partition public.m_2023", after: "insert into m_2023 values (2, '2023-03-03', 'b'); update m_2023 set v = 'c' where id = 1; delete from m_2023 where id = 10"},
	{rule: "a partition is detached from its root", schema: monthly, body: "stream { publish_via_partition_root = true }", before: "insert into m values (1, '2023-02-02', 'a')", command: "alter table public.m detach partition public.m_2023",
		after: "insert into m_2023 values (2, '2023-03-03', 'b'); update m_2023 set v = 'c' where id = 1; insert into m values (3, '2024-03-03', 'd')", published: "f|m, f|m_2023"},
	{rule: "a partition is attached to its root", schema: monthly + "create table m_2025 (id int, at date, v text, primary key (id, at)); insert into m_2025 values (5, '2025-05-05', 'own')", body: "stream { publish_via_partition_root = true }",
		before: "insert into m_2025 values (6, '2025-06-06', 'own too')", command: "alter table public.m attach partition public.m_2025 for values from ('2025-01-01') to ('2026-01-01')", after: "insert into m values (2, '2025-02-02', 'b'); update m set v = 'c'", published: "f|m"},
	{rule: "several commands in turn", schema: single, before: "insert into t values (100, 'x', 1)", command: "create table public.one (id int primary key)", then: []string{"alter table public.one add v text default 'd'", "alter table public.one rename to two"},
		after: "insert into two values (1, 'x'); update two set v = 'y'"},
}

const monthly = `create table m (id int, at date, v text, primary key (id, at)) partition by range (at);
	create table m_2023 partition of m for values from ('2023-01-01') to ('2024-01-01');
	create table m_2024 partition of m for values from ('2024-01-01') to ('2025-01-01');
	insert into m select i, '2023-01-01'::date + i * 9, 'v' || i from generate_series(10, 80) i;`

// A command arrives where it was run among the rows, whatever it makes of the tables,
// and nothing is left to do then.
func TestCommandsArrive(t *testing.T) {
	t.Parallel()
	for i, c := range alters {
		if !*longFlag && i%3 != 0 {
			continue // make suites runs all
		}
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			c.arrive(t, i%2 == 0)
		})
	}
}

// arrive is the life of one command. Runs: a runner streams meanwhile.
func (c alter) arrive(t *testing.T, runs bool) {
	t.Helper()
	source, target := pgtest.New(t, c.schema+"; create table busy (id serial primary key, n int default 0)")
	f := newFollower(t, source, target, c.body)
	f.applied(t)
	if runs {
		f.runs(t)
	}
	stop := busy(t, source)
	f.writes(t, c.before)
	f.more = block("one", c.command, c.more...)
	for i, command := range c.then {
		f.more += block(fmt.Sprintf("then_%d", i), command, fmt.Sprintf("depends_on = [ddl.%s]", []string{"one", fmt.Sprintf("then_%d", i-1)}[min(i, 1)]))
	}
	f.applied(t)
	f.writes(t, c.after)
	stop()
	if !runs {
		f.runs(t)
	}
	f.same(t)
	f.sameRows(t, "shape", shape, shape)
	if c.query != "" {
		f.sameRows(t, "query", strings.TrimSuffix(c.query, " order by 1"), strings.TrimSuffix(c.query, " order by 1"))
	}
	if got := strings.ReplaceAll(source.Query(t, publishedTables), "\n", ", "); c.published != "" && got != c.published {
		t.Errorf("published: %s, want %s", got, c.published)
	}
	if !c.left {
		f.settled(t)
	}
	// Nothing runs again, and what is left of the file has the mirror go on.
	f.applied(t)
}

// busy writes to a table of its own until it is stopped.
func busy(t *testing.T, db *pgtest.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		conn, err := pgx.Connect(context.WithoutCancel(ctx), db.URL)
		if err != nil {
			ended <- err
			return
		}
		defer conn.Close(context.WithoutCancel(ctx))
		for ctx.Err() == nil && err == nil {
			_, err = conn.Exec(context.WithoutCancel(ctx), "with i as (insert into public.busy default values returning id) update public.busy set n = n + 1 where id % 7 = 3 and id > (select max(id) - 20 from i)")
			if err == nil {
				_, err = conn.Exec(context.WithoutCancel(ctx), "select pg_sleep(0.02)")
			}
		}
		ended <- err
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
