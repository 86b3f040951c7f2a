package planner_test

import (
	"slices"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/state"
)

const atMirrors, atCommand = "mirrors = [mirror.app]", "command = "

// TestDDLFindings has a ddl block for a mirror that streams: its command is the case's
// body, unless the case declares one of its own.
func TestDDLFindings(t *testing.T) {
	for _, c := range slices.Concat(textFindings, keyFindings, sideFindings, standingFindings) {
		t.Run(c.rule, func(t *testing.T) {
			w := streams(t, "")
			if c.edit != nil {
				c.edit(w)
			}
			if c.body != "" {
				w.block("x", c.body)
			}
			p := w.plan(t)
			p.Findings = slices.DeleteFunc(p.Findings, func(f planner.Finding) bool {
				return f.Code == c.with || slices.ContainsFunc(always, func(text string) bool { return strings.Contains(f.Summary, text) })
			})
			if len(p.Findings) != min(1, len(c.code)) {
				t.Fatalf("%d findings: %+v", len(p.Findings), p.Findings)
			}
			if c.code == "" {
				return
			}
			f := p.Findings[0]
			if f.Code != c.code || f.Severity != c.severity || !strings.Contains(f.Summary+"\n"+f.Detail, c.remedy) {
				t.Errorf("%s %s %q\n%s\nwant %s %s %q", f.Code, f.Severity, f.Summary, f.Detail, c.code, c.severity, c.remedy)
			}
			if line := lineOf(w.hcl, f); !strings.Contains(line, c.at) || c.at == "" && f.File != "" {
				t.Errorf("%s:%d is %q, want %q", f.File, f.Line, line, c.at)
			}
		})
	}
}

var textFindings = []finding{
	{rule: "no SQL", body: "ALTER TABEL public.orders", code: "B176", severity: planner.Refusal, at: atCommand, remedy: `syntax error at or near "TABEL" (line 1, column 7)`},
	{rule: "no SQL that is known here", body: "ALTER TABEL public.orders", code: "B176", severity: planner.Warning, at: atCommand, remedy: "the source has 18.1. If it is right there, it runs, in one transaction. What it locks, rewrites and makes is not known here",
		edit: func(w *world) {
			w.src.Version = catalog.Version{Num: 180001, Text: "18.1"}
			w.dst.Version = w.src.Version
		}},
	{rule: "no SQL that is known here, nor perhaps there", body: "ALTER TABEL public.orders", code: "B176", severity: planner.Warning, at: atCommand, remedy: "peer.b has 17.2, which may not know it",
		edit: func(w *world) {
			w.src.Version = catalog.Version{Num: 180001, Text: "18.1"}
			w.dst.Version = catalog.Version{Num: 170002, Text: "17.2"}
		}, with: "B131"},
	{rule: "nothing but a comment", body: "-- later", code: "B176", severity: planner.Refusal, at: atCommand, remedy: "no statement"},
	{rule: "what a block cannot have", body: "ALTER SYSTEM SET wal_level = logical", code: "B177", severity: planner.Refusal, at: atCommand, remedy: "Take it out"},
	{rule: "alone beside others", body: "CREATE INDEX CONCURRENTLY n ON public.orders (note); COMMENT ON TABLE public.orders IS 'x'", code: "B178", severity: planner.Refusal, at: atCommand, remedy: "block of its own"},
	{rule: "alone", body: "CREATE INDEX CONCURRENTLY n ON public.orders (note)"},
	{rule: "code", body: "DO 'begin end'", code: "B179", severity: planner.Warning, at: atCommand, remedy: "cannot be looked into"},
	{rule: "no schema", body: "ALTER TABLE orders ADD COLUMN n int", code: "B180", severity: planner.Refusal, at: atCommand, remedy: "Write public.orders for orders."},
	{rule: "no schema, and two of the name", body: "ALTER TABLE orders ADD COLUMN n int", code: "B180", severity: planner.Refusal, at: atCommand, remedy: "before each name.",
		edit: func(w *world) {
			for _, db := range []*catalog.Database{w.src, w.dst} {
				table(db, 25000, "other", "orders", "id")
			}
		}, with: "B150"},
	{rule: "no schema of a type", body: "ALTER TABLE public.orders ADD COLUMN n mood", code: "B180", severity: planner.Refusal, at: atCommand, remedy: "Write app.mood for mood.",
		edit: func(w *world) { object(w.src, pgType, 26000, "enum", "app", "mood") }},
	{rule: "no schema of what is made", body: "CREATE TABLE news (id int PRIMARY KEY)", code: "B180", severity: planner.Refusal, at: atCommand, remedy: "1 name lacks its schema: news", with: "B188"},
	{rule: "a volatile default", body: "ALTER TABLE public.orders ADD COLUMN at timestamptz DEFAULT now()", code: "B181", severity: planner.Warning, at: atCommand, remedy: "fill the rows"},
	{rule: "a volatile default of an empty table", body: "ALTER TABLE public.orders ADD COLUMN at timestamptz DEFAULT now()",
		edit: func(w *world) { r := find(w.src, 20100); r.Pages, r.Rows = 0, 0 }},
	{rule: "a constant default", body: "ALTER TABLE public.orders ADD COLUMN n int DEFAULT 7 NOT NULL"},
	{rule: "a function that is immutable", body: "ALTER TABLE public.orders ADD COLUMN n int DEFAULT public.seven()",
		edit: func(w *world) {
			object(w.src, pgProc, 26000, "function", "public", "seven()").Volatility = 'i'
			object(w.dst, pgProc, 26000, "function", "public", "seven()").Volatility = 'i'
		}},
	{rule: "a function that is not", body: "ALTER TABLE public.orders ADD COLUMN n int DEFAULT public.seven()", code: "B181", severity: planner.Warning, at: atCommand, remedy: "public.seven may give other values",
		edit: func(w *world) { object(w.src, pgProc, 26000, "function", "public", "seven()").Volatility = 'v' }},
}

