package stream_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/planner/catalog/pgtest"
)

// A change of shape that was run on the source only halts the stream right before the
// first row that does not fit. The halt names it, and the block that it prints makes the
// target's table the same: from there on the stream goes on, and the tables are equal.
func TestShapeHalts(t *testing.T) {
	t.Parallel()
	const users = "create table public.users (id int primary key, name text, age int not null default 0); insert into users select i, 'n' || i, i from generate_series(1, 5) i"
	for _, tc := range []struct {
		binary                bool
		newer                 bool // the source
		name, schema          string
		sql, row              string // on the source
		text, command         string // of the halt
		remark                string // of its remedy
		becomes, schema2, key string // names and key that it has then
	}{
		{newer: true, name: "a column with a default", sql: "alter table users add column surname varchar(20) default 'x' not null", row: "insert into users values (6, 'six', 6, 'y')",
			text: "column surname character varying(20) was added", command: "ALTER TABLE public.users ADD COLUMN surname character varying(20) DEFAULT 'x'::character varying NOT NULL"},
		{name: "a plain column", sql: "alter table users add column surname text", row: "update users set surname = 'y' where id = 2",
			text: "column surname text was added", command: "ALTER TABLE public.users ADD COLUMN surname text"},
		{newer: true, name: "a default that is of the moment", sql: "alter table users add column at timestamptz default now()", row: "insert into users values (6, 'six', 6)",
			text: "column at timestamp with time zone was added"},
		{name: "a default that was set afterwards", sql: "alter table users add column w int; alter table users alter column w set default 7", row: "insert into users values (6, 'six', 6)",
			text: "column w integer was added", command: "ALTER TABLE public.users ADD COLUMN w integer;\nALTER TABLE public.users ALTER COLUMN w SET DEFAULT 7"},
		{name: "a default that was changed afterwards", sql: "alter table users add column w int default 1; alter table users alter column w set default 7", row: "insert into users values (6, 'six', 6)",
			text: "column w integer was added", command: "ALTER TABLE public.users ADD COLUMN w integer DEFAULT '1'::integer;\nALTER TABLE public.users ALTER COLUMN w SET DEFAULT 7"},
		{name: "not null in steps", sql: "alter table users add column w int; update users set w = id; alter table users alter column w set not null", row: "insert into users values (6, 'six', 6, 6)",
			text: "column w integer was added", command: "ALTER TABLE public.users ADD COLUMN w integer", remark: "NOT NULL"},
		{name: "collation, array, reserved word", sql: `alter table users add column "order" text collate "C", add column "Odd ${x}" int[] default '{1,2}'`, row: "insert into users values (6, 'six', 6)",
			text: "column order text was added; column \"Odd ${x}\" integer[] was added", command: "ALTER TABLE public.users ADD COLUMN \"order\" text COLLATE pg_catalog.\"C\";\nALTER TABLE public.users ADD COLUMN \"Odd ${x}\" integer[] DEFAULT '{1,2}'::integer[]"},
		{name: "an identity", sql: "alter table users add column n int generated always as identity", row: "update users set name = 'x'",
			text: "column n integer was added", command: "ALTER TABLE public.users ADD COLUMN n integer GENERATED ALWAYS AS IDENTITY", remark: "numbered anew"},
		{name: "a column is dropped", sql: "alter table users drop column name", row: "insert into users values (6, 6)",
			text: "column name was dropped", command: "ALTER TABLE public.users DROP COLUMN name"},
		{newer: true, name: "a column is renamed", sql: "alter table users rename column name to nick", row: "insert into users values (6, 'six', 6)",
			text: "column name was renamed to nick", command: "ALTER TABLE public.users RENAME COLUMN name TO nick"},
		{name: "a column is dropped and another like it added", sql: "alter table users drop column name; alter table users add column nick text", row: "insert into users values (6, 6, 'six')",
			text: "column name was dropped; column nick text was added", command: "ALTER TABLE public.users DROP COLUMN name;\nALTER TABLE public.users ADD COLUMN nick text"},
		{name: "a column is of another type", sql: "alter table users alter column age type bigint", row: "insert into users values (6, 'six', 6000000000)",
			text: "column age is of type bigint, and was of integer", command: "ALTER TABLE public.users ALTER COLUMN age TYPE bigint USING age::bigint", remark: "USING"},
		{binary: true, name: "a column is of another type, values are binary", sql: "alter table users alter column age type bigint", row: "insert into users values (6, 'six', 6000000000)",
			text: "column age is of type bigint, and was of integer", command: "ALTER TABLE public.users ALTER COLUMN age TYPE bigint USING age::bigint", remark: "USING"},
		{name: "renamed, and of another type", sql: "alter table users rename column age to years; alter table users alter column years type numeric(10,2)", row: "insert into users values (6, 'six', 6.25)",
			text: "column age was renamed to years; column years is of type numeric(10,2), and was of integer", command: "ALTER TABLE public.users RENAME COLUMN age TO years;\nALTER TABLE public.users ALTER COLUMN years TYPE numeric(10,2) USING years::numeric(10,2)"},
		{name: "another type, and a default that is none of it", sql: "alter table users alter age drop default, alter age type boolean using age <> 0, alter age set default true", row: "insert into users (id, name) values (6, 'six')",
			text: "column age is of type boolean, and was of integer", command: "ALTER TABLE public.users ALTER COLUMN age DROP DEFAULT, ALTER COLUMN age TYPE boolean USING age::boolean, ALTER COLUMN age SET DEFAULT true", remark: "USING"},
		{name: "another type, and no default any more", sql: "alter table users alter age drop default, alter age type boolean using age <> 0", row: "insert into users values (6, 'six', true)",
			text: "column age is of type boolean, and was of integer", command: "ALTER TABLE public.users ALTER COLUMN age DROP DEFAULT, ALTER COLUMN age TYPE boolean USING age::boolean", remark: "USING"},
		{name: "the table is renamed", sql: "alter table users rename to people", row: "insert into people values (6, 'six', 6)", becomes: "people",
			text: "the table was renamed to public.people", command: "ALTER TABLE public.users RENAME TO people"},
		{name: "the table is moved, renamed and changed", schema: "create schema other;", sql: "alter table users set schema other; alter table other.users rename to people; alter table other.people add w int", row: "insert into other.people values (6, 'six', 6, 6)",
			becomes: "people", schema2: "other", text: "the table was renamed to other.people; the table was moved to schema other; column w integer was added",
			command: "ALTER TABLE public.users RENAME TO people;\nALTER TABLE public.people SET SCHEMA other;\nALTER TABLE other.people ADD COLUMN w integer"},
		{newer: true, name: "another primary key", sql: "alter table users drop constraint users_pkey; alter table users add constraint users_key primary key (age)", row: "update users set name = 'x' where id = 2", key: "age",
			text: "its rows are found by age, and were by id", command: "ALTER TABLE public.users DROP CONSTRAINT users_pkey, ADD CONSTRAINT users_key PRIMARY KEY (age)"},
		{name: "another identity", schema: "", sql: "create unique index u on users (age); alter table users replica identity using index u", row: "update users set name = 'x' where id = 2", key: "age",
			text: "its rows are found by age, and were by id", command: "ALTER TABLE public.users REPLICA IDENTITY USING INDEX u"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			from := 15
			if tc.newer {
				from = 18
			}
			r := between(t, pgtest.Server(t, from), pgtest.Server(t, 15), tc.schema+users)
			r.binary = tc.binary
			run := r.run()
			r.source.Exec(t, "update users set age = age + 10 where id = 1")
			run.catchUp()
			r.source.Exec(t, "update users set age = age + 10 where id = 1")
			r.source.Exec(t, tc.sql)
			r.source.Exec(t, tc.row)
			h := run.halted().Halt
			if h.Code != "shape" || h.Table != "public.users" || h.LSN == "" || !strings.Contains(h.Text, "public.users: changed on the source, and not on the target: "+tc.text) {
				t.Fatalf("%+v", h)
			}
			if got := r.target.Query1(t, "select age from users where id = 1"); got != "21" {
				t.Errorf("what came before is not all there: %s", got)
			}
			r.run().halted() // it is the same without what this process knew
			label, command := blockOf(t, h.Remedy)
			if tc.command != "" && command != tc.command || !strings.HasPrefix(label, "users_") || !strings.Contains(h.Remedy, tc.remark) || !strings.Contains(h.Remedy, "ran_on_source = true") {
				t.Errorf("%s: %s\nin %s", label, command, h.Remedy)
			}
			if tc.name == "another identity" {
				command = "create unique index u on public.users (age); " + command // what no row shows is declared by hand
			}
			r.target.Exec(t, "set search_path = ''; "+command)
			m := &r.members[0]
			if tc.becomes != "" {
				m.Name, m.TargetName = tc.becomes, tc.becomes
			}
			if tc.schema2 != "" {
				m.Schema, m.TargetSchema = tc.schema2, tc.schema2
			}
			if tc.key != "" {
				m.Key = []string{tc.key}
			}
			r.must(ledger.PutMembers(t.Context(), r.target.Conn(t), r.mirror, *m))
			run = r.run()
			run.catchUp()
			if tc.name == "an identity" {
				return // as the remark says
			}
			r.source.Exec(t, "update "+pgname.Qualified(m.Schema, m.Name)+" set id = id + 100 where id in (1, 3)")
			run.catchUp()
			r.equal()
		})
	}
}

