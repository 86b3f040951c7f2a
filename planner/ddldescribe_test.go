package planner_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
)

// TestCommandsAreDescribed: locks with sizes, rewrites by the columns that are there, and
// what becomes of the mirror's tables.
func TestCommandsAreDescribed(t *testing.T) {
	for _, c := range []struct {
		rule, command string
		edit          func(w *world)
		want          string
	}{
		{"a column", addColumn, nil, "ACCESS EXCLUSIVE on public.orders (800 kB) rewrite no"},
		{"a longer text", "ALTER TABLE public.orders ALTER COLUMN note TYPE varchar(40)", typed("character varying(20)"), "ACCESS EXCLUSIVE on public.orders (800 kB) rewrite no"},
		{"a shorter one", "ALTER TABLE public.orders ALTER COLUMN note TYPE varchar(10)", typed("character varying(20)"), "ACCESS EXCLUSIVE on public.orders (800 kB) rewrite yes"},
		{"a wider number", "ALTER TABLE public.orders ALTER COLUMN note TYPE bigint", nil, "ACCESS EXCLUSIVE on public.orders (800 kB) rewrite yes"},
		{"a type that is not known", "ALTER TABLE public.orders ALTER COLUMN note TYPE app.mood", nil, "ACCESS EXCLUSIVE on public.orders (800 kB) rewrite unknown"},
		{"a table that joins", "CREATE TABLE public.news (id int PRIMARY KEY)", nil, "rewrite no: public.news joins mirror.app, with its inserts alone if it has no key"},
		{"one that leaves", "DROP TABLE public.lines", nil, "ACCESS EXCLUSIVE on public.lines (800 kB) rewrite no: public.lines leaves mirror.app"},
		{"one that has another name", "ALTER TABLE public.lines RENAME TO rows", nil, "ACCESS EXCLUSIVE on public.lines (800 kB) rewrite no: public.lines is followed on as public.rows by mirror.app"},
		{"a schema that has", "ALTER SCHEMA public RENAME TO shop", nil, "rewrite no: public.lines is followed on as shop.lines by mirror.app; public.orders is followed on as shop.orders by mirror.app"},
		{"one that leaves with its partitions", "DROP TABLE public.m", parted, "ACCESS EXCLUSIVE on public.m (1600 kB) rewrite no: public.m_1 leaves mirror.app; public.m_2 leaves mirror.app"},
		{"a partition that is one no longer, by its root", "ALTER TABLE public.m DETACH PARTITION public.m_2", viaRoot, "ACCESS EXCLUSIVE on public.m (1600 kB) ACCESS EXCLUSIVE on public.m_2 (800 kB) rewrite no: public.m_2 joins mirror.app by itself"},
		{"a partition of what is not selected, by its root", "ALTER TABLE public.m DETACH PARTITION public.m_2", func(w *world) { viaRoot(w); only("public.m", "public.lines")(w) },
			"ACCESS EXCLUSIVE on public.m (1600 kB) ACCESS EXCLUSIVE on public.m_2 (800 kB) rewrite no: public.m_2 is no partition any more, and the tables of mirror.app do not select it: it is not followed any more"},
		{"a table that becomes a partition, by its root", "ALTER TABLE public.m ATTACH PARTITION public.lines DEFAULT", viaRoot,
			"ACCESS EXCLUSIVE on public.lines (800 kB) SHARE UPDATE EXCLUSIVE on public.m (1600 kB) rewrite no: ACCESS EXCLUSIVE on the default partition, if there is one; public.lines is followed by mirror.app with its root"},
		{"a table of no mirror that becomes a partition", "ALTER TABLE public.m ATTACH PARTITION public.lines DEFAULT", func(w *world) { parted(w); only("public.m", "public.orders")(w) },
			"ACCESS EXCLUSIVE on public.lines (800 kB) SHARE UPDATE EXCLUSIVE on public.m (1600 kB) rewrite no: ACCESS EXCLUSIVE on the default partition, if there is one; " +
				"public.lines is selected by mirror.app with its root from then on: the next apply adds it, with its rows"},
		{"a key that goes", "ALTER TABLE public.lines DROP CONSTRAINT lines_pkey", nil, "ACCESS EXCLUSIVE on public.lines (800 kB) rewrite no: if it is a foreign key, ACCESS EXCLUSIVE on the other table too; " +
			"public.lines leaves the publication of updates and deletes: mirror.app follows its inserts alone"},
		{"a key that comes", "ALTER TABLE public.news ADD PRIMARY KEY (id)", func(w *world) { keyless(w.src, 21000, "public", "news", "id") },
			"ACCESS EXCLUSIVE on public.news (80 kB) rewrite no: updates and deletes of public.news are followed by mirror.app from then on"},
		{"a partition", "CREATE TABLE public.m_3 PARTITION OF public.m FOR VALUES FROM (9) TO (10)", func(w *world) { parted(w); only("public.m*", "public.lines", "public.orders")(w) },
			"ACCESS EXCLUSIVE on public.m (1600 kB) rewrite no: ACCESS EXCLUSIVE on the default partition, if there is one; public.m_3 joins mirror.app, with its inserts alone if it has no key"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := newStream("")
			if c.edit != nil {
				c.edit(w)
			}
			w.streaming(t)
			w.block("x", c.command)
			if got := described(w.plan(t)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// viaRoot has partitions be followed as their root.
func viaRoot(w *world) {
	parted(w)
	w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\nstream {\npublish_via_partition_root = true\n}\n", 1)
}

// typed gives the column note of orders a type.
func typed(name string) func(w *world) {
	return func(w *world) { find(w.src, 20100).Columns[1].Type = name }
}

func described(p *planner.Plan) string {
	var list []string
	for _, c := range p.Changes {
		if c.DDL == nil {
			continue
		}
		for _, s := range c.DDL.Statements {
			text := ""
			for _, l := range s.Locks {
				text += fmt.Sprintf("%s on %s (%d kB) ", l.Mode, l.Table, l.Bytes>>10)
			}
			text += "rewrite " + s.Rewrite
			if len(s.Effects) > 0 {
				text += ": " + strings.Join(s.Effects, "; ")
			}
			list = append(list, text)
		}
	}
	return strings.Join(list, " | ")
}

// TestStepsOfCommands: what runs, and where.
func TestStepsOfCommands(t *testing.T) {
	const index = "CREATE INDEX CONCURRENTLY n ON public.orders (note)"
	for _, c := range []struct {
		rule, command string
		attributes    []string
		want          string
	}{
		{"in a transaction", addColumn, []string{`lock_timeout = "500ms"`},
			"ledger peer.b; ddl peer.a begin, set local search_path = '', set local lock_timeout = 500, " + addColumn + ", commit; " +
				"ddl peer.b begin, set local search_path = '', set local lock_timeout = 500, " + addColumn + ", commit; state"},
		{"it ran on the source", addColumn, []string{"ran_on_source = true"},
			"ledger peer.b; ddl peer.b begin, set local search_path = '', set local lock_timeout = 3000, " + addColumn + ", commit; state"},
		{"outside of one", index, nil,
			"ledger peer.b; ddl peer.a set search_path = '', set lock_timeout = 0, " + index + "; ddl peer.b set search_path = '', set lock_timeout = 0, " + index + "; state"},
		{"outside of one, all tables", "VACUUM FULL", nil,
			"ledger peer.b; ddl peer.a set search_path = '', set lock_timeout = 3000, VACUUM FULL; ddl peer.b set search_path = '', set lock_timeout = 3000, VACUUM FULL; state"},
	} {
		w := streams(t, "")
		w.block("x", c.command, c.attributes...)
		var steps []string
		for _, s := range w.plan(t).Changes[0].Steps {
			steps = append(steps, strings.TrimSpace(s.Kind+" "+strings.TrimSpace(s.Peer+" "+strings.Join(s.SQL, ", "))))
		}
		if got := strings.Join(steps, "; "); got != c.want {
			t.Errorf("%s:\n     %s\nwant %s", c.rule, got, c.want)
		}
	}
}

// TestRenameWithItsPattern: a table stays what it is while its new name is declared and
// the command that gives it has yet to run.
func TestRenameWithItsPattern(t *testing.T) {
	for _, c := range []struct{ rule, tables, block, want string }{
		{"the new name alone", `tables = ["public.orders", "public.rows"]`, "", "~ mirror.app (tables: public.lines, public.orders -> public.orders, public.rows); > ddl.x"},
		{"with a table block", `tables = ["public.orders", "public.rows"]`, "table \"public.rows\" {\nexclude_columns = []\n}", "~ mirror.app (tables: public.lines, public.orders -> public.orders, public.rows); > ddl.x"},
	} {
		w := newStream("")
		only("public.orders", "public.lines")(w)
		w.streaming(t)
		w.hcl = strings.Replace(w.hcl, `tables = ["public.orders", "public.lines"]`, c.tables+"\n"+c.block, 1)
		w.block("x", "ALTER TABLE public.lines RENAME TO rows")
		if got := works(w.plan(t)); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.rule, got, c.want)
		}
	}
}

// TestFollowed: what a mirror follows of a catalogue, without a plan.
func TestFollowed(t *testing.T) {
	for _, c := range []struct {
		rule, body string
		edit       func(w *world)
		want       string
	}{
		{"all tables", "", nil, "lines all[id]; orders all[id]"},
		{"a new one, without a key", "", func(w *world) { keyless(w.src, 21000, "public", "news", "id") }, "lines all[id]; news inserts (no primary key, inserts only B102); orders all[id]"},
		{"a new one that is not selected", `tables = ["public.orders"]`, func(w *world) { table(w.src, 21000, "public", "news", "id") }, "orders all[id]"},
		{"partitions, and not their root", `tables = ["public.m"]`, parted, "m_1 all[id]; m_2 all[id]"},
		{"an unlogged one", "", func(w *world) { find(w.src, 20100).Persistence = 'u' }, "lines all[id]"},
		{"a replica identity that the table does not have yet", "table \"public.news\" {\nreplica_identity = \"full\"\n}", func(w *world) {
			keyless(w.src, 21000, "public", "news", "id")
		}, "lines all[id]; news inserts (no primary key, inserts only B102); orders all[id]"},
		{"one that it has", "table \"public.news\" {\nreplica_identity = \"full\"\n}", func(w *world) {
			keyless(w.src, 21000, "public", "news", "id").ReplicaIdentity = 'f'
		}, "lines all[id]; news all[] (no key, whole rows are compared B157); orders all[id]"},
		{"without a column", "table \"public.orders\" {\nexclude_columns = [\"note\"]\ntarget = \"a.b\"\n}", nil, "lines all[id]; orders all[id] -> a.b without note"},
	} {
		w := newStream(c.body)
		if c.edit != nil {
			c.edit(w)
		}
		in := w.input(t)
		tables := planner.Followed(in.Config.Mirrors[0], lineage, nil, w.src)
		got := followed(&planner.Mirror{Tables: tables})
		for i := range tables {
			if s, n := tables[i].FinalName(); n != tables[i].Name {
				got += fmt.Sprintf(" -> %s.%s without %s", s, n, strings.Join(tables[i].Dropped, ", "))
			}
		}
		if got != c.want {
			t.Errorf("%s: %s\nwant %s", c.rule, got, c.want)
		}
	}
}

// TestFollowedByNamedPublications: what is followed by inserts alone stays so.
func TestFollowedByNamedPublications(t *testing.T) {
	w := newStream("stream {\npublications = [\"mine\"]\n}")
	rec := &catalog.LedgerMirror{Members: []catalog.LedgerMember{{Source: 20100, Follow: planner.FollowInserts, State: catalog.MemberFollowed}}}
	tables := planner.Followed(w.input(t).Config.Mirrors[0], lineage, rec, w.src)
	if got := followed(&planner.Mirror{Tables: tables}); got != "lines all[id]; orders inserts" {
		t.Error(got)
	}
}

// TestCommandsGiveEqualPlans: names are looked up in maps, and come out in an order.
func TestCommandsGiveEqualPlans(t *testing.T) {
	w := streams(t, "")
	w.block("a", "ALTER SCHEMA public RENAME TO shop; ALTER TABLE orders ADD COLUMN n mood; DROP TABLE shop.line")
	w.block("b", "DROP SCHEMA shop CASCADE")
	in := w.input(t)
	first := planner.Make(in).Encode()
	for range 20 {
		if again := planner.Make(in).Encode(); !bytes.Equal(first, again) {
			t.Fatalf("%s\n%s", first, again)
		}
	}
	if _, err := planner.Decode(first); err != nil {
		t.Error(err)
	}
}
