package live_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// TestCommandsAreHeldAgainstCatalogues: what the grammar leaves open, the servers' own
// catalogues decide.
func TestCommandsAreHeldAgainstCatalogues(t *testing.T) {
	for _, c := range []struct {
		rule, command, want string
	}{
		{"a longer text", "ALTER TABLE public.words ALTER COLUMN word TYPE varchar(40)", "rewrite no"},
		{"a shorter one", "ALTER TABLE public.words ALTER COLUMN word TYPE varchar(10)", "rewrite yes"},
		{"a column and its type", "ALTER TABLE public.orders ADD COLUMN feeling mood", "rewrite unknown; B180 Write public.mood for mood."},
		{"a function that is immutable", "ALTER TABLE public.orders ADD COLUMN n int DEFAULT public.seven()", "rewrite unknown"},
		{"one that is not", "ALTER TABLE public.orders ADD COLUMN n int DEFAULT public.any_number()", "rewrite unknown; B181"},
		{"a clock", "ALTER TABLE public.orders ADD COLUMN at timestamptz DEFAULT now()", "rewrite no; B181"},
		{"a clock for an empty table", "ALTER TABLE public.words ADD COLUMN at timestamptz DEFAULT now()", "rewrite no"},
		{"no such table", "ALTER TABLE public.ordres ADD COLUMN n int", "rewrite no; B184 Did you mean public.orders?"},
		{"an index", "DROP INDEX public.words_word", "rewrite no"},
		{"no such role", "ALTER TABLE public.orders OWNER TO nobody_of_this_name", "rewrite no; B182 B182"},
		{"a partition", "CREATE TABLE public.measured_3 PARTITION OF public.measured FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')", "rewrite no"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			source := pgtest.Server(t, 15).Database(t, shop+`
				create type mood as enum ('good', 'bad');
				create table words (word varchar(20) primary key);
				create index words_word on words (word);
				create function seven() returns int immutable language sql as 'select 7';
				create function any_number() returns int volatile language sql as 'select (random() * 7)::int';
				analyze orders;`)
			target := pgtest.Server(t, 15).Database(t, "")
			p, _ := plan(t, source.URL, target.URL, fmt.Sprintf("}\nddl \"x\" {\nmirrors = [mirror.app]\ncommand = %q", c.command))
			if got := heldAgainst(p); !same(got, c.want) {
				t.Errorf("got  %s\nwant %s\n%+v", got, c.want, p.Findings)
			}
		})
	}
}

// heldAgainst writes whether rows are rewritten, and what was found.
func heldAgainst(p *planner.Plan) string {
	i := slices.IndexFunc(p.Changes, func(c planner.Change) bool { return c.Action == planner.Run })
	if i < 0 {
		return "nothing runs"
	}
	text := "rewrite " + p.Changes[i].DDL.Statements[0].Rewrite
	for _, f := range p.Findings {
		if f.Address == "ddl.x" {
			text += "; " + f.Code + " " + f.Detail
		}
	}
	return text
}

// same reports whether all words that are wanted are there, and no other code is.
func same(got, want string) bool {
	head, codes, _ := strings.Cut(want, "; ")
	if !strings.HasPrefix(got, head) || strings.Count(got, "; B") != strings.Count(codes, "B1") {
		return false
	}
	return !slices.ContainsFunc(strings.Fields(codes), func(word string) bool { return !strings.Contains(got, word) })
}
