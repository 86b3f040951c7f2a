package statement_test

import (
	"fmt"
	"strings"
	"testing"
)

// What acts when rows of a table are written is known, with the tables.
func TestFires(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ sql, want string }{
		{"create trigger x before insert on public.a for each row execute function public.f()", "trigger public.a"},
		{"create constraint trigger x after insert on public.a from public.b for each row execute function public.f()", "trigger public.a"},
		{"alter table public.a enable always trigger x", "trigger that fires for replication public.a"},
		{"alter table public.a enable replica trigger x", "trigger that fires for replication public.a"},
		{"alter table public.a enable trigger x", ""},
		{"alter table public.a add foreign key (x) references public.b not valid", "foreign key public.a, foreign key public.b"},
		{"alter table public.a add c int references public.b, add d int references public.a", "foreign key public.a, foreign key public.b, foreign key public.a, foreign key public.a"},
		{"create table public.t (id int primary key, o int references public.b, foreign key (id) references public.t)", "foreign key public.t, foreign key public.b, foreign key public.t, foreign key public.t"},
		{"create schema s create table a (id int references public.b)", "foreign key s.a, foreign key public.b"},
		{"alter table public.a add constraint c check (x > 0), add unique (x)", ""},
		{"drop trigger x on public.a", ""},
	} {
		var list []string
		for _, f := range one(t, tc.sql).Fires {
			list = append(list, fmt.Sprintf("%s %s", f.What, f.Table))
		}
		if got := strings.Join(list, ", "); got != tc.want {
			t.Errorf("%s\n got %s\nwant %s", tc.sql, got, tc.want)
		}
	}
}