// blockOf reads the block that a remedy prints.
func blockOf(t *testing.T, remedy string) (label, command string) {
	t.Helper()
	from, to := strings.Index(remedy, "ddl \""), strings.LastIndex(remedy, "}\n")
	if from < 0 || to < 0 {
		t.Fatalf("no block in %s", remedy)
	}
	file, diags := hclparse.NewParser().ParseHCL([]byte(remedy[from:to+2]), "main.hcl")
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, remedy)
	}
	content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "ddl", LabelNames: []string{"name"}}}})
	if diags.HasErrors() || len(content.Blocks) != 1 {
		t.Fatalf("%v\n%s", diags, remedy)
	}
	attrs, _ := content.Blocks[0].Body.JustAttributes()
	value, diags := attrs["command"].Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return content.Blocks[0].Labels[0], strings.TrimSuffix(value.AsString(), "\n")
}

// A column that only the target has, types that are other there on purpose, and columns
// that the source lost before the rows at hand are no reason to halt; nor is a change
// that was made on both sides.
func TestShapesThatFit(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key, v int, w varchar(10)); create table b (id int primary key, v int, w text)")
	r.target.Exec(t, "alter table a add own timestamptz default now(); alter table a alter column v type bigint; alter table b alter column w type varchar(30)")
	run := r.run()
	r.source.Exec(t, "insert into a values (1, 1, 'a'); insert into b values (1, 1, 'b')")
	run.catchUp()
	r.target.Exec(t, "alter table a add x int; alter table b drop column v; alter table a alter column w type varchar(20); alter table b rename column w to y")
	r.source.Exec(t, "alter table a add x int; alter table a alter column w type varchar(20); alter table b drop column v; alter table b rename column w to y")
	r.source.Exec(t, "insert into a values (2, 2, 'twelve chars', 2); insert into b values (2, 'b')")
	run.catchUp()
	r.source.Exec(t, "alter table a alter column v type numeric") // the target's was another already
	r.source.Exec(t, "insert into a values (3, 3, 'c', 3)")
	run.catchUp()
	if got := r.target.Query1(t, "select (select count(*) from a where own is not null) || ' ' || (select count(*) from b)"); got != "3 2" {
		t.Errorf("rows %s", got)
	}
	if err := run.end(); err != nil {
		t.Fatal(err)
	}

	// While nobody streams: the rows are of before what the catalogue says.
	r.members[0].Columns, r.members[1].Columns = nil, nil
	r.target.Exec(t, "update bascule.member set columns = null")
	r.source.Exec(t, "insert into a values (4, 4, 'd', 4); insert into b values (4, 'd')")
	r.target.Exec(t, "alter table a add z int")
	r.source.Exec(t, "alter table a add z int; alter table b alter column id type bigint")
	run = r.run()
	run.catchUp()
	r.source.Exec(t, "insert into b values (5, 'e')")
	if h := run.halted().Halt; !strings.Contains(h.Text, "column id is of type bigint, and was of integer") {
		t.Errorf("%+v", h)
	}
}

