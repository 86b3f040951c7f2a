package ddllog_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"bascule/executor/ledger"
	"bascule/executor/stream/ddllog"
	"bascule/planner"
)

// Which entries concern a mirror that has member 7, in a database where the target has
// public.once without a member.
func TestConcerns(t *testing.T) {
	t.Parallel()
	rules := ddllog.Rules{Known: func(oid uint32) bool { return oid == 7 },
		There: func(schema, name string) (bool, error) { return schema+"."+name == "public.once", nil }}
	member, outside := ddllog.Touched{OID: 7, Kind: "r", Follow: "all", Selected: true}, ddllog.Touched{OID: 8, Kind: "r", Follow: "none"}
	chosen := ddllog.Touched{OID: 8, Schema: "public", Name: "t", Kind: "r", Follow: "none", Selected: true}
	late := chosen
	late.Late, late.Could = true, &ddllog.Followed{Follow: "inserts"}
	some := func(r *ddllog.Rules) {
		r.Some, r.Foreign = true, func(schema string) (bool, error) { return schema == "Other", nil }
	}
	halt := func(r *ddllog.Rules) { r.Halt = true }
	for _, tc := range []struct {
		name   string
		e      ddllog.Entry
		change func(*ddllog.Rules)
		want   string
	}{
		{"a member", ddllog.Entry{Tag: "ALTER TABLE", Tables: []ddllog.Touched{member}}, nil, "true"},
		{"a table outside", ddllog.Entry{Tag: "ALTER TABLE", Tables: []ddllog.Touched{outside}}, nil, "false"},
		{"an index outside", ddllog.Entry{Tag: "REINDEX", Tables: []ddllog.Touched{outside}}, nil, "false"},
		{"both", ddllog.Entry{Tag: "DROP TABLE", Tables: []ddllog.Touched{outside, member}}, nil, "true"},
		{"a schema with tables outside", ddllog.Entry{Tag: "DROP SCHEMA", Tables: []ddllog.Touched{outside}}, nil, "true"},
		{"a new table", ddllog.Entry{Tag: "CREATE TABLE", Tables: []ddllog.Touched{{OID: 9, Follow: "inserts", Selected: true}}}, nil, "true"},
		{"a partition of a member", ddllog.Entry{Tag: "CREATE TABLE", Tables: []ddllog.Touched{{OID: 9, Follow: "none", Partition: true, Above: []uint32{7}}}}, nil, "true"},
		{"a root without rows of its own", ddllog.Entry{Tag: "ALTER TABLE", Tables: []ddllog.Touched{{OID: 9, Kind: "p", Follow: "none", Selected: true}}}, nil, "true"},
		{"selected, and not on the target", ddllog.Entry{Tag: "ALTER TABLE", Tables: []ddllog.Touched{chosen}}, nil,
			"false: public.t is selected by the mirror, and on the source only (ALTER TABLE): the next `bascule apply` adds it, with its rows"},
		{"copied once", ddllog.Entry{Tag: "ALTER TABLE", Tables: []ddllog.Touched{{OID: 8, Schema: "public", Name: "once", Kind: "r", Follow: "none", Selected: true}}}, nil, "true"},
		{"dropped, of a root of ours", ddllog.Entry{Tag: "DROP TABLE", Tables: []ddllog.Touched{{OID: 8, Schema: "public", Name: "once", Kind: "r", Follow: "none", Dropped: true}}}, nil, "true"},
		{"late", ddllog.Entry{Tag: "CREATE TABLE", Tables: []ddllog.Touched{late}}, nil, "true"},
		{"late, with rows", ddllog.Entry{Tag: "CREATE TABLE AS", Definition: "create table t ()", Tables: []ddllog.Touched{late}}, nil, "true"},
		{"late, and detached", ddllog.Entry{Tag: "ALTER TABLE", Tables: []ddllog.Touched{late}}, nil,
			"false: public.t is selected by the mirror, and on the source only (ALTER TABLE): the next `bascule apply` adds it, with its rows"},
		{"with rows", ddllog.Entry{Tag: "CREATE TABLE AS", Tables: []ddllog.Touched{chosen}}, nil,
			"false: public.t is selected by the mirror, and on the source only (CREATE TABLE AS): the next `bascule apply` adds it, with its rows"},
		{"with rows that are copied", ddllog.Entry{Tag: "SELECT INTO", Definition: "create table t ()", Tables: []ddllog.Touched{{OID: 9, Kind: "r", Follow: "inserts", Selected: true}}}, nil, "true"},
		{"a function", ddllog.Entry{Tag: "CREATE FUNCTION", Objects: []ddllog.Object{{Type: "function"}}}, nil, "true"},
		{"temporary", ddllog.Entry{Tag: "CREATE VIEW", Objects: []ddllog.Object{{Type: "view", Temporary: true}}}, nil, "false"},
		{"an extension's", ddllog.Entry{Tag: "CREATE FUNCTION", Objects: []ddllog.Object{{Type: "function", Extension: true}}}, nil, "false"},
		{"an extension", ddllog.Entry{Tag: "CREATE EXTENSION", Objects: []ddllog.Object{{Type: "extension"}, {Type: "function", Extension: true}}}, nil, "true"},
		{"a publication", ddllog.Entry{Tag: "ALTER PUBLICATION", Tables: []ddllog.Touched{member}}, nil, "false"},
		{"rights", ddllog.Entry{Tag: "GRANT", Tables: []ddllog.Touched{member}}, nil, "false"},
		{"rights that are kept", ddllog.Entry{Tag: "GRANT"}, func(r *ddllog.Rules) { r.Privileges = true }, "true"},
		{"a problem", ddllog.Entry{Tag: "GRANT", Problem: "x"}, nil, "true"},
		{"a function in a schema outside", ddllog.Entry{Tag: "CREATE FUNCTION", Objects: []ddllog.Object{{Type: "function", Schema: "Other"}}}, some, "false"},
		{"in a mirror of all", ddllog.Entry{Tag: "CREATE FUNCTION", Objects: []ddllog.Object{{Type: "function", Schema: "Other"}}}, nil, "true"},
		{"one of two in a schema outside", ddllog.Entry{Tag: "DROP FUNCTION", Objects: []ddllog.Object{{Type: "function", Schema: "Other"}, {Type: "function", Schema: "public"}}}, some, "true"},
		{"a schema outside that goes", ddllog.Entry{Tag: "DROP SCHEMA", Objects: []ddllog.Object{{Type: "schema", Identity: `"Other"`, Dropped: true}}}, some, "false"},
		{"a schema that is new", ddllog.Entry{Tag: "CREATE SCHEMA", Objects: []ddllog.Object{{Type: "schema", Identity: `"Other"`}}}, some, "true"},
		{"halt, and a table outside", ddllog.Entry{Tag: "ALTER TABLE", Tables: []ddllog.Touched{outside}}, halt, "true"},
		{"halt, and rows", ddllog.Entry{Tag: "CREATE TABLE AS", Objects: []ddllog.Object{{Type: "table"}}, Tables: []ddllog.Touched{chosen}}, halt, "true"},
		{"halt, and rights", ddllog.Entry{Tag: "GRANT"}, halt, "true"},
		{"halt, and an extension's", ddllog.Entry{Tag: "CREATE FUNCTION", Objects: []ddllog.Object{{Type: "function", Extension: true}}}, halt, "false"},
	} {
		r := rules
		if tc.change != nil {
			tc.change(&r)
		}
		concerns, err := r.Concerns(&tc.e)
		got := fmt.Sprint(concerns)
		if err != nil {
			got = err.Error()
		} else if note := r.Note(&tc.e); note != "" && !concerns {
			got += ": " + note
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// What entries come to: what runs, or why the mirror stands still.
func TestSteps(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		tag, query string
		rules      ddllog.Rules
		want       string
	}{
		{"ALTER TABLE", " alter table a add b int; ", ddllog.Rules{}, "runs alter table a add b int"},
		{"CREATE INDEX", "create index concurrently i on public.a (b)", ddllog.Rules{}, `runs create index concurrently i on public.a (b), alone, locks "public"."a"`},
		{"DROP INDEX", "drop index s.i, j cascade", ddllog.Rules{}, `runs drop index if exists s.i, j cascade`},
		{"DROP INDEX", "/* a */ DROP INDEX -- b\n CONCURRENTLY \"if\"", ddllog.Rules{}, "runs /* a */ DROP INDEX -- b\n CONCURRENTLY if exists \"if\", alone, locks \"if\""},
		{"DROP INDEX", "drop index if, i", ddllog.Rules{}, "runs drop index if exists if, i"},
		{"DROP INDEX", "drop index if /* c */ exists i", ddllog.Rules{}, "runs drop index if /* c */ exists i"},
		{"ALTER TABLE", "alter table a detach partition pt finalize;", ddllog.Rules{}, `runs alter table a detach partition pt concurrently, alone, locks "pt" "a"`},
		{"ALTER TABLE", "alter table a detach partition finalize", ddllog.Rules{}, "runs alter table a detach partition finalize"},
		{"ALTER TABLE", "alter table a add b int; insert into a values (1)", ddllog.Rules{}, "stops: it is one of 2 statements that were sent at once, and what the others did would be done a second time"},
		{"ALTER TABLE", "do 'begin alter table a add b int; end'", ddllog.Rules{}, "stops: it was run inside of a DO, and what else that did would be done a second time"},
		{"ALTER TABLE", "alter table a add b int", ddllog.Rules{Halt: true}, `stops: ddl = "halt" stops the mirror at every command`},
		{"ALTER TABLE", "alter table a owner to b", ddllog.Rules{Halt: true}, `stops: ddl = "halt" stops the mirror at every command`},
		{"ALTER TABLE", "alter table a owner to b", ddllog.Rules{}, "nothing"},
		{"ALTER TABLE", " ;", ddllog.Rules{}, "stops: the source does not know its text"},
		{"ALTER FUNCTION", `alter function a(int, int) owner to "b c";`, ddllog.Rules{}, "nothing"},
		{"ALTER TABLE", "alter table a owner to b", ddllog.Rules{Owners: true}, "runs alter table a owner to b"},
		{"ALTER TABLE", "alter table a add b int, owner to b", ddllog.Rules{}, "runs alter table a add b int, owner to b"},
		{"CREATE VIEW", "create view v as select * from s.a, b", ddllog.Rules{Some: true}, `runs create view v as select * from s.a, b, needs "b" "s"."a"`},
		{"ALTER TABLE", "alter table a frobnicate", ddllog.Rules{}, "runs alter table a frobnicate, says ALTER TABLE"},
		{"DROP OWNED", "drop owned by b", ddllog.Rules{}, "stops: it cannot be run on the target as it was: what it concerns depends on who owns what, which can differ between the sides: name the objects"},
		{"ALTER TABLE", "alter table a add b float default random()", ddllog.Rules{}, "runs alter table a add b float default random(), volatile random"},
	} {
		s := ddllog.Steps([]*ddllog.Entry{{ID: 1, Tag: tc.tag, Query: tc.query}}, tc.rules, nil)[0]
		got := "runs " + s.Text
		switch {
		case s.Stop != "":
			got = "stops: " + s.Stop
		case s.Text == "":
			got = "nothing"
		}
		if s.Alone {
			got += ", alone, locks " + strings.Join(s.Locks, " ")
		}
		if s.Says != "" {
			got += ", says " + s.Says
		}
		if s.Needs != nil {
			got += ", needs " + strings.Join(s.Needs, " ")
		}
		if s.Volatile != nil {
			got += ", volatile " + strings.Join(s.Volatile, " ")
		}
		if got != tc.want {
			t.Errorf("%s: %s\nwant %s", tc.query, got, tc.want)
		}
	}
}

// Commands of one tag that one message of a client ran have a text that may be the other's.
func TestMessage(t *testing.T) {
	t.Parallel()
	const text = "create table a (id int)"
	entries := []*ddllog.Entry{
		{ID: 1, Tag: "CREATE TABLE", Query: text, Stamp: "1"}, {ID: 2, Tag: "GRANT", Query: text, Stamp: "1"}, {ID: 3, Tag: "CREATE TABLE", Query: text, Stamp: "1"},
		{ID: 4, Tag: "CREATE TABLE", Query: text, Stamp: "2"}, {ID: 5, Tag: "CREATE TABLE", Query: text}, {ID: 6, Tag: "CREATE TABLE", Query: text},
	}
	var m ddllog.Message
	var got []bool
	for _, e := range entries {
		m.Add(e)
	}
	for _, s := range ddllog.Steps(entries, ddllog.Rules{}, nil) {
		got = append(got, s.Shared)
		if stops := strings.Contains(s.Stop, "another CREATE TABLE was run by the same statement"); stops != s.Shared {
			t.Errorf("%d: %s", s.ID, s.Stop)
		}
	}
	if fmt.Sprint(got) != "[true false true false false false]" {
		t.Error(got)
	}
}

// What becomes of members.
func TestBecome(t *testing.T) {
	t.Parallel()
	all := []ledger.Member{
		{Source: 1, Schema: "public", Name: "a", TargetSchema: "public", TargetName: "a", Follow: planner.FollowAll, Key: []string{"id"}, State: ledger.Followed, Point: 5},
		{Source: 2, Schema: "public", Name: "b", TargetSchema: "t", TargetName: "b", Follow: planner.FollowInserts, State: ledger.Copying},
		{Source: 3, Schema: "public", Name: "c", TargetSchema: "public", TargetName: "c", Follow: planner.FollowAll, State: ledger.Removed},
		{Source: 4, Schema: "public", Name: "d", TargetSchema: "public", TargetName: "d", Follow: planner.FollowInserts, State: ledger.Waiting},
		{Source: 5, Schema: "public", Name: "e", TargetSchema: "public", TargetName: "e", Follow: planner.FollowInserts, State: ledger.Followed, Point: 0x100},
	}
	keyed := &ddllog.Followed{Follow: "all", Key: []string{"id"}}
	for _, tc := range []struct {
		name string
		t    ddllog.Touched
		want string
	}{
		{"as it was", ddllog.Touched{OID: 1, Schema: "public", Name: "a", Follow: "all", Key: []string{"id"}}, "[]"},
		{"renamed", ddllog.Touched{OID: 1, Schema: "s", Name: "x", Follow: "all", Key: []string{"id"}}, "[s.x s.x all [id] streaming 0/5]"},
		{"renamed, with a name of its own", ddllog.Touched{OID: 2, Schema: "public", Name: "x", Follow: "inserts"}, "[public.x t.b inserts [] copying 0/0]"},
		{"another key", ddllog.Touched{OID: 1, Schema: "public", Name: "a", Follow: "all", Key: []string{"n"}}, "[public.a public.a all [n] streaming 0/5]"},
		{"no key", ddllog.Touched{OID: 1, Schema: "public", Name: "a", Follow: "inserts"}, "[public.a public.a inserts [] streaming 0/5] " + planner.InsertsAlone("public.a")},
		{"dropped", ddllog.Touched{OID: 1, Schema: "public", Name: "a", Dropped: true, Follow: "none"}, "[public.a public.a all [id] removed 0/5]"},
		{"attached", ddllog.Touched{OID: 1, Schema: "public", Name: "a", Follow: "none", Partition: true}, "[public.a public.a all [id] removed 0/5]"},
		{"unlogged now", ddllog.Touched{OID: 1, Schema: "public", Name: "a", Follow: "none"}, "[public.a public.a all [id] removed 0/5] public.a is not published any more, and not followed"},
		{"new", ddllog.Touched{OID: 9, Schema: "public", Name: "n", Follow: "all", Key: []string{"id"}}, "[public.n public.n all [id] streaming 0/99]"},
		{"new, and not followed", ddllog.Touched{OID: 9, Schema: "public", Name: "n", Follow: "none", Selected: true}, "[]"},
		{"detached again", ddllog.Touched{OID: 3, Schema: "public", Name: "c", Follow: "all", Key: []string{"id"}}, "[public.c public.c all [id] streaming 0/99]"},
		{"late", ddllog.Touched{OID: 9, Schema: "public", Name: "n", Kind: "r", Follow: "none", Late: true, Could: keyed}, "[public.n public.n all [id] waiting 0/0]"},
		{"late, of no kind that is copied", ddllog.Touched{OID: 9, Schema: "public", Name: "n", Kind: "p", Follow: "none", Late: true, Could: keyed}, "[]"},
		{"late, and there again", ddllog.Touched{OID: 3, Schema: "public", Name: "c", Kind: "r", Follow: "none", Late: true, Could: keyed}, "[public.c public.c all [id] waiting 0/0]"},
		{"a key of one that is yet to join", ddllog.Touched{OID: 4, Schema: "public", Name: "dd", Follow: "none", Could: keyed}, "[public.dd public.dd all [id] waiting 0/0]"},
		{"yet to join, and selected no more", ddllog.Touched{OID: 4, Schema: "public", Name: "dd", Follow: "none"}, "[public.dd public.dd inserts [] removed 0/0] public.dd is not published any more, and not followed"},
		{"before it has joined", ddllog.Touched{OID: 5, Schema: "public", Name: "e", Follow: "none", Could: keyed}, "[public.e public.e all [id] streaming 0/100]"},
		{"taken out", ddllog.Touched{OID: 1, Schema: "public", Name: "a", Follow: "none", Could: keyed}, "[public.a public.a all [id] removed 0/5] public.a is not published any more, and not followed"},
		{"removed stays", ddllog.Touched{OID: 3, Schema: "public", Name: "c", Follow: "none"}, "[]"},
	} {
		changed, notes := ddllog.Become(all, &ddllog.Entry{Tables: []ddllog.Touched{tc.t}}, 0x99)
		var list []string
		for _, m := range changed {
			list = append(list, fmt.Sprintf("%s.%s %s.%s %s %v %s %s", m.Schema, m.Name, m.TargetSchema, m.TargetName, m.Follow, m.Key, m.State, m.Point))
		}
		if got := strings.TrimSpace(fmt.Sprint(list) + " " + strings.Join(notes, " ")); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if len(ddllog.Apply(all, changed)) > len(all)+1 {
			t.Errorf("%s: doubled", tc.name)
		}
	}
}

// A row is read by the names of its columns, in text and binary, and what is cut short
// is an error.
func TestRead(t *testing.T) {
	t.Parallel()
	columns := []string{"id", "at", "tag", "query", "role", "search_path", "objects", "tables", "problem", "seen"}
	texts := []string{"12", "now", "DROP TABLE", "drop table a", "me", "public", `[{"identity":"public.a","dropped":true}]`, `[{"oid":7,"schema":"public","name":"a","key":null,"dropped":true}]`}
	tuple := func(binaryID bool) []byte {
		b := []byte{0, 10}
		for i, text := range texts {
			kind, value := byte('t'), []byte(text)
			if i == 0 && binaryID {
				kind, value = 'b', binary.BigEndian.AppendUint64(nil, 12)
			}
			b = append(binary.BigEndian.AppendUint32(append(b, kind), uint32(len(value))), value...)
		}
		return append(b, 'n', 'n')
	}
	for _, binaryID := range []bool{false, true} {
		whole := tuple(binaryID)
		e, err := ddllog.Read(columns, whole)
		if err != nil || e.ID != 12 || e.Title() != "DROP TABLE public.a" || len(e.Tables) != 1 || e.Tables[0].OID != 7 || !e.Tables[0].Dropped || e.Problem != "" {
			t.Errorf("%+v, %v", e, err)
		}
		for n := range whole {
			if _, err := ddllog.Read(columns, whole[:n]); err == nil {
				t.Fatalf("%d bytes of %d were read", n, len(whole))
			}
		}
	}
	texts[6] = "{"
	if e, err := ddllog.Read(columns, tuple(false)); err != nil || !strings.Contains(e.Problem, "its objects cannot be read") {
		t.Errorf("%+v, %v", e, err)
	}
}
