package ddllog_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/executor/stream/ddllog"
)

// A block has what a transaction's entries did, each statement once, no rows and no
// passwords, and stands for these entries.
func TestCommands(t *testing.T) {
	t.Parallel()
	const many = "insert into a values (1); create table b (id int); alter role x password 'p4ss'; alter table public.a add c int"
	entries := []*ddllog.Entry{
		{ID: 1, Tag: "ALTER TABLE", Query: "alter table public.a add b int", SearchPath: `"$user", public`, Role: "me"},
		{ID: 2, Tag: "CREATE TABLE", Query: "select make()", SearchPath: `"$user", public`, Role: "me", Objects: []ddllog.Object{{Identity: "public.made"}}},
		{ID: 3, Tag: "CREATE SERVER", Query: "create server s foreign data wrapper f options (password 'p4ss')", Objects: []ddllog.Object{{Identity: "s"}}},
		{ID: 4, Tag: "CREATE TABLE", Query: "create table x.y (id int)"},
	}
	commands, remarks := ddllog.Commands(ddllog.Steps(entries, ddllog.Rules{Halt: true}, map[ddllog.Place]bool{{ID: 4}: true}), nil)
	got := strings.Join(commands, "\n") + "\n--\n" + strings.Join(remarks, "\n")
	want := `/* bascule:log 0: 1 */
alter table public.a add b int
/* bascule:log 0: 2 */
select make()
/* bascule:log 0: 3 */
-- what it did

--
Of the SELECT, write the DDL alone (here it was CREATE TABLE public.made): rows that it writes travel by themselves, and would be there twice.
What CREATE SERVER s did is not shown, for it speaks of a password: write it into the block.
Write the schema before make(): the source searched "me", public.`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if text := entries[2].Shown(); strings.Contains(text, "p4ss") {
		t.Error(text)
	}
	steps := ddllog.Steps([]*ddllog.Entry{{ID: 1, Tag: "CREATE TABLE", Query: many}, {ID: 2, Tag: "ALTER TABLE", Query: many}}, ddllog.Rules{}, nil)
	commands, _ = ddllog.Commands(steps, nil)
	if got := strings.Join(commands, "|"); strings.Contains(got, "p4ss") {
		t.Error(got)
	}
	set := ddllog.Answered([]string{"select 1", "/* bascule:log 7: 3 14 */\nselect 1", "/* bascule:log x */"})
	if fmt.Sprint(set) != "map[{7 3}:true {7 14}:true]" {
		t.Error(set)
	}
}

// What was sent at once has a place for each definition where each has an entry, and one
// for all where that is not so; a block is taken apart at them.
func TestPlaces(t *testing.T) {
	t.Parallel()
	const both = "alter table a add b int; insert into a values (1); create table c (id int)"
	for _, tc := range []struct {
		tags []string
		want string
	}{
		{[]string{"ALTER TABLE", "CREATE TABLE"}, "/* bascule:log 7: 1 */\nalter table a add b int;\n/* bascule:log 7: 2 */\ncreate table c (id int)"},
		{[]string{"CREATE TABLE", "ALTER TABLE"}, "/* bascule:log 7: 1 2 */\nalter table a add b int;\ncreate table c (id int)"},
		{[]string{"CREATE TABLE"}, "/* bascule:log 7: 1 */\nalter table a add b int;\ncreate table c (id int)"},
	} {
		var entries []*ddllog.Entry
		for i, tag := range tc.tags {
			entries = append(entries, &ddllog.Entry{Log: 7, ID: int64(i + 1), Tag: tag, Query: both, Stamp: "1"})
		}
		commands, _ := ddllog.Commands(ddllog.Steps(entries, ddllog.Rules{}, nil), nil)
		got := strings.Join(commands, ";\n")
		if got != tc.want {
			t.Errorf("%v: %s", tc.tags, got)
		}
		whole := ""
		for _, part := range ddllog.Parts("-- before\n" + got) {
			whole += part.Text
			if !strings.Contains(part.Text, fmt.Sprintf(": %d", part.Places[0].ID)) {
				t.Errorf("%+v", part)
			}
		}
		if whole != "-- before\n"+got {
			t.Errorf("%s\nis taken apart to\n%s", got, whole)
		}
	}
}

