package planner_test

import (
	"fmt"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
)

// carried writes the tables with what is dropped of them, and what is left out.
func carried(m *planner.Mirror) string {
	var tables, left []string
	for _, t := range m.Tables {
		s := t.Name
		if len(t.Dropped) > 0 {
			s += "(-" + strings.Join(t.Dropped, ",") + ")"
		}
		if t.Renamed() {
			schema, name := t.FinalName()
			s += "=" + schema + "." + name
		}
		if t.Where != "" {
			s += "[" + t.Where + "]"
		}
		tables = append(tables, s)
	}
	for _, l := range m.LeftOut {
		if l.Kind != "index" && l.Kind != "constraint" {
			left = append(left, l.Kind+" "+strings.TrimPrefix(l.Name, "public."))
		}
	}
	return strings.Join(tables, " ") + " | " + strings.Join(left, ", ")
}

// wide adds a schema app of its own with a table of it, 21000, and a view of that.
func wide(w *world) {
	table(w.src, 21000, "app", "events", "id", "kind", "raw")
	view(w.src, 21100, "app", "seen", 21000, 2)
}

func TestSelection(t *testing.T) {
	for _, c := range []struct {
		rule, body string
		edit       func(w *world)
		want       string
	}{
		{"everything by default", "", nil, "lines orders | "},
		{"tables by pattern", `tables = ["public.l*"]`, nil,
			"lines | foreign key lines_order_fkey of public.lines, sequence orders_id_seq, table orders, view recent"},
		{"exclude wins over tables", "tables = [\"public.*\"]\nexclude = [\"public.lines\"]", nil,
			"orders | foreign key lines_order_fkey of public.lines, table lines"},
		{"an excluded table takes views and foreign keys along", `exclude = ["public.orders"]`, nil,
			"lines | foreign key lines_order_fkey of public.lines, sequence orders_id_seq, table orders, view recent"},
		{"views of views go too", `exclude = ["public.orders"]`, func(w *world) { view(w.src, 20400, "public", "newest", 20300, 1) },
			"lines | foreign key lines_order_fkey of public.lines, sequence orders_id_seq, table orders, view newest, view recent"},
		{"what has a column of its row type", `exclude = ["public.lines"]`, func(w *world) {
			table(w.src, 21000, "public", "boxes", "id")
			depends(w.src, 'n', pgClass, 21000, pgType, 20203, 0)
			object(w.src, pgProc, 21100, "function", "public", "last(public.lines)", [2]uint32{pgType, 20203})
		}, "orders | foreign key lines_order_fkey of public.lines, function last(public.lines), table boxes, table lines"},
		{"a table whose default calls what is left out", `schema { skip = ["function:public.f"] }`, func(w *world) {
			object(w.src, pgProc, 21000, "function", "public", "f()")
			depends(w.src, 'a', pgAttrdef, 21050, pgClass, 20200, 1)
			depends(w.src, 'n', pgAttrdef, 21050, pgProc, 21000, 0)
		}, "orders | foreign key lines_order_fkey of public.lines, function f(), table lines"},
		{"a table whose check calls what is left out", `schema { skip = ["function:public.f"] }`, func(w *world) { check(w, true) },
			"orders | check positive of public.lines, foreign key lines_order_fkey of public.lines, function f(), table lines"},
		{"a check that is not valid goes alone", `schema { skip = ["function:public.f"] }`, func(w *world) { check(w, false) },
			"lines orders | check positive of public.lines, function f()"},
		{"a domain's check takes the domain and its columns", `schema { skip = ["function:public.f"] }`, func(w *world) {
			object(w.src, pgProc, 21000, "function", "public", "f()")
			object(w.src, pgType, 21010, "domain", "public", "positive")
			depends(w.src, 'a', pgConstraint, 21011, pgType, 21010, 0)
			depends(w.src, 'i', pgType, 21010, pgConstraint, 21011, 0)
			depends(w.src, 'n', pgConstraint, 21011, pgProc, 21000, 0)
			depends(w.src, 'n', pgClass, 20200, pgType, 21010, 0)
		}, "orders | domain positive, foreign key lines_order_fkey of public.lines, function f(), table lines"},
		{"a trigger goes with its function", `schema { skip = ["function:public.touch"] }`, func(w *world) {
			object(w.src, pgProc, 21000, "function", "public", "touch()")
			object(w.src, pgTrigger, 21010, "trigger", "public", "touch", [2]uint32{pgProc, 21000}).Table = 20100
			depends(w.src, 'a', pgTrigger, 21010, pgClass, 20100, 0)
		}, "lines orders | function touch(), trigger touch of public.orders"},
		{"kinds are skipped", `schema { skip = ["view", "foreign_key"] }`, nil,
			"lines orders | foreign key lines_order_fkey of public.lines, view recent"},
		{"objects are skipped by name", `schema { skip = ["view:public.re?ent"] }`, nil, "lines orders | view recent"},
		{"a skipped schema takes all in it", `schema { skip = ["schema:app"] }`, wide, "lines orders | schema app, table app.events, view app.seen"},
		{"an excluded column takes views, keys and its own parts", "table \"public.orders\" {\nexclude_columns = [\"note\"]\n}", nil,
			"lines orders(-note) | view recent"},
		{"the key of an excluded column, and what refers to it", "table \"public.orders\" {\nexclude_columns = [\"id\"]\n}", nil,
			"lines orders(-id) | foreign key lines_order_fkey of public.lines, sequence orders_id_seq"},
		{"a generated column goes with what it is made of", "table \"public.orders\" {\nexclude_columns = [\"note\"]\n}", func(w *world) {
			r := find(w.src, 20100)
			r.Columns = append(r.Columns, catalog.Column{Num: 3, Name: "upper", Generated: 's'})
			depends(w.src, 'i', pgAttrdef, 21050, pgClass, 20100, 3)
			depends(w.src, 'n', pgAttrdef, 21050, pgClass, 20100, 2)
		}, "lines orders(-upper,note) | view recent"},
		{"an identity sequence goes with its table", `exclude = ["public.lines"]`, func(w *world) {
			relation(w.src, 21000, "public", "lines_id_seq", catalog.Sequence).Sequence = &catalog.SequenceFact{OwnedBy: 20200, OwnedByColumn: 1, Identity: true}
			depends(w.src, 'i', pgClass, 21000, pgClass, 20200, 1)
		}, "orders | foreign key lines_order_fkey of public.lines, sequence lines_id_seq, table lines"},
		{"an extension that is skipped takes its types' columns", `schema { skip_extensions = ["hstore"] }`, extended,
			"lines orders | extension hstore, table bags, type hstore"},
		{"by skip, too", `schema { skip = ["extension:hstore"] }`, extended, "lines orders | extension hstore, table bags, type hstore"},
		{"partitions follow their root", `tables = ["app.events"]`, func(w *world) {
			wide(w)
			table(w.src, 21200, "app", "events_1", "id")
			table(w.src, 21300, "app", "events_2", "id")
			partitioned(w.src, 21000, 21200, 21300)
		}, "events events_1 events_2 | foreign key lines_order_fkey of public.lines, schema public, sequence orders_id_seq, table lines, table orders, view recent"},
		{"an excluded partition stays, with its own", `exclude = ["app.events_1"]`, func(w *world) {
			wide(w)
			table(w.src, 21200, "app", "events_1", "id")
			table(w.src, 21300, "app", "events_1a", "id")
			partitioned(w.src, 21000, 21200)
			partitioned(w.src, 21200, 21300)
		}, "events lines orders | table app.events_1, table app.events_1a"},
		{"a partition goes with its excluded root", `exclude = ["app.events"]`, func(w *world) {
			wide(w)
			table(w.src, 21200, "app", "events_1", "id")
			partitioned(w.src, 21000, 21200)
		}, "lines orders | table app.events, table app.events_1, view app.seen"},
		{"schemas of which nothing is selected stay", `tables = ["public.*"]`, func(w *world) {
			wide(w)
			object(w.src, pgProc, 21500, "function", "app", "f()")
		}, "lines orders | function app.f(), schema app, table app.events, view app.seen"},
		{"what selected tables need of them comes", `tables = ["public.*"]`, func(w *world) {
			object(w.src, pgType, 21500, "enum", "app", "mood")
			object(w.src, pgType, 21510, "enum", "app", "other")
			depends(w.src, 'n', pgClass, 20200, pgType, 21500, 0)
		}, "lines orders | enum app.other"},
		{"and what their triggers and indexes need", `tables = ["public.*"]`, func(w *world) {
			object(w.src, pgProc, 21500, "function", "app", "touch()")
			object(w.src, pgProc, 21510, "function", "app", "key()")
			object(w.src, pgTrigger, 21520, "trigger", "public", "touch", [2]uint32{pgProc, 21500}).Table = 20100
			depends(w.src, 'a', pgTrigger, 21520, pgClass, 20100, 0)
			w.src.Indexes = append(w.src.Indexes, catalog.Index{OID: 21530, Table: 20100, Schema: "public", Name: "orders_key"})
			depends(w.src, 'a', pgClass, 21530, pgClass, 20100, 2)
			depends(w.src, 'n', pgClass, 21530, pgProc, 21510, 0)
		}, "lines orders | "},
		{"an extension's own table does not make its schema used", `tables = ["app.events"]`, func(w *world) {
			wide(w)
			r := table(w.src, 21500, "public", "spatial_ref_sys", "id")
			r.Extension, r.ConfigTable = "postgis", true
			object(w.src, pgType, 21510, "type", "public", "geometry").Extension = "postgis"
		}, "events | foreign key lines_order_fkey of public.lines, schema public, sequence orders_id_seq, table lines, table orders, table spatial_ref_sys, type geometry, view recent"},
		{"but a type of it that is needed does", `tables = ["app.events"]`, func(w *world) {
			wide(w)
			r := table(w.src, 21500, "public", "spatial_ref_sys", "id")
			r.Extension, r.ConfigTable = "postgis", true
			object(w.src, pgType, 21510, "type", "public", "geometry").Extension = "postgis"
			depends(w.src, 'n', pgClass, 21000, pgType, 21510, 0)
		}, "events spatial_ref_sys | foreign key lines_order_fkey of public.lines, sequence orders_id_seq, table lines, table orders, view recent"},
		{"tables are moved and cut down", "table \"public.orders\" {\ntarget = \"attic.old\"\nwhere = \"id > 7\"\n}", nil, "lines orders=attic.old[id > 7] | "},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := newWorld(c.body)
			if c.edit != nil {
				c.edit(w)
			}
			p := w.plan(t)
			if got := carried(p.Changes[0].Mirror); got != c.want {
				t.Errorf("%s\nwant %s\n%s", got, c.want, reasons(p.Changes[0].Mirror))
			}
		})
	}
}

