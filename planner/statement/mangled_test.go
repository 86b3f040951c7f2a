package statement_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bascule/planner/statement"
)

// Whatever a command is, Parse returns statements that are parts of it, or says what is
// wrong. A fuzz target would be of no use: the compiler of the grammar, instrumented,
// takes minutes before the first input.
func TestParseMangled(t *testing.T) {
	t.Parallel()
	commands := []string{
		"", ";", "drop table", "comment on column c is 'x'", "comment on trigger t on a is null", "drop trigger t on a",
		"alter table a alter b type interval year to month", "alter table a add b interval(3) default '1'",
		"create schema authorization bob", "create table a (b c%type)", "alter table a alter b type c.d.e",
		"select * from (values (1)) x for update", "create function f() returns table (a int) as $$ select $$ language sql",
		"with recursive a as (select 1 union select * from a) select * into b from a", "drop aggregate a(*), b(int order by int)",
	}
	for _, f := range facts {
		commands = append(commands, f.sql)
	}
	var words []string
	for _, c := range commands {
		intact(t, c)
		words = append(words, strings.Fields(c)...)
	}
	random := rand.New(rand.NewPCG(1, 2))
	parsed := 0
	for range 1500 {
		mangled := strings.Fields(commands[random.IntN(len(commands))])
		for range 1 + random.IntN(2) {
			if i := random.IntN(len(mangled) + 1); i < len(mangled) {
				mangled = slices.Replace(mangled, i, i+random.IntN(2), words[random.IntN(len(words))])
			} else {
				mangled = append(mangled, "cascade")
			}
		}
		if intact(t, strings.Join(mangled, " ")) {
			parsed++
		}
	}
	if parsed < 50 {
		t.Errorf("only %d of the mangled commands were SQL", parsed)
	}
}

// intact says whether a command is SQL.
func intact(t *testing.T, command string) bool {
	t.Helper()
	all, err := statement.Parse(command)
	var wrong *statement.SyntaxError
	if err != nil && !errors.As(err, &wrong) {
		t.Errorf("%q: %v", command, err)
	}
	for _, s := range all {
		if s.Text == "" || s.Kind == "" || !strings.Contains(command, s.Text) {
			t.Errorf("%q: %+v", command, s)
		}
		if !slices.Contains([]string{statement.Yes, statement.No, statement.Unknown}, s.Rewrite) {
			t.Errorf("%q: rewrite %q", command, s.Rewrite)
		}
	}
	return err == nil
}
