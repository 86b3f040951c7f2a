package ddllog_test

import (
	"strings"
	"testing"

	"bascule/executor/stream/ddllog"
)

// A table that was made with rows is made by its definition, whatever made it, and stands
// in a block where it stood among what was sent with it.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	const (
		whole = "create table b (id int); create table a as select 1 as x; select 2 as y into c; create temp table d as select 1; alter table a add z int"
		madeA = "create table public.a (x integer)"
	)
	entries := []*ddllog.Entry{
		{ID: 1, Tag: "CREATE TABLE", Query: whole}, {ID: 2, Tag: "CREATE TABLE AS", Query: whole, Definition: madeA},
		{ID: 3, Tag: "SELECT INTO", Query: whole, Definition: "create table public.c (y integer)"}, {ID: 4, Tag: "ALTER TABLE", Query: whole},
		{ID: 5, Tag: "CREATE TABLE AS", Query: "create table e as select 'password'", Definition: "create table public.e ()"},
		{ID: 6, Tag: "CREATE TABLE AS", Query: "do 'begin create table f as select 1; end'", Definition: "create table public.f ()", Shared: true},
	}
	steps := ddllog.Steps(entries, ddllog.Rules{}, nil)
	for i, want := range []string{"", madeA, "create table public.c (y integer)", "", "create table public.e ()", "create table public.f ()"} {
		if steps[i].Text != want || (want == "") != (steps[i].Stop != "") {
			t.Errorf("%d runs %q, stops %q, want %q", i, steps[i].Text, steps[i].Stop, want)
		}
	}
	commands, remarks := ddllog.Commands(steps, nil)
	want := `/* bascule:log 0: 1 */
create table b (id int)
/* bascule:log 0: 2 */
` + madeA + `
/* bascule:log 0: 3 */
create table public.c (y integer)
/* bascule:log 0: 4 */
alter table a add z int
/* bascule:log 0: 5 */
create table public.e ()
/* bascule:log 0: 6 */
create table public.f ()`
	if got := strings.Join(commands, "\n"); got != want {
		t.Errorf("%s\nwant\n%s\n%s", got, want, remarks)
	}
}
