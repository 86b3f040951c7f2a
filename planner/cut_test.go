package planner_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
)

func TestParts(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, c := range []struct {
		rule         string
		body         string
		major        int
		pages, bytes int64
		edit         func(r *catalog.Relation)
		want         int
	}{
		{"a small table is one part", "", 15, 100, 800 << 10, nil, 1},
		{"parts of chunk_size", `copy { chunk_size = "256MiB" }`, 15, 10 * gib / 8192, 10 * gib, nil, 40},
		{"less where workers would wait", "", 15, gib / 8192, gib, nil, 12},
		{"but no less than 8 MiB", "", 15, 32 * mib / 8192, 32 * mib, nil, 4},
		{"a smaller chunk_size goes before that", `copy { chunk_size = "1MiB" }`, 15, 32 * mib / 8192, 32 * mib, nil, 32},
		{"more workers, more parts", "copy { workers = 16 }", 15, gib / 8192, gib, nil, 48},
		{"TOAST counts", "", 15, 1000, gib, nil, 12},
		{"but a part has a block of its own", "", 15, 5, gib, nil, 5},
		{"one block cannot be cut", "", 15, 1, gib, nil, 1},
		{"a server that would read the whole table for each part", "", 13, 10 * gib / 8192, 10 * gib, nil, 1},
		{"a partitioned table has no rows", "", 15, 0, 0, func(r *catalog.Relation) { r.Kind = catalog.Partitioned }, 0},
		{"an extension's configuration is one part", "", 15, gib / 8192, gib,
			func(r *catalog.Relation) { r.Extension, r.ConfigTable = "ext", true }, 1},
	} {
		w := newWorld(c.body)
		w.src.Version.Num = c.major * 10000
		w.src.Relations, w.src.Depends = nil, nil
		w.src.Constraints, w.src.Indexes = nil, nil
		r := table(w.src, 20100, "public", "t", "id")
		r.Pages, r.Bytes = c.pages, c.bytes
		if c.edit != nil {
			c.edit(r)
		}
		if got := w.plan(t).Changes[0].Mirror.Tables[0].Parts; got != c.want {
			t.Errorf("%s: %d, want %d", c.rule, got, c.want)
		}
	}
}

// Every block is in one part, also those that are written after the plan was made.
func TestPartsCoverEveryBlockOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		tab := planner.Table{Pages: 1 + r.Int64N(1<<r.IntN(32))}
		tab.Parts = int(1 + r.Int64N(min(tab.Pages, 50_000)))
		next := int64(0)
		for i := range tab.Parts {
			first, last := tab.Part(i)
			switch {
			case first != next:
				t.Fatalf("%+v: part %d begins at %d, want %d", tab, i, first, next)
			case i == tab.Parts-1 && last != -1, i < tab.Parts-1 && last <= first:
				t.Fatalf("%+v: part %d is %d to %d", tab, i, first, last)
			}
			next = last
		}
	}
}

func TestCopySQL(t *testing.T) {
	plain := planner.Table{Schema: "public", Name: "orders", Columns: []string{"id", "note"}, Parts: 1}
	edit := func(change func(t *planner.Table)) planner.Table { c := plain; change(&c); return c }
	for _, c := range []struct {
		rule    string
		table   planner.Table
		part    int
		out, in string
	}{
		{"a whole table", plain, 0,
			`copy "public"."orders" ("id", "note") to stdout`,
			`copy "public"."orders" ("id", "note") from stdin (freeze)`},
		{"binary", edit(func(t *planner.Table) { t.Binary = true }), 0,
			`copy "public"."orders" ("id", "note") to stdout (format binary)`,
			`copy "public"."orders" ("id", "note") from stdin (format binary, freeze)`},
		{"odd names", edit(func(t *planner.Table) { t.Schema, t.Name, t.Columns = `Odd "one"`, "a.b", []string{"select", `q"q`} }), 0,
			`copy "Odd ""one"""."a.b" ("select", "q""q") to stdout`,
			`copy "Odd ""one"""."a.b" ("select", "q""q") from stdin (freeze)`},
		{"no columns", edit(func(t *planner.Table) { t.Columns = nil }), 0,
			`copy "public"."orders" to stdout`, `copy "public"."orders" from stdin (freeze)`},
		{"no columns left", edit(func(t *planner.Table) { t.Columns, t.Dropped = nil, []string{"id"} }), 0,
			`copy (select from only "public"."orders") to stdout`, `copy "public"."orders" from stdin (freeze)`},
		{"the first part", edit(func(t *planner.Table) { t.Parts, t.Pages = 3, 9 }), 0,
			`copy (select "id", "note" from only "public"."orders" where ctid < '(3,0)') to stdout`,
			`copy "public"."orders" ("id", "note") from stdin`},
		{"one in the middle", edit(func(t *planner.Table) { t.Parts, t.Pages = 3, 9 }), 1,
			`copy (select "id", "note" from only "public"."orders" where ctid >= '(3,0)' and ctid < '(6,0)') to stdout`,
			`copy "public"."orders" ("id", "note") from stdin`},
		{"the last, to the end", edit(func(t *planner.Table) { t.Parts, t.Pages = 3, 9 }), 2,
			`copy (select "id", "note" from only "public"."orders" where ctid >= '(6,0)') to stdout`,
			`copy "public"."orders" ("id", "note") from stdin`},
		{"some rows", edit(func(t *planner.Table) { t.Where = "a = 1 or b" }), 0,
			`copy (select "id", "note" from only "public"."orders" where (a = 1 or b)) to stdout`,
			`copy "public"."orders" ("id", "note") from stdin (freeze)`},
		{"some rows of a part", edit(func(t *planner.Table) { t.Where, t.Parts, t.Pages = "a", 2, 2 }), 1,
			`copy (select "id", "note" from only "public"."orders" where ctid >= '(1,0)' and (a)) to stdout`,
			`copy "public"."orders" ("id", "note") from stdin`},
		{"an extension's condition", edit(func(t *planner.Table) { t.Kind, t.Condition = "config", "WHERE NOT standard_entry" }), 0,
			`copy (select "id", "note" from only "public"."orders" WHERE NOT standard_entry) to stdout`,
			`copy "public"."orders" ("id", "note") from stdin (freeze)`},
	} {
		if got := c.table.CopyOut(c.part); got != c.out {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.out)
		}
		if got := c.table.CopyIn(c.table.SourceName(), c.table.Parts == 1); got != c.in {
			t.Errorf("%s:\n%s\nwant\n%s", c.rule, got, c.in)
		}
	}
}