// Names in a block have the schemas that the source found them in; what cannot be told
// from a column is left, and said.
func TestQualified(t *testing.T) {
	t.Parallel()
	schemas := map[string]string{"users": "public", `"Odd"`: "Other", "status": "public", "f()": "lib", "users_id_seq": "public"}
	for _, tc := range []struct{ tag, query, want string }{
		{"ALTER TABLE", "alter table only users add column users int references users", "alter table only public.users add column users int references public.users"},
		{"ALTER TABLE", `ALTER TABLE "Odd" ADD status status DEFAULT 'users'`, `ALTER TABLE "Other"."Odd" ADD status public.status DEFAULT 'users'`},
		{"CREATE INDEX", "create index users on users (status) where status > f(1) -- on users", "create index users on public.users (status) where status > lib.f(1) -- on users\n"},
		{"DROP TABLE", `drop table if exists users, "Odd" cascade`, `drop table if exists public.users, "Other"."Odd" cascade`},
		{"CREATE VIEW", "create view users as select users.status from status join users on users.status = status.status",
			"create view public.users as select users.status from public.status join public.users on users.status = status.status"},
		{"ALTER SEQUENCE", "alter sequence users_id_seq restart", "alter sequence public.users_id_seq restart"},
		{"ALTER TABLE", "alter table public.users alter column a type status using a::status", "alter table public.users alter column a type public.status using a::public.status"},
		{"ALTER TABLE", "alter table unknown add x int", "alter table unknown add x int\nWrite the schema before unknown: the source searched public."},
	} {
		steps := ddllog.Steps([]*ddllog.Entry{{ID: 1, Tag: tc.tag, Query: tc.query, SearchPath: "public"}}, ddllog.Rules{Halt: true}, nil)
		commands, remarks := ddllog.Commands(steps, ddllog.Schemas{"public": schemas})
		if got := strings.Join(append(commands, remarks...), "\n"); got != "/* bascule:log 0: 1 */\n"+tc.want {
			t.Errorf("%s\nwant %s\n(bare %v)", got, tc.want, ddllog.Bare(steps))
		}
	}
}

// A name has the schema that its own path finds; where paths, or what was before and
// behind a command, differ, it is left.
func TestQualifiedByPaths(t *testing.T) {
	t.Parallel()
	schemas := ddllog.Schemas{}
	schemas.Find("one", "a", "one")
	schemas.Find("two", "a", "two")
	schemas.Find("two", "b", "two")
	schemas.Find("two", "b", "three")
	const both = "alter table a add z int; alter table a add zz int"
	entries := []*ddllog.Entry{
		{ID: 1, Tag: "ALTER TABLE", Query: "alter table a add x int", SearchPath: "one"},
		{ID: 2, Tag: "ALTER TABLE", Query: "alter table a add y int", SearchPath: "two"},
		{ID: 3, Tag: "ALTER TABLE", Query: "alter table b add y int", SearchPath: "two"},
		{ID: 4, Tag: "ALTER TABLE", Query: both, SearchPath: "one"}, {ID: 5, Tag: "ALTER TABLE", Query: both, SearchPath: "two"},
	}
	commands, remarks := ddllog.Commands(ddllog.Steps(entries, ddllog.Rules{Halt: true}, nil), schemas)
	want := `/* bascule:log 0: 1 */
alter table one.a add x int
/* bascule:log 0: 2 */
alter table two.a add y int
/* bascule:log 0: 3 */
alter table b add y int
/* bascule:log 0: 4 */
alter table a add z int
/* bascule:log 0: 5 */
alter table a add zz int
Write the schema before b: the source searched two.
Write the schema before a: the source searched one, then two.`
	if got := strings.Join(append(commands, remarks...), "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// What has no text stops, behind an answered entry, too; what may have a password in it
// is not shown.
func TestUnknownAndSecret(t *testing.T) {
	t.Parallel()
	entries := []*ddllog.Entry{{Log: 7, ID: 1, Tag: "CREATE TABLE", Query: "create table a (id int)"}, {Log: 7, ID: 2, Tag: "CREATE TABLE"}, {Log: 8, ID: 1, Tag: "ALTER TABLE", Query: "alter table a add b int"}}
	steps := ddllog.Steps(entries, ddllog.Rules{}, map[ddllog.Place]bool{{Log: 7, ID: 1}: true})
	if steps[0].Text != "" || steps[1].Stop != "the source does not know its text" || steps[2].Text == "" {
		t.Errorf("%+v", steps)
	}
	if commands, remarks := ddllog.Commands(steps, nil); len(commands) != 2 || !strings.HasPrefix(remarks[0], "What CREATE TABLE did is not known") {
		t.Error(commands, remarks)
	}
	for _, text := range []string{"set passwd = 'p4ss'", "select dblink('postgresql://me:p4ss@host/db')", "options (Secret 'p4ss')", "PASSWORD 'p4ss'"} {
		if got := (&ddllog.Entry{Query: text}).Shown(); strings.Contains(got, "p4ss") {
			t.Error(got)
		}
	}
}
