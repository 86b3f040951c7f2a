package planner_test

import (
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

const allow = "-allow-data-loss='mirror.app'"

var existingFindings = []finding{
	{rule: "an empty table of the same shape", code: "B150", severity: planner.Notice, at: atTarget, remedy: "dropped and created anew",
		edit: func(w *world) { table(w.dst, 30100, "public", "orders", "id", "note") }},
	{rule: "its own sequence goes with it", code: "B150", severity: planner.Notice, at: atTarget, remedy: "dropped and created anew",
		edit: func(w *world) { table(w.dst, 30100, "public", "orders", "id", "note"); serial(w.dst, 30100, 30108) }},
	{rule: "a table of that name elsewhere", edit: func(w *world) { table(w.dst, 30100, "other", "orders", "id").HasRows = true }},
	{rule: "a table with rows", code: "B134", severity: planner.Warning, at: atTarget, remedy: allow,
		edit: func(w *world) { table(w.dst, 30100, "public", "orders", "id", "note").HasRows = true }},
	{rule: "a partition with rows that the source does not have", code: "B134", severity: planner.Warning, at: atTarget, remedy: allow, edit: func(w *world) {
		table(w.dst, 30100, "public", "orders", "id", "note")
		table(w.dst, 30200, "attic", "orders_2019", "id", "note").HasRows = true
		partitioned(w.dst, 30100, 30200)
	}},
	{rule: "an empty table of another shape", code: "B133", severity: planner.Warning, at: atTarget, remedy: allow,
		edit: func(w *world) { table(w.dst, 30100, "public", "orders", "id") }},
	{rule: "a view", code: "B132", severity: planner.Warning, at: atTarget, remedy: allow, edit: func(w *world) {
		table(w.dst, 30100, "other", "t", "id")
		view(w.dst, 30200, "public", "recent", 30100, 1)
	}},
	{rule: "a function", code: "B132", severity: planner.Warning, at: atTarget, remedy: allow, edit: func(w *world) {
		object(w.src, pgProc, 21000, "function", "public", "f(integer)")
		object(w.dst, pgProc, 30100, "function", "public", "f(integer)")
	}},
	{rule: "a function with other arguments", edit: func(w *world) {
		object(w.src, pgProc, 21000, "function", "public", "f(integer)")
		object(w.dst, pgProc, 30100, "function", "public", "f(text)")
	}},
	{rule: "a view in a table's place", code: "B132", severity: planner.Refusal, at: atTarget, remedy: "Drop or rename", edit: func(w *world) {
		table(w.dst, 30100, "other", "t", "id")
		view(w.dst, 30200, "public", "orders", 30100, 1)
	}},
	{rule: "a table in a view's place", code: "B132", severity: planner.Refusal, at: atTarget, remedy: "Drop or rename",
		edit: func(w *world) { table(w.dst, 30100, "public", "recent", "id") }},
	{rule: "an index's name on another table", code: "B132", severity: planner.Refusal, at: atTarget, remedy: "Drop or rename", edit: func(w *world) {
		table(w.dst, 30100, "public", "other", "id")
		w.dst.Indexes[0].Name = "orders_pkey"
	}},
	{rule: "a view that reads what is dropped", code: "B154", with: "B132", severity: planner.Refusal, at: atTarget, remedy: "Drop them there", edit: func(w *world) {
		w.src.Relations = w.src.Relations[:3] // orders, its sequence, lines
		table(w.dst, 30300, "other", "t", "id")
		object(w.src, pgProc, 21000, "function", "public", "f()")
		object(w.dst, pgProc, 30100, "function", "public", "f()")
		view(w.dst, 30400, "other", "reads", 30300, 1)
		depends(w.dst, 'n', pgRewrite, 30401, pgProc, 30100, 0)
	}},
	{rule: "another's table", code: "B153", with: "B150", severity: planner.Refusal, at: atTarget, remedy: "TO app_role", edit: func(w *world) {
		plainRole(w.dst)
		w.dst.Schemas[0].Owner = "other"
		table(w.dst, 30100, "public", "orders", "id", "note").Owner = "other"
	}},
	{rule: "another's table in a schema of ours", code: "B150", severity: planner.Notice, at: atTarget, remedy: "dropped and created anew", edit: func(w *world) {
		plainRole(w.dst)
		w.dst.Schemas[0].Owner = "app_role"
		table(w.dst, 30100, "public", "orders", "id", "note").Owner = "other"
	}},
	{rule: "rows that an interrupted copy wrote", edit: func(w *world) {
		w.interrupted(catalog.LedgerTable{Schema: "public", Name: "orders"})
		table(w.dst, 30100, "public", "orders", "id", "note").HasRows = true
	}},
	{rule: "rows that it did not write", code: "B134", severity: planner.Refusal, at: atTarget, remedy: "exclude them", edit: func(w *world) {
		w.interrupted(catalog.LedgerTable{Schema: "public", Name: "lines"})
		table(w.dst, 30100, "public", "orders", "id", "note").HasRows = true
	}},
	{rule: "an attempt that made nothing resumes nothing", code: "B134", severity: planner.Warning, at: atTarget, remedy: allow, edit: func(w *world) {
		w.interrupted()
		w.ledger().Objects = 0
		table(w.dst, 30100, "public", "orders", "id", "note").HasRows = true
	}},
}

// interrupted records a copy that was killed after it began with these tables.
func (w *world) interrupted(tables ...catalog.LedgerTable) {
	w.state.Resources = []*state.Resource{{Address: "mirror.app", Status: state.Creating, Mirror: &state.Mirror{Source: "peer.a", Target: "peer.b"}}}
	w.live["peer.b"].Ledger = &catalog.Ledger{Format: 1, Mirrors: []catalog.LedgerMirror{{
		ID: planner.MirrorID(lineage, "mirror.app"), Address: "mirror.app", Lineage: lineage, Phase: catalog.PhaseCopying, Objects: 4, Tables: tables}}}
}

// apart has its own schema on the target, with the tables of the source.
func apart(w *world) (orders, lines *catalog.Relation) {
	table(w.dst, 30100, "public", "orders", "id", "note")
	table(w.dst, 30200, "public", "lines", "id", "order_id")
	return find(w.dst, 30100), find(w.dst, 30200)
}

const ownSchema = "schema { copy = false }"

var ownSchemaFindings = []finding{
	{rule: "tables of the same shape", body: ownSchema, edit: func(w *world) { apart(w) }},
	{rule: "a missing table", body: ownSchema, code: "B133", severity: planner.Refusal, at: "copy = false", remedy: "Create them",
		edit: func(w *world) { table(w.dst, 30100, "public", "orders", "id", "note") }},
	{rule: "a missing column", body: ownSchema, code: "B133", severity: planner.Refusal, at: "copy = false", remedy: "Change the table",
		edit: func(w *world) { o, _ := apart(w); o.Columns = o.Columns[:1] }},
	{rule: "another type", body: ownSchema, code: "B133", severity: planner.Refusal, at: "copy = false", remedy: "Change the table",
		edit: func(w *world) { o, _ := apart(w); o.Columns[1].Type = "bigint" }},
	{rule: "not null there", body: ownSchema, code: "B133", severity: planner.Refusal, at: "copy = false", remedy: "Change the table",
		edit: func(w *world) { o, _ := apart(w); o.Columns[1].NotNull = true }},
	{rule: "generated there", body: ownSchema, code: "B133", severity: planner.Refusal, at: "copy = false", remedy: "Change the table",
		edit: func(w *world) { o, _ := apart(w); o.Columns[1].Generated = 's' }},
	{rule: "a further column that wants a value", body: ownSchema, code: "B133", severity: planner.Refusal, at: "copy = false", remedy: "Change the table",
		edit: func(w *world) {
			o, _ := apart(w)
			o.Columns = append(o.Columns, catalog.Column{Num: 3, Name: "more", NotNull: true})
		}},
	{rule: "further columns that fill themselves", body: ownSchema, edit: func(w *world) {
		o, _ := apart(w)
		o.Columns = append(o.Columns, catalog.Column{Num: 3, Name: "null"}, catalog.Column{Num: 4, Name: "default", NotNull: true, Default: true},
			catalog.Column{Num: 5, Name: "identity", NotNull: true, Identity: 'a'}, catalog.Column{Num: 6, Name: "generated", NotNull: true, Generated: 's'})
	}},
	{rule: "a foreign table there", body: ownSchema, code: "B133", severity: planner.Refusal, at: "copy = false", remedy: "Change the table",
		edit: func(w *world) { o, _ := apart(w); o.Kind = catalog.Foreign }},
	{rule: "rows there", body: ownSchema, code: "B134", severity: planner.Warning, at: atTarget, remedy: "truncated only with " + allow,
		edit: func(w *world) { o, _ := apart(w); o.HasRows = true }},
	{rule: "rows in a partition there", body: ownSchema, code: "B134", severity: planner.Warning, at: atTarget, remedy: "truncated only with " + allow, edit: func(w *world) {
		apart(w)
		table(w.dst, 30300, "public", "orders_1", "id", "note").HasRows = true
		partitioned(w.dst, 30100, 30300)
	}},
	{rule: "rows in a child there", body: ownSchema, code: "B134", severity: planner.Warning, at: atTarget, remedy: "truncated only with " + allow, edit: func(w *world) {
		apart(w)
		table(w.dst, 30300, "public", "heir", "id", "note").HasRows = true
		find(w.dst, 30300).Parents = []uint32{30100}
	}},
	{rule: "rows of an interrupted copy", body: ownSchema, edit: func(w *world) {
		w.interrupted(catalog.LedgerTable{Schema: "public", Name: "orders"})
		o, _ := apart(w)
		o.HasRows = true
	}},
	{rule: "rows that were there before it", body: ownSchema, code: "B134", severity: planner.Warning, at: atTarget, remedy: allow, edit: func(w *world) {
		w.interrupted(catalog.LedgerTable{Schema: "public", Name: "orders"})
		_, l := apart(w)
		l.HasRows = true
	}},
	{rule: "triggers that would fire", body: ownSchema, code: "B148", severity: planner.Refusal, at: atTarget, remedy: "GRANT SET ON PARAMETER session_replication_role TO app_role",
		edit: func(w *world) { plainRole(w.dst); o, _ := apart(w); o.UserTriggers = 1 }},
	{rule: "foreign keys that would look", body: ownSchema, code: "B148", severity: planner.Refusal, at: atTarget, remedy: "GRANT SET ON PARAMETER",
		edit: func(w *world) { plainRole(w.dst); apart(w); foreignKey(w.dst, 30210, "public", "fk", 30200, 30100) }},
	{rule: "triggers that are kept quiet", body: ownSchema, edit: func(w *world) {
		plainRole(w.dst)
		w.dst.Role.CanReplicaRole = true
		o, _ := apart(w)
		o.UserTriggers = 1
	}},
	{rule: "no right to write", body: ownSchema, code: "B153", severity: planner.Refusal, at: atTarget, remedy: "GRANT INSERT, TRUNCATE on them TO app_role",
		edit: func(w *world) { plainRole(w.dst); o, _ := apart(w); o.IsOwner, o.CanInsert = false, false }},
	{rule: "no need to truncate", body: ownSchema, edit: func(w *world) { plainRole(w.dst); o, _ := apart(w); o.IsOwner, o.CanTruncate = false, false }},
	{rule: "row security of the target", body: ownSchema, code: "B153", severity: planner.Refusal, at: atTarget, remedy: "BYPASSRLS",
		edit: func(w *world) { plainRole(w.dst); o, _ := apart(w); o.IsOwner, o.RowSecurity = false, true }},
}

// Dropping is planned for exactly what a mirror creates.
func TestClean(t *testing.T) {
	w := newWorld("")
	if w.plan(t).Changes[0].Mirror.Clean {
		t.Error("an empty target needs no dropping")
	}
	table(w.dst, 30100, "public", "orders", "id", "note")
	if !w.plan(t).Changes[0].Mirror.Clean {
		t.Error("a table that is there is not dropped")
	}
	w = newWorld("")
	w.interrupted(catalog.LedgerTable{Schema: "public", Name: "orders"})
	table(w.dst, 30100, "public", "orders", "id", "note").HasRows = true
	if m := w.plan(t).Changes[0].Mirror; m.Clean || !m.Resume {
		t.Errorf("an interrupted copy: clean %v, resume %v", m.Clean, m.Resume)
	}
}

// What is dropped takes its own parts along, and nothing that others made of it.
func TestBlockers(t *testing.T) {
	for _, c := range []struct {
		rule string
		edit func(w *world)
		want string
	}{
		{"its own view", func(w *world) { view(w.dst, 30300, "public", "recent", 30100, 2) }, ""},
		{"a view of a view", func(w *world) {
			view(w.dst, 30300, "public", "recent", 30100, 2)
			view(w.dst, 30400, "public", "newest", 30300, 1)
		}, "view public.newest"},
		{"a foreign key of another table", func(w *world) {
			table(w.dst, 30200, "public", "notes", "id", "order_id")
			foreignKey(w.dst, 30210, "public", "fk", 30200, 30100)
		}, "foreign key fk of public.notes"},
		{"a foreign key between two that go", func(w *world) {
			table(w.dst, 30200, "public", "lines", "id", "order_id")
			foreignKey(w.dst, 30210, "public", "fk", 30200, 30100)
		}, ""},
		{"a default that reads its sequence", func(w *world) {
			serial(w.dst, 30100, 30108)
			table(w.dst, 30200, "public", "notes", "id")
			depends(w.dst, 'a', pgAttrdef, 30250, pgClass, 30200, 1)
			depends(w.dst, 'n', pgAttrdef, 30250, pgClass, 30108, 0)
		}, "table public.notes"},
		{"an heir", func(w *world) {
			table(w.dst, 30200, "public", "heir", "id", "note").Parents = []uint32{30100}
			depends(w.dst, 'n', pgClass, 30200, pgClass, 30100, 0)
		}, "table public.heir"},
	} {
		w := newWorld("")
		table(w.dst, 30100, "public", "orders", "id", "note")
		c.edit(w)
		got := ""
		for _, f := range w.plan(t).Findings {
			if f.Code == "B154" {
				got = strings.Join(f.Objects, ", ")
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}