func TestMoveSQL(t *testing.T) {
	for _, c := range []struct{ rule, schema, name, want string }{
		{"stays", "", "", "[]"},
		{"another name", "public", "old", `[alter table "public"."orders" rename to "old"]`},
		{"another schema", "attic", "orders", `[create schema if not exists "attic" alter table "public"."orders" set schema "attic"]`},
		{"both", "attic", "old", `[create schema if not exists "attic" alter table "public"."orders" set schema "attic" alter table "attic"."orders" rename to "old"]`},
	} {
		tab := planner.Table{Schema: "public", Name: "orders", TargetSchema: c.schema, TargetName: c.name}
		if got := fmt.Sprint(tab.MoveSQL()); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestDatabaseAndRoleSQL(t *testing.T) {
	db := planner.NewDatabase{Name: "app", Encoding: "UTF8", Collate: "C", CType: "de_DE.UTF-8"}
	icu, builtin, libc := db, db, db
	icu.Provider, icu.Locale = "icu", "de"
	builtin.Provider, builtin.Locale = "builtin", "C.UTF-8"
	libc.Provider = "libc"
	const head = `create database "app" template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'de_DE.UTF-8'`
	for _, c := range []struct{ got, want string }{
		{db.SQL(), head},
		{libc.SQL(), head + " locale_provider libc"},
		{icu.SQL(), head + " locale_provider icu icu_locale 'de'"},
		{builtin.SQL(), head + " locale_provider builtin builtin_locale 'C.UTF-8'"},
		{(&planner.NewDatabase{Name: `o"dd`, Encoding: "LATIN1"}).SQL(), `create database "o""dd" template template0 encoding 'LATIN1'`},
		{fmt.Sprint((&planner.Role{Name: "r"}).SQL()), `[create role "r"]`},
		{fmt.Sprint((&planner.Role{Name: `R"`, Attributes: []string{"login", "connection limit 5"}, MemberOf: []string{"a", "b"}, Join: true}).SQL()),
			`[create role "R""" login connection limit 5 grant "a" to "R""" grant "b" to "R""" grant "R""" to current_user]`},
	} {
		if c.got != c.want {
			t.Errorf("%s\nwant %s", c.got, c.want)
		}
	}
}

// What create_database and roles plan.
func TestNewDatabaseAndRoles(t *testing.T) {
	w := newWorld("schema {\ncreate_database = true\nroles = true\nowners = true\n}")
	needs(w, owned, catalog.RoleUse{Role: "boss", Use: "owner"})
	w.src.Settings = []catalog.Setting{{Name: "work_mem", Value: "1MB"}}
	w.live["peer.b"].Missing, w.live["peer.b"].Server, w.live["peer.b"].Name = true, empty(), "new"
	p := w.plan(t)
	o := p.Changes[0].Mirror.Options
	const want = `create database "new" template template0 encoding 'UTF8' lc_collate 'en_US.UTF-8' lc_ctype 'en_US.UTF-8' locale_provider libc`
	if o.Database == nil || o.Database.SQL() != want || !o.CreateDatabase || len(o.Settings) != 1 {
		t.Errorf("%+v", o)
	}
	var roles []string
	for _, r := range o.Roles {
		roles = append(roles, fmt.Sprint(r.SQL()))
	}
	const wantRoles = `[[create role "staff"] [create role "owner" grant "staff" to "owner"] [create role "boss" login superuser connection limit 2]]`
	if fmt.Sprint(roles) != wantRoles || len(p.Findings) != 0 {
		t.Errorf("%s\nwant %s\n%+v", roles, wantRoles, p.Findings)
	}
	w.live["peer.b"].Server = nil // nothing is known of the server
	if p := w.plan(t); len(p.Findings) != 0 || len(p.Changes[0].Mirror.Options.Roles) != 3 {
		t.Errorf("%+v", p.Findings)
	}
}