var sideFindings = []finding{
	{rule: "a role that the target lacks", body: "ALTER TABLE public.orders OWNER TO boss", code: "B182", severity: planner.Refusal, at: atCommand, remedy: "peer.b has no role boss",
		edit: func(w *world) { w.src.Roles = append(w.src.Roles, catalog.RoleFact{Name: "boss"}) }},
	{rule: "a role that both have", body: "GRANT SELECT ON public.orders TO boss, PUBLIC, pg_monitor", edit: func(w *world) {
		w.src.Roles = append(w.src.Roles, catalog.RoleFact{Name: "boss"})
		w.dst.Roles = append(w.dst.Roles, catalog.RoleFact{Name: "boss"})
	}},
	{rule: "a table of another's on the target", body: addColumn, code: "B183", severity: planner.Refusal, at: atCommand, remedy: "role app_role of peer.b does not own public.orders",
		edit: func(w *world) { plainRole(w.dst); find(w.dst, 70100).IsOwner = false }, with: "B164"},
	{rule: "a table of another's on the source", body: addColumn, code: "B183", severity: planner.Refusal, at: atCommand, remedy: "role app_role of peer.a does not own public.orders",
		edit: func(w *world) { plainRole(w.src); w.src.Role.Replication = true; find(w.src, 20100).IsOwner = false }, with: "B161"},
	{rule: "a table that a foreign key refers to may be another's", body: "ALTER TABLE public.lines ADD FOREIGN KEY (order_id) REFERENCES public.orders",
		edit: func(w *world) { plainRole(w.dst); find(w.dst, 70100).IsOwner = false }, with: "B164"},
	{rule: "no such table on the source", body: "ALTER TABLE public.ordres ADD COLUMN n int", code: "B184", severity: planner.Refusal, at: atCommand, remedy: "Did you mean public.orders?"},
	{rule: "no such table, which does not matter", body: "DROP TABLE IF EXISTS public.ordres"},
	{rule: "a table that another block makes", body: "ALTER TABLE public.news ADD COLUMN n int", edit: func(w *world) {
		w.block("before", "CREATE TABLE public.news (id int PRIMARY KEY)")
	}},
	{rule: "what is no table, and an earlier statement makes", body: `CREATE VIEW public.v AS SELECT 1 AS one; GRANT SELECT ON public.v TO PUBLIC; CREATE VIEW public.w AS SELECT * FROM public.v;
		CREATE MATERIALIZED VIEW public.mv AS SELECT 1 AS one; CREATE UNIQUE INDEX i ON public.mv (one); CREATE SEQUENCE public.s; GRANT USAGE ON SEQUENCE public.s TO PUBLIC;
		ALTER VIEW public.v RENAME TO u; CREATE OR REPLACE VIEW public.w AS SELECT * FROM public.u`},
	{rule: "what is no table, and another block makes", body: "CREATE UNIQUE INDEX i ON public.mv (one)", edit: func(w *world) {
		w.block("before", "CREATE MATERIALIZED VIEW public.mv AS SELECT 1 AS one")
	}},
	{rule: "a table that is there, and is made if it is not", body: "CREATE TABLE IF NOT EXISTS public.orders (id int); ALTER TABLE public.orders ADD COLUMN at timestamptz DEFAULT now()",
		code: "B181", severity: planner.Warning, at: atCommand, remedy: "fill the rows"},
	{rule: "an index of another's table", body: "DROP INDEX public.orders_pkey", code: "B183", severity: planner.Refusal, at: atCommand, remedy: "role app_role of peer.b does not own",
		edit: func(w *world) { plainRole(w.dst); find(w.dst, 70100).IsOwner = false }, with: "B164"},
	{rule: "another's view", body: "CREATE OR REPLACE VIEW public.recent AS SELECT 1 AS x FROM public.orders", code: "B183", severity: planner.Refusal, at: atCommand, remedy: "does not own public.recent",
		edit: func(w *world) {
			plainRole(w.dst)
			relation(w.dst, 70300, "public", "recent", catalog.View, "x").IsOwner = false
		}, with: "B164"},
	{rule: "a view over another's table", body: "CREATE VIEW public.v AS SELECT 1 AS x FROM public.orders", edit: func(w *world) { plainRole(w.dst); find(w.dst, 70100).IsOwner = false }, with: "B164"},
	{rule: "another's type", body: "ALTER TYPE app.mood ADD VALUE 'fine'", code: "B183", severity: planner.Refusal, at: atCommand, remedy: "does not own type app.mood",
		edit: func(w *world) { plainRole(w.dst); object(w.dst, pgType, 26000, "enum", "app", "mood") }, with: "B164"},
	{rule: "another's schema", body: "ALTER SCHEMA public RENAME TO shop", code: "B183", severity: planner.Refusal, at: atCommand, remedy: "does not own schema public",
		edit: func(w *world) { plainRole(w.dst) }, with: "B164"},
	{rule: "one's own schema", body: "ALTER SCHEMA public RENAME TO shop", edit: func(w *world) {
		plainRole(w.dst)
		w.dst.Role.MemberOf = append(w.dst.Role.MemberOf, "pg_database_owner")
	}, with: "B164"},
	{rule: "another's function", body: "DROP FUNCTION app.f(int)", code: "B183", severity: planner.Refusal, at: atCommand, remedy: "does not own function app.f",
		edit: func(w *world) { plainRole(w.dst); object(w.dst, pgProc, 26000, "function", "app", "f(integer)") }, with: "B164"},
	{rule: "a function, and another's of its name", body: "ALTER FUNCTION app.f(int) RENAME TO g", edit: func(w *world) {
		plainRole(w.dst)
		object(w.dst, pgProc, 26000, "function", "app", "f(integer)").Owner = "app_role"
		object(w.dst, pgProc, 26001, "function", "app", "f(text)")
	}, with: "B164"},
	{rule: "another's sequence", body: "ALTER SEQUENCE public.orders_id_seq RESTART", code: "B183", severity: planner.Refusal, at: atCommand, remedy: "does not own public.orders_id_seq",
		edit: func(w *world) {
			plainRole(w.dst)
			relation(w.dst, 70108, "public", "orders_id_seq", catalog.Sequence).IsOwner = false
		}, with: "B164"},
	{rule: "partitions, each by itself, beside others", body: "REINDEX TABLE public.orders; COMMENT ON TABLE public.orders IS 'x'", code: "B178", severity: planner.Refusal, at: atCommand, remedy: "block of its own",
		edit: func(w *world) { find(w.src, 20100).Kind = catalog.Partitioned }, with: "B133"},
	{rule: "a table that another block drops", body: "ALTER TABLE public.lines ADD COLUMN n int", code: "B184", severity: planner.Refusal, at: atCommand, remedy: "the source has no table public.lines",
		edit: func(w *world) { w.block("before", "DROP TABLE public.lines") }},
	{rule: "an index, and its table", body: "DROP INDEX public.orders_pkey"},
	{rule: "a table that the target lacks", body: "ALTER TABLE other.audit ADD COLUMN n int", code: "B184", severity: planner.Refusal, at: atCommand, remedy: "Take mirror.app out of mirrors, or select the table",
		edit: func(w *world) {
			w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\nexclude = [\"other.*\"]\n", 1)
			table(w.src, 25000, "other", "audit", "id")
		}},
	{rule: "a table that the plan adds", body: "ALTER TABLE public.news ADD COLUMN n int", edit: func(w *world) { table(w.src, 25000, "public", "news", "id") }},
	{rule: "a table that is called otherwise", body: addColumn, code: "B185", severity: planner.Refusal, at: atCommand, remedy: "is called attic.old",
		edit: blocked("table \"public.orders\" {\ntarget = \"attic.old\"\n}"), with: "B134"},
	{rule: "a table without all its columns", body: addColumn, code: "B185", severity: planner.Warning, at: atCommand, remedy: "names one of exclude_columns fails",
		edit: blocked("table \"public.orders\" {\nexclude_columns = [\"note\"]\n}"), with: "B134"},
	{rule: "a table block under the old name", body: "ALTER TABLE public.orders RENAME TO purchases", code: "B185", severity: planner.Refusal, at: atCommand, remedy: "Rename the table block",
		edit: blocked("table \"public.orders\" {\nexclude_columns = []\n}")},
	{rule: "a trigger that fires for writers alone", body: onOrders},
	{rule: "a trigger that would fire for the stream", body: onOrders, code: "B164", severity: planner.Refusal, at: atCommand, remedy: "GRANT SET ON PARAMETER session_replication_role TO", edit: loud},
	{rule: "a trigger of a table that is not followed", body: onOrders, edit: func(w *world) {
		loud(w)
		w.ledger().Members = slices.DeleteFunc(w.ledger().Members, func(m catalog.LedgerMember) bool { return m.Name == "orders" })
	}},
	{rule: "a foreign key that would act for the stream", body: "ALTER TABLE public.lines ADD FOREIGN KEY (order_id) REFERENCES public.orders", code: "B164", severity: planner.Refusal, at: atCommand, remedy: "public.lines, public.orders", edit: loud},
	{rule: "a new table with one", body: "CREATE TABLE public.news (id int PRIMARY KEY, o bigint REFERENCES public.orders)", code: "B164", severity: planner.Refusal, at: atCommand, remedy: "public.news", edit: loud},
	{rule: "a trigger that is set to fire always", body: "ALTER TABLE public.orders ENABLE ALWAYS TRIGGER x", code: "B165", severity: planner.Warning, at: atCommand, remedy: "wrote on the source already"},
	{rule: "another mirror that follows the table", body: addColumn, code: "B186", severity: planner.Warning, at: atMirrors, remedy: "mirror.second follows public.orders too",
		edit: func(w *world) { w.second("") }, with: "B168"},
	{rule: "another mirror that does not", body: "ALTER TABLE public.lines ADD COLUMN n integer", edit: func(w *world) { w.second("tables = [\"public.orders\"]") }, with: "B168"},
	{rule: "another mirror, and an index", body: "CREATE INDEX n ON public.orders (note)", edit: func(w *world) { w.second("") }, with: "B168"},
	{rule: "another mirror that selects what is made", body: "CREATE TABLE public.news (id int PRIMARY KEY)", code: "B186", severity: planner.Warning, at: atMirrors, remedy: "mirror.second selects public.news too",
		edit: func(w *world) { w.second("") }, with: "B168"},
	{rule: "another mirror that does not select what is made", body: "CREATE TABLE public.news (id int PRIMARY KEY)", edit: func(w *world) { w.second("tables = [\"public.orders\"]") }, with: "B168"},
	{rule: "another mirror, of partitions", body: "ALTER TABLE public.m ADD COLUMN n int", code: "B186", severity: planner.Warning, at: atMirrors, remedy: "mirror.second follows public.m too",
		edit: func(w *world) { parted(w); w.second("tables = [\"public.m\", \"public.orders\"]") }, with: "B168"},
	{rule: "another mirror, and a schema", body: "ALTER SCHEMA public RENAME TO shop", code: "B186", severity: planner.Warning, at: atMirrors, remedy: "mirror.second follows public.lines, public.orders too",
		edit: func(w *world) { w.second("") }, with: "B168"},
	{rule: "another mirror, and a type", body: "ALTER TYPE app.mood ADD VALUE 'fine'", code: "B186", severity: planner.Warning, at: atMirrors, remedy: "mirror.second follows public.orders too",
		edit: func(w *world) {
			w.second("")
			typed("app.mood[]")(w)
			find(w.dst, 70100).Columns[1].Type = "app.mood[]"
		}, with: "B168"},
	{rule: "a table for publications of others", body: "CREATE TABLE public.news (id int PRIMARY KEY)", code: "B187", severity: planner.Refusal, at: atCommand, remedy: "ALTER PUBLICATION mine ADD TABLE",
		edit: func(w *world) {
			w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\nstream {\npublications = [\"mine\"]\n}\n", 1)
		}, with: "B163"},
	{rule: "a table that is not selected", body: "CREATE TABLE other.news (id int PRIMARY KEY)", code: "B188", severity: planner.Warning, at: atCommand, remedy: "have tables of mirror.app select other.news",
		edit: only("public.*")},
	{rule: "a table that is renamed to a name that is not selected", body: "ALTER TABLE public.orders SET SCHEMA other", code: "B188", severity: planner.Warning, at: atCommand, remedy: "the next apply takes it out",
		edit: only("public.*")},
	{rule: "a table that is renamed to a name that is", body: "ALTER TABLE public.orders SET SCHEMA other", edit: only("public.lines", "other.*")},
}

const onOrders = "CREATE TRIGGER x AFTER INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.f()"

// loud has the mirror stream without session_replication_role, and leaves it out of the
// plan.
func loud(w *world) {
	w.targets = []string{"ddl.x"}
	w.ledger().Stream.Settings = strings.Replace(w.ledger().Stream.Settings, `"replica_role":true`, `"replica_role":false`, 1)
}

// only has the mirror's tables be these.
func only(tables ...string) func(w *world) {
	return func(w *world) {
		w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\ntables = [\""+strings.Join(tables, `", "`)+"\"]\n", 1)
	}
}

// blocked puts a table block into the mirror.
func blocked(text string) func(w *world) {
	return func(w *world) {
		w.hcl = strings.Replace(w.hcl, "target     = peer.b\n", "target     = peer.b\n"+text+"\n", 1)
	}
}

var standingFindings = []finding{
	{rule: "edited", body: addColumn, code: "B189", severity: planner.Refusal, at: atCommand, remedy: "add a new ddl block",
		edit: func(w *world) {
			w.knows(state.Ready, "ddl.x", "ALTER TABLE public.orders ADD COLUMN n int", "mirror.app")
		}},
	{rule: "named later", body: addColumn, code: "B190", severity: planner.Refusal, at: atMirrors, remedy: "mirrors = [mirror.app] and ran_on_source = true",
		edit: func(w *world) { w.knows(state.Ready, "ddl.x", addColumn, "mirror.other") }},
	{rule: "ran on the source of a new mirror", code: "B190", severity: planner.Refusal, at: "ran_on_source", remedy: "take the block out", edit: func(w *world) {
		w.live["peer.b"].Ledger, w.state.Resources, *w.dst = &catalog.Ledger{}, nil, *empty()
		w.live["peer.a"].Slots = nil
		w.block("x", addColumn, "ran_on_source = true")
	}},
	{rule: "paused", body: addColumn, code: "B191", severity: planner.Refusal, at: atMirrors, remedy: "paused = false",
		edit: blocked("paused = true"), with: "B169"},
	{rule: "not there, and not in the plan", body: addColumn, code: "B191", severity: planner.Refusal, at: atMirrors, remedy: "-target='mirror.app'",
		edit: func(w *world) {
			w.live["peer.b"].Ledger, w.state.Resources, w.targets = &catalog.Ledger{}, nil, []string{"ddl.x"}
		}},
	{rule: "halted by a shape", body: addColumn, code: "B191", severity: planner.Warning, at: atMirrors, remedy: "set ran_on_source = true",
		edit: halted(catalog.LedgerHalt{Code: "shape", Text: "no column n"})},
	{rule: "halted by a shape, which it mends", edit: func(w *world) {
		halted(catalog.LedgerHalt{Code: "shape", Text: "no column n", Terminal: true})(w)
		w.block("x", addColumn, "ran_on_source = true")
	}},
	{rule: "halted by a row", body: addColumn, code: "B191", severity: planner.Warning, at: atMirrors, remedy: "Apply tries that again", edit: halted(catalog.LedgerHalt{Code: "23505", Text: "duplicate key"})},
	{rule: "halted for good", code: "B191", severity: planner.Refusal, at: atMirrors, remedy: "Copy it again.", with: "B173", edit: func(w *world) {
		halted(catalog.LedgerHalt{Code: "gone", Text: "no slot", Terminal: true, Remedy: "copy it again"})(w)
		w.block("x", addColumn)
	}},
	{rule: "halted by itself", body: addColumn, edit: func(w *world) {
		halted(catalog.LedgerHalt{Code: "42501", Text: "ddl.x: must be owner"})(w)
		w.has("peer.b", on("begun", "ddl.x", addColumn))
	}},
	{rule: "what it depends on is left out", code: "B192", severity: planner.Refusal, at: "depends_on", remedy: "-target or -exclude", edit: func(w *world) {
		w.block("first", addColumn)
		w.block("x", addOther, "depends_on = [ddl.first]")
		w.targets = []string{"ddl.x"}
	}},
	{rule: "what it depends on has run", edit: func(w *world) {
		w.block("first", addColumn)
		w.block("x", addOther, "depends_on = [ddl.first]")
		w.knows(state.Ready, "ddl.first", addColumn, "mirror.app")
		w.targets = []string{"ddl.x"}
	}},
	{rule: "taken out on its way", code: "B193", severity: planner.Refusal, remedy: "Put the block back", edit: func(w *world) {
		w.knows(state.Creating, "ddl.x", addColumn, "mirror.app")
		w.has("peer.b", on("begun", "ddl.x", addColumn))
	}},
	{rule: "tables names one that a block makes", body: "CREATE TABLE billing.invoices (id int PRIMARY KEY)", code: "B110", severity: planner.Notice, at: "tables =", remedy: "about to make one",
		edit: func(w *world) {
			w.live["peer.b"].Ledger, w.state.Resources, *w.dst = &catalog.Ledger{}, nil, *empty()
			w.live["peer.a"].Slots = nil
			only("public.*", "billing.invoices")(w)
		}},
	{rule: "a table block of one that a block makes", body: "CREATE TABLE public.news (id int PRIMARY KEY)", code: "B111", severity: planner.Notice, at: `table "public.news"`, remedy: "about to make it",
		edit: blocked("table \"public.news\" {\nreplica_identity = \"full\"\n}")},
}

func halted(h catalog.LedgerHalt) func(w *world) {
	return func(w *world) { w.ledger().Stream.Halt = &h }
}
