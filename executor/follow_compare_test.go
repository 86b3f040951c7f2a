package executor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// same waits until all has arrived, and demands that every table of the source that
// these patterns (of LIKE) do not leave out has the same rows on the target.
func (f *follower) same(t *testing.T, leftOut ...string) {
	t.Helper()
	f.arrived(t)
	f.equalNow(t, leftOut...)
}

// equalNow compares without waiting.
func (f *follower) equalNow(t *testing.T, leftOut ...string) {
	t.Helper()
	rows, err := f.from.Query(t.Context(), ordinary, append([]string{""}, leftOut...))
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		f.sameRows(t, table[strings.LastIndex(table, " only ")+1:], table, table)
	}
}

// ordinary lists queries of all tables. The columns of an heir may be in another order.
const ordinary = `
	select format('select %s from only %I.%I', (
		select string_agg(quote_ident(a.attname), ', ' order by a.attname collate "C")
		from pg_attribute a
		where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), n.nspname, c.relname)
	from pg_class c
	join pg_namespace n on n.oid = c.relnamespace
	where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname not in ('pg_catalog', 'information_schema', 'bascule', 'pg_toast')
		and not n.nspname || '.' || c.relname like any ($1::text[])
	order by 1`

// sameRows compares the rows of two queries, as text, in any order.
func (f *follower) sameRows(t *testing.T, what, source, target string) {
	t.Helper()
	want, got := textRows(t, f.from, source), textRows(t, f.to, target)
	if want == nil || got == nil {
		return
	}
	missing, more := without(want, got), without(got, want)
	if len(missing)+len(more) > 0 {
		t.Errorf("%s: %d rows on the source, %d on the target\nmissing: %s\nmore: %s", what, len(want), len(got), few(missing), few(more))
	}
}

// textRows are the rows of a query as text. One that is long is cut, and then has its
// hash.
func textRows(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	query, fromTable := strings.CutPrefix(query, "table ")
	if fromTable {
		query = "select * from " + query
	}
	rows, err := conn.Query(t.Context(), fmt.Sprintf("select case when length(whole_row::text) < 500 then whole_row::text else left(whole_row::text, 300) || ' ... ' || md5(whole_row::text) end from (%s) whole_row", query))
	if err == nil {
		list := []string{}
		list, err = pgx.AppendRows(list, rows, pgx.RowTo[string])
		if err == nil {
			return list
		}
	}
	t.Errorf("%s: %v", query, err)
	return nil
}

// without are the rows of a that b does not have, as often as it does not.
func without(a, b []string) (rest []string) {
	have := map[string]int{}
	for _, row := range b {
		have[row]++
	}
	for _, row := range a {
		if have[row]--; have[row] < 0 {
			rest = append(rest, row)
		}
	}
	return rest
}

func few(rows []string) string {
	if len(rows) > 6 {
		rows = append(rows[:6:6], fmt.Sprintf("and %d more", len(rows)-6))
	}
	return strings.Join(rows, "\n\t")
}
