package ddl_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A TRUNCATE that nobody sees in the text is found, whatever else is done to the table;
// what rewrites a table, an empty one too, is none.
func TestRunFindsTruncate(t *testing.T) {
	t.Parallel()
	const tables = users + `; create table public.empty (id int primary key, v text); create table public.bare (v text);
		create table public.parts (id int) partition by range (id); create table public.low partition of public.parts for values from (0) to (10)`
	for _, tc := range []struct{ rule, text, want string }{
		{"in a block", "do $$ begin truncate public.users; end $$", "public.users (truncated)"},
		{"behind rows, which are counted no longer", "do $$ begin insert into public.empty values (1); truncate public.empty; end $$", "public.empty (truncated)"},
		{"without a key", "do $$ begin insert into public.bare values (1); truncate public.bare; end $$", "public.bare (truncated)"},
		{"behind another command", "alter table public.users alter id type bigint; do $$ begin truncate public.users; end $$", "public.users (truncated)"},
		{"before another command", "do $$ begin truncate public.users; end $$; alter table public.users alter id type bigint", "public.users (truncated)"},
		{"in a subtransaction", "do $$ begin begin truncate public.users; exception when others then null; end; end $$", "public.users (truncated)"},
		{"of one that is rolled back", "do $$ begin begin truncate public.users; raise 'no'; exception when others then null; end; end $$", ""},
		{"of a partition", "do $$ begin insert into public.parts values (1); truncate public.parts; end $$", "public.low (truncated)"},
		{"rows of a partition", "insert into public.parts values (1)", "public.low (1 inserted)"},
		{"tables are rewritten", "alter table public.users alter id type bigint; cluster public.users using users_pkey; alter table public.users set unlogged, add at timestamptz default pg_catalog.clock_timestamp()", ""},
		{"an empty table is altered", "do $$ begin alter table public.empty alter id type bigint; end $$; alter table public.bare alter v type varchar(3)", ""},
		{"an empty table is turned", "do $$ begin alter table public.empty set unlogged; end $$; alter table public.bare set unlogged", ""},
		{"an empty table is clustered", "cluster public.empty using empty_pkey", ""},
		{"indexes are built", "do $$ begin create index on public.empty (v); reindex table public.users; end $$", ""},
	} {
		for _, major := range []int{15, 18} {
			t.Run(fmt.Sprintf("%s, %d", tc.rule, major), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, major, tables)
				if strings.Contains(tc.rule, "another command") { // what tells the two apart are the server's statistics
					r.Eventually(t, "select pg_stat_get_live_tuples('users'::regclass) > 0", "t")
				}
				c := r.command(t, tc.text)
				low := r.Query1(t, "select 'low'::regclass::oid")
				// rows of partitions are those of the table that is followed
				c.Followed = slices.DeleteFunc(c.Followed, func(oid uint32) bool { return fmt.Sprint(oid) == low })
				_, _, err := r.runs(t, c)
				if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
					t.Errorf("%v\nwant %q", err, tc.want)
				}
			})
		}
	}
}