func reasons(m *planner.Mirror) string {
	var b strings.Builder
	for _, l := range m.LeftOut {
		fmt.Fprintf(&b, "%s %s: %s\n", l.Kind, l.Name, l.Why)
	}
	return b.String()
}

// check adds a check of public.lines that calls a function.
func check(w *world, valid bool) {
	object(w.src, pgProc, 21000, "function", "public", "f()")
	w.src.Constraints = append(w.src.Constraints, catalog.Constraint{OID: 21010, Table: 20200, Schema: "public", Name: "positive", Kind: 'c', Validated: valid})
	depends(w.src, 'a', pgConstraint, 21010, pgClass, 20200, 1)
	depends(w.src, 'n', pgConstraint, 21010, pgProc, 21000, 0)
}

// extended adds an extension with a type, and a table that has a column of it.
func extended(w *world) {
	w.src.Extensions = []catalog.Extension{{OID: 16500, Name: "hstore", Version: "1.8"}}
	w.dst.Available["hstore"] = catalog.AvailableExtension{DefaultVersion: "1.8"}
	object(w.src, pgType, 16510, "type", "public", "hstore").Extension = "hstore"
	table(w.src, 21000, "public", "bags", "id")
	depends(w.src, 'n', pgClass, 21000, pgType, 16510, 0)
}

func TestWhy(t *testing.T) {
	w := newWorld("tables = [\"public.*\"]\nexclude = [\"public.lines\"]\nschema { skip = [\"sequence\"] }")
	view(w.src, 20400, "public", "total", 20200, 1)
	table(w.src, 21000, "app", "events", "id")
	want := `constraint events_pkey of app.events: depends on table app.events
constraint lines_pkey of public.lines: depends on table public.lines
constraint orders_pkey of public.orders: depends on table public.orders
foreign key lines_order_fkey of public.lines: depends on table public.lines
index app.events_pkey: depends on constraint events_pkey of app.events
index public.lines_pkey: depends on constraint lines_pkey of public.lines
index public.orders_pkey: depends on constraint orders_pkey of public.orders
schema app: no table of its schema is selected
sequence public.orders_id_seq: skipped
table app.events: not selected
table public.lines: not selected
table public.orders: depends on sequence public.orders_id_seq
view public.recent: depends on table public.orders
view public.total: depends on table public.lines
`
	if got := reasons(w.plan(t).Changes[0].Mirror); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