// What was dropped from a table that nobody wrote to is seen when somebody does, though
// it was never described to the stream with it.
func TestDroppedFromAQuietTable(t *testing.T) {
	t.Parallel()
	r := between(t, pgtest.Server(t, 18), pgtest.Server(t, 15), "create table a (id int primary key, v int)")
	run := r.run()
	run.catchUp()
	if err := run.end(); err != nil {
		t.Fatal(err)
	}
	r.source.Exec(t, "alter table a drop column v")
	run = r.run()
	run.catchUp()
	r.source.Exec(t, "insert into a values (1)")
	if h := run.halted().Halt; !strings.Contains(h.Text, "column v was dropped") {
		t.Errorf("%+v", h)
	}
}

// A column that is dropped in the transaction that wrote to it, and one that the target
// lost before the source did: the values are of no use any more.
func TestColumnsOfThePast(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key, v int, w text)")
	run := r.run()
	r.source.Exec(t, "insert into a values (1, 1, 'a')")
	run.catchUp()
	r.source.Exec(t, "begin; insert into a values (2, 2, 'b'); alter table a drop column v; insert into a values (3, 'c'); commit")
	h := run.halted().Halt
	label, command := blockOf(t, h.Remedy)
	if label != "a_v_"+strings.ToLower(strings.ReplaceAll(h.LSN, "/", "_")) || command != "ALTER TABLE public.a DROP COLUMN v" {
		t.Errorf("%s: %s", label, command)
	}
	r.target.Exec(t, command)
	run = r.run()
	run.catchUp()
	r.equal()
	r.source.Exec(t, "alter table a add column v int")
	r.target.Exec(t, "alter table a add column v int")
	r.source.Exec(t, "insert into a values (4, 'd', 4)")
	run.catchUp()
	r.equal()
}
