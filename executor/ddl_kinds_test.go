package executor_test

// commandKind is one kind of command: what a source has before it, the command, and what its
// application writes around it.
type commandKind struct {
	rule, schema string

	// body is of the mirror's block, stream of its stream block.
	body, stream string

	// before is written by a transaction that is open when the command begins. Open says
	// that it still is when the command is through: its locks let such a writer be.
	// Otherwise it commits while the command waits for it.
	before string
	open   bool

	// commands are the statements of one block, in one transaction where they may be.
	// Then are more of them, each a block of its own.
	commands []string
	then     []string

	// alone: the statements run outside of a transaction, one in each block.
	alone bool

	// span is written, when the command is through, by transactions that began before it.
	// Each of them puts a number of its own in the place of #.
	span  string
	after string // written last

	// query must have the same result on both sides, besides what all tables hold.
	query string

	// apart: what it makes cannot be used by the transaction that made it.
	apart bool

	// told is told to the operator, and noted where nobody declared the command. Added is
	// what the next apply is left to do then.
	told, noted, added string

	// published is what the publications hold at last, where that is to be seen.
	published string
}

const single = "create table t (id int primary key, a text, b int); insert into t select i, 'a' || i, i from generate_series(1, 50) i;"

// row and spanRow are what most kinds have written before the command, and around it.
const (
	row     = "insert into t values (100, 'before', 1)"
	spanRow = "insert into t (id) values (#)"
)

// constraints are those of a database. 18 has NOT NULL among them too.
const constraints = `
	select conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid) from pg_constraint
	where connamespace = 'public'::regnamespace and contype <> 'n'`

