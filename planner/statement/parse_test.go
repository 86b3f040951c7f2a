package statement_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"bascule/planner/statement"
)

func TestParseSplits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, command, want string }{
		{"one", "create table a (id int)", "create table a (id int)"},
		{"semicolons", " create table a (id int);; drop table b ; ", "create table a (id int)|drop table b"},
		{"comments stay", "-- first; one\ncreate table a (id int); /* second */ drop table b -- end", "-- first; one\ncreate table a (id int)|/* second */ drop table b -- end"},
		{"comment alone is nothing", "drop table a; -- done", "drop table a"},
		{"dollar quotes", "do $x$ begin; end $x$; drop table a", "do $x$ begin; end $x$|drop table a"},
		{"UTF-8", "comment on table a is 'Grüße; 世界'; drop table \"ö\"; drop table b", "comment on table a is 'Grüße; 世界'|drop table \"ö\"|drop table b"},
	} {
		all, err := statement.Parse(tc.command)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		var texts []string
		for _, s := range all {
			texts = append(texts, s.Text)
		}
		if got := strings.Join(texts, "|"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, command, want string }{
		{"a wrong word", "alter table a\n  ad column b int", `syntax error at or near "ad" (line 2, column 3)`},
		{"counted in characters", "comment on table a is '世界' drop", `syntax error at or near "drop" (line 1, column 28)`},
		{"at the end", "create table a (", `syntax error at end of input (line 1, column 17)`},
		{"in a later statement", "drop table a;\ndrop tabel b", `syntax error at or near "tabel" (line 2, column 6)`},
		{"an open string", "comment on table a is 'x", `unterminated quoted string at or near "'x" (line 1, column 23)`},
		{"what psql has", `\d a`, `syntax error at or near "\" (line 1, column 1)`},
		{"nothing", " -- no command\n;", "there is no statement in the command"},
		{"NUL", "drop table a\x00; drop table b", "a NUL character (line 1, column 13)"},
		{"not UTF-8", "comment on table a is 'ö\xff'", "a byte that is not UTF-8 (line 1, column 25)"},
	} {
		_, err := statement.Parse(tc.command)
		var wrong *statement.SyntaxError
		if !errors.As(err, &wrong) || err.Error() != tc.want || wrong.Hint() == "" {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
}

// A table that the command itself has made is locked against nobody.
func TestParseForgetsOwnTables(t *testing.T) {
	t.Parallel()
	all, err := statement.Parse(`
		create table public.a (id int);
		alter table public.a add column b int default random();
		alter table public.a add foreign key (id) references public.c;
		alter table public.c rename to d;
		create index on public.d (id);
		create table public.e as select 1 as x;
		alter table public.e add column y uuid default gen_random_uuid()`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"CREATE TABLE; +public.a",
		"ALTER TABLE",
		"ALTER TABLE; SHARE ROW EXCLUSIVE public.c",
		"ALTER TABLE; ACCESS EXCLUSIVE public.c; public.c=>public.d",
		"CREATE INDEX",
		"CREATE TABLE AS; +public.e",
		"ALTER TABLE; rewrite yes; volatile: gen_random_uuid",
	}
	for i, s := range all {
		if got := rendered(s); got != want[i] {
			t.Errorf("%s: %s, want %s", s.Text, got, want[i])
		}
	}
}

func TestRewrites(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ from, to, want string }{
		{"integer", "integer", statement.No},
		{"integer", "bigint", statement.Yes},
		{"character varying(10)", "character varying(20)", statement.No},
		{"character varying(20)", "character varying(10)", statement.Yes},
		{"character varying(10)", "text", statement.No},
		{"text", "character varying", statement.No},
		{"text", "character varying(10)", statement.Yes},
		{"numeric(10,2)", "numeric(12,2)", statement.No},
		{"numeric(10,2)", "numeric(12,3)", statement.Yes},
		{"timestamp(3) without time zone", "timestamp without time zone", statement.No},
		{"timestamp without time zone", "timestamp with time zone", statement.Unknown},
		{"cidr", "inet", statement.No},
		{"character varying[]", "text[]", statement.Yes},
		{"character varying(3)[]", "character varying(5)[]", statement.Yes},
		{"character varying(3)[]", "character varying[]", statement.No},
		{"integer", "integer[]", statement.Unknown},
		{"public.money_t", "integer", statement.Unknown},
		{"public.geometry(Point,4326)", "text", statement.Unknown},
	} {
		if got := statement.Rewrites(tc.from, tc.to); got != tc.want {
			t.Errorf("%s to %s: %s, want %s", tc.from, tc.to, got, tc.want)
		}
	}
}

// Who parses while others do waits, and has no parser made for itself: each takes seconds,
// and hundreds of megabytes for good. It is not parallel: what others allocate would count.
func TestParseAtOnce(t *testing.T) {
	const command = "create function public.f() returns int language sql as 'select 1'" // has another command inside
	one(t, command)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				if _, err := statement.Parse(command); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 100 {
		t.Errorf("%d MB were allocated", used)
	}
}
