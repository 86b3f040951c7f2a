package executor_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"bascule/planner/catalog/pgtest"
)

const everything = "schema/testdata/everything.sql"

// all carries whatever can be carried.
const all = `
	schema {
		owners     = true
		privileges = true
		roles      = true
	}`

func TestEverythingArrives(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			if major == 17 {
				long(t)
			}
			t.Parallel()
			source, target := pgtest.Server(t, 15).Database(t, ""), pgtest.Server(t, major).Database(t, "")
			source.Load(t, everything)
			c := newCarry(t, source, target, all)
			before := source.Query(t, catalogue)
			c.arrives(t)
			if got := source.Query(t, catalogue); got != before {
				t.Errorf("the source's catalogues moved from\n%s\nto\n%s", before, got)
			}
			c.removed(t)
			if got := source.Query(t, catalogue); got != before {
				t.Errorf("removal moved the source's catalogues from\n%s\nto\n%s", before, got)
			}
		})
	}
}

// removed takes the mirror out of the configuration, and demands that the ledger
// goes and the data stays.
func (c *carry) removed(t *testing.T) {
	t.Helper()
	before := c.target.Query(t, contents)
	_, _, err := c.applyText(t.Context(), t, fmt.Sprintf("peer \"source\" { url = %q }\npeer \"target\" { url = %q }\n", c.sourceURL, c.targetURL))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.target.Query(t, contents); got != before {
		t.Errorf("the target's contents moved from\n%s\nto\n%s", before, got)
	}
	if got := c.target.Query1(t, "select count(*) from pg_namespace where nspname = 'bascule'"); got != "0" {
		t.Error("the ledger is still there")
	}
}

func TestCorporaArrive(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join(pgtest.Corpora(t), "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, "")
			files, _ := filepath.Glob(filepath.Join(dir, "*.sql"))
			for _, f := range files {
				source.Load(t, f)
			}
			newCarry(t, source, target, all).arrives(t)
		})
	}
}

// catalogue sums up every catalogue row of a database that a tool could have left
// something in, but for statistics.
const catalogue = `
	select 'class', count(*), sum(hashtextextended((to_jsonb(c) - 'relpages' - 'reltuples' - 'relallvisible' - 'relfrozenxid' - 'relminmxid' - 'relhasindex')::text, 0)) from pg_class c
	union all select 'attribute', count(*), sum(hashtextextended((to_jsonb(a) - 'attstattarget')::text, 0)) from pg_attribute a
	union all select 'namespace', count(*), sum(hashtextextended(n::text, 0)) from pg_namespace n where nspname !~ '^pg_(toast_)?temp'
	union all select 'proc', count(*), sum(hashtextextended(p::text, 0)) from pg_proc p
	union all select 'type', count(*), sum(hashtextextended(t::text, 0)) from pg_type t
	union all select 'constraint', count(*), sum(hashtextextended(c::text, 0)) from pg_constraint c
	union all select 'trigger', count(*), sum(hashtextextended(g::text, 0)) from pg_trigger g
	union all select 'event trigger', count(*), sum(hashtextextended(e::text, 0)) from pg_event_trigger e
	union all select 'depend', count(*), sum(hashtextextended(d::text, 0)) from pg_depend d
	union all select 'publication', count(*), sum(hashtextextended(p::text, 0)) from pg_publication p
	union all select 'slot', count(*), 0 from pg_replication_slots where database = current_database()
	union all select 'setting', count(*), sum(hashtextextended(s::text, 0)) from pg_db_role_setting s where setdatabase = (select oid from pg_database where datname = current_database())
	union all select 'large object', count(*), sum(hashtextextended(l::text, 0)) from pg_largeobject_metadata l`

// contents sums up what a database holds besides the ledger.
const contents = `
	select n.nspname, count(*), count(*) filter (where c.relkind = 'r'),
		sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I.%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint) filter (where c.relkind = 'r')
	from pg_class c join pg_namespace n on n.oid = c.relnamespace
	where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'bascule')
	group by 1 order by 1`