// columnKinds are of columns and their types.
var columnKinds = []commandKind{
	{rule: "a column", schema: single, before: row, commands: []string{"alter table public.t add surname varchar(20)"},
		span:  "insert into t values (#, 'span', 1, 's')",
		after: "insert into t values (101, 'after', 1, 'x'); update t set surname = 'y' where id < 10; delete from t where id = 20"},
	{rule: "a column with a default", schema: single, before: row, commands: []string{"alter table public.t add n numeric(6,2) default 1.5"},
		span: spanRow, after: "update t set n = null where id < 10; insert into t (id) values (101)"},
	{rule: "a column with a default that is not null", schema: single, before: "update t set b = 7 where id = 3", commands: []string{"alter table public.t add n int default 5 not null"},
		span: spanRow, after: "insert into t (id) values (101); update t set n = id where id < 10"},
	{rule: "a column that must have values", schema: "create table t (id int primary key)", before: "insert into t values (1); delete from t", commands: []string{"alter table public.t add v text not null"},
		span: "insert into t values (#, 'span')", after: "insert into t values (1, 'x')"},
	{rule: "a volatile default", schema: single, before: row, commands: []string{"alter table public.t add u uuid", "alter table public.t alter u set default pg_catalog.gen_random_uuid()"},
		span: spanRow, after: "update t set u = gen_random_uuid() where u is null; insert into t (id) values (101)"},
	{rule: "a volatile default for rows that are there", schema: single, before: row, noted: "computed values of rows that were there by", commands: []string{"alter table public.t add u uuid default pg_catalog.gen_random_uuid() not null"},
		span: spanRow, after: "update t set u = u; insert into t (id) values (101)"},
	{rule: "a serial column", schema: single, before: row, commands: []string{"alter table public.t add n serial"},
		span: spanRow, after: "update t set n = n; insert into t (id) values (101)"},
	{rule: "a generated column", schema: single, before: row, commands: []string{"alter table public.t add twice int generated always as (b * 2) stored"},
		span: spanRow, after: "insert into t values (101, 'x', 4); update t set b = b + 1"},
	{rule: "a column goes", schema: single, before: "update t set a = 'last' where id = 1", commands: []string{"alter table public.t drop a"},
		span: spanRow, after: "insert into t values (101, 7); update t set b = 0 where id < 5"},
	{rule: "a column is renamed", schema: single, before: row, commands: []string{"alter table public.t rename b to c"},
		span: "insert into t (id, c) values (#, #)", after: "insert into t (id, c) values (101, 9); update t set c = -c where id < 5"},
	{rule: "the key is renamed", schema: single, before: row, commands: []string{"alter table public.t rename id to number"},
		span: "insert into t (number) values (#)", after: "update t set b = 0 where number = 4; delete from t where number = 5; update t set number = 500 where number = 6"},
	{rule: "int to bigint", schema: single, before: row, commands: []string{"alter table public.t alter id type bigint"},
		span: "insert into t values (5000000000 + #)", after: "insert into t values (6000000000); update t set id = id + 7000000000 where id < 5"},
	{rule: "a longer varchar", schema: "create table t (id int primary key, v varchar(10), w varchar(5)); insert into t select i, 'v' || i from generate_series(1, 20) i", before: "insert into t values (100, 'before')",
		commands: []string{"alter table public.t alter v type varchar(40), alter w type text"}, span: "insert into t values (#, repeat('s', 30), repeat('w', 30))", after: "update t set v = repeat('x', 40) where id < 5"},
	{rule: "another type with USING", schema: single, before: "insert into t values (100, '5', 1)", commands: []string{"alter table public.t alter b type text using 'n' || b, alter a drop default"},
		span: "insert into t values (#, 'x', 'y')", after: "insert into t values (101, 'x', 'y'); update t set b = 'z' where id = 100"},
	{rule: "a default comes", schema: single, before: row, commands: []string{"alter table public.t alter b set default 3"},
		span: spanRow, after: "insert into t (id) values (101)"},
	{rule: "a default goes", schema: single + "alter table t alter b set default 3", before: "insert into t (id) values (100)", commands: []string{"alter table public.t alter b drop default"},
		span: spanRow, after: "insert into t (id) values (101)"},
	{rule: "NOT NULL comes", schema: single, before: row, commands: []string{"alter table public.t alter b set not null"},
		span: "insert into t values (#, null, 1)", after: "update t set b = 0 where id = 5"},
	{rule: "NOT NULL goes", schema: single + "alter table t alter b set not null", before: row, commands: []string{"alter table public.t alter b drop not null"},
		span: spanRow, after: "update t set b = null where id = 5"},
	{rule: "an enum gets a value", apart: true, schema: "create type mood as enum ('sad', 'ok'); create table t (id int primary key, m mood); insert into t values (1, 'ok')", before: "insert into t values (2, 'sad')", open: true,
		commands: []string{"alter type public.mood add value 'happy'"}, span: "insert into t values (#, 'happy')", after: "insert into t values (3, 'happy'); update t set m = 'happy' where id = 1"},
	{rule: "an enum gets a value, among rows", schema: "create type mood as enum ('sad', 'ok'); create table t (id int primary key, m mood); insert into t values (1, 'ok')", before: "insert into t values (2, 'sad')", open: true,
		commands: []string{"alter type public.mood add value 'happy' before 'ok'"}, span: "insert into t values (#, 'ok')", after: "insert into t values (3, 'happy'); update t set m = 'happy' where id = 1"},
	{rule: "an enum's value is renamed", schema: "create type mood as enum ('sad', 'ok'); create table t (id int primary key, m mood); insert into t values (1, 'ok')", before: "insert into t values (100, 'ok')", open: true,
		commands: []string{"alter type public.mood rename value 'ok' to 'fine'"}, span: "insert into t values (#, 'fine')", after: "update t set m = 'sad'"},
	{rule: "a composite type gets an attribute", schema: "create type pair as (a int, b int); create table t (id int primary key, m pair); insert into t values (1, '(1,2)')", before: "insert into t values (100, '(1,3)')", open: true,
		commands: []string{"alter type public.pair add attribute c int"}, span: "insert into t values (#, '(1,2,3)')", after: "update t set m = '(3,4,5)'"},
	{rule: "a type and a table of it", schema: single, before: row, open: true, commands: []string{"create type public.mood as enum ('sad', 'ok')", "create table public.felt (id int primary key, m public.mood)"},
		span: "insert into felt values (#, 'ok')", after: "insert into felt values (1, 'ok'); update felt set m = 'sad'"},
}

// constraintKinds are of constraints, keys, replica identities and indexes.
var constraintKinds = []commandKind{
	{rule: "a check comes", schema: single, before: row, commands: []string{"alter table public.t add constraint positive check (b > 0)"}, span: spanRow, after: "update t set b = 1", query: constraints},
	{rule: "a check goes", schema: single + "alter table t add constraint positive check (b > 0)", before: row, commands: []string{"alter table public.t drop constraint positive"},
		span: "insert into t values (#, null, -1)", after: "update t set b = -1 where id < 5", query: constraints},
	{rule: "a unique constraint comes", schema: single, before: row, commands: []string{"alter table public.t add constraint one_of_a unique (a)"}, span: spanRow,
		after: "update t set a = null where id = 1; update t set a = 'a1' where id = 2; update t set a = 'a2' where id = 1", query: constraints},
	{rule: "a unique constraint goes", schema: single + "alter table t add constraint one_of_a unique (a)", before: row, commands: []string{"alter table public.t drop constraint one_of_a"},
		span: "insert into t values (#, 'same')", after: "update t set a = 'same' where id < 5", query: constraints},
	{rule: "a foreign key comes", schema: single, before: "insert into t values (100, 'before', 1)", commands: []string{"alter table public.t add constraint of_t foreign key (b) references public.t (id)"},
		span: "insert into t values (#, null, 1)", after: "insert into t values (101, 'x', 102), (102, 'y', 101)", query: constraints},
	{rule: "a foreign key goes", schema: single + "alter table t add constraint of_t foreign key (b) references t (id)", before: row, commands: []string{"alter table public.t drop constraint of_t"},
		span: "insert into t values (#, null, 7777)", after: "update t set b = 9999 where id = 4", query: constraints},
	{rule: "NOT VALID, then validated", schema: single, before: row, commands: []string{"alter table public.t add constraint positive check (b > 0) not valid, add constraint of_t foreign key (b) references public.t (id) not valid"},
		then: []string{"alter table public.t validate constraint positive", "alter table public.t validate constraint of_t"}, span: spanRow, after: "update t set b = 2 where id = 7", query: constraints},
	{rule: "validated", schema: single + "alter table t add constraint positive check (b > 0) not valid", before: row, open: true, commands: []string{"alter table public.t validate constraint positive"},
		span: spanRow, after: "update t set b = 2 where id = 7", query: constraints},
	{rule: "constraints at once", schema: single, before: row, commands: []string{"alter table public.t alter b set default 3, alter b set not null, add constraint positive check (b > 0) not valid, add unique (a)",
		"alter table public.t validate constraint positive", "create index by_b on public.t (b)"},
		span: spanRow, after: "insert into t (id, a) values (101, 'x'); update t set a = 'y' where id = 1", query: constraints},
	{rule: "a key goes", schema: single, before: "update t set b = 0 where id = 1", commands: []string{"alter table public.t drop constraint t_pkey"},
		span: spanRow, after: "insert into t values (1, 'twice', 1); update t set b = b", told: "updates and deletes of public.t are not followed any more", published: "t|t"},
	{rule: "a key comes", schema: "create table t (id int not null, v text); insert into t values (1, 'a')", before: "insert into t values (2, 'b')", commands: []string{"alter table public.t add primary key (id)"},
		span: spanRow, after: "update t set v = 'c' where id = 2; insert into t values (3, 'd'); delete from t where id = 1", published: "f|t"},
	{rule: "another key", schema: single, before: "insert into t values (0, 'before', 100)", commands: []string{"alter table public.t drop constraint t_pkey, alter b set not null, add primary key (b)"},
		span: "insert into t values (1, 'span', #)", after: "update t set b = b + 1000 where b <= 50; delete from t where b = 1020; update t set id = 0 where b = 1030"},
	{rule: "a replica identity by an index", schema: single + "create unique index by_b on t (b)", before: "insert into t values (100, 'before', 100)", commands: []string{"alter table public.t alter b set not null, replica identity using index by_b"},
		span: "insert into t values (#, null, #)", after: "update t set b = b + 1000 where b <= 50; delete from t where b = 1020"},
	{rule: "a replica identity of whole rows", schema: "create table t (v text, n int); insert into t values ('a', 1), ('a', 1)", before: "insert into t values ('a', 1)", commands: []string{"alter table public.t replica identity full"},
		span: "insert into t values ('span', #); delete from t where n = #", after: "update t set n = 2 where ctid = (select min(ctid) from t); delete from t where ctid = (select max(ctid) from t)", published: "f|t"},
	{rule: "a replica identity of the key again", schema: single + "alter table t replica identity full", before: "update t set b = 0 where id = 9", commands: []string{"alter table public.t replica identity default"},
		span: spanRow, after: "update t set id = -id where id < 9", published: "f|t"},
	{rule: "no replica identity any more", schema: single, before: "update t set b = 0 where id = 9", commands: []string{"alter table public.t replica identity nothing"},
		span: spanRow, after: "insert into t values (101)", told: "updates and deletes of public.t are not followed any more", published: "t|t"},
	{rule: "an index", schema: single, before: row, commands: []string{"create index by_a on public.t (a)"}, span: spanRow, after: "insert into t values (101)", query: indexes},
	{rule: "an index goes", schema: single + "create index by_a on t (a)", before: row, commands: []string{"drop index public.by_a"}, span: spanRow, after: "insert into t values (101)", query: indexes},
	{rule: "an index, concurrently", schema: single, before: row, alone: true, commands: []string{"create unique index concurrently by_a on public.t (a)"}, span: spanRow, after: "insert into t values (101)", query: indexes},
	{rule: "an index goes, concurrently", schema: single + "create index by_a on t (a)", before: row, alone: true, commands: []string{"drop index concurrently public.by_a"}, span: spanRow, after: "insert into t values (101)", query: indexes},
	{rule: "an index is built anew, concurrently", schema: single + "create index by_a on t (a)", before: row, alone: true, commands: []string{"reindex index concurrently public.by_a"}, then: []string{"vacuum public.t"}, span: spanRow, after: "insert into t values (101)", query: indexes},
}
