package planner_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bascule/planner"
	"bascule/planner/catalog"
)

// finding is one case. With a code, the plan has that finding, and besides it only
// those named in with; it points to the line of the file that holds at, and its remedy
// holds remedy. Without a code the plan has none.
type finding struct {
	rule, body string
	edit       func(w *world)

	code, severity, at, remedy string
	with                       string
}

const (
	atMirror = `mirror "app"`
	atSource = "source     = peer.a"
	atTarget = "target     = peer.b"
)

func TestFindings(t *testing.T) {
	for _, c := range slices.Concat(peerFindings, selectionFindings, sourceFindings, serverFindings, rightsFindings, existingFindings, ownSchemaFindings) {
		t.Run(c.rule, func(t *testing.T) {
			w := newWorld(c.body)
			if c.edit != nil {
				c.edit(w)
			}
			p := w.plan(t)
			p.Findings = slices.DeleteFunc(p.Findings, func(f planner.Finding) bool { return f.Code == c.with })
			if len(p.Findings) != min(1, len(c.code)) {
				t.Fatalf("%d findings: %+v", len(p.Findings), p.Findings)
			}
			if c.code == "" {
				return
			}
			f := p.Findings[0]
			if f.Code != c.code || f.Severity != c.severity || !strings.Contains(f.Detail, c.remedy) {
				t.Errorf("%s %s %q\n%s\nwant %s %s %q", f.Code, f.Severity, f.Summary, f.Detail, c.code, c.severity, c.remedy)
			}
			if line := lineOf(w.hcl, f); !strings.Contains(line, c.at) || c.at == "" && f.File != "" {
				t.Errorf("%s:%d is %q, want %q", f.File, f.Line, line, c.at)
			}
			if (f.Severity == planner.Refusal) != p.Refused() || p.Refused() != (p.ExitCode() != 0) {
				t.Errorf("refused %v, exit code %d", p.Refused(), p.ExitCode())
			}
			if want := f.Code == "B104" || f.Code == "B144"; want != (p.ExitCode() == 4) {
				t.Errorf("exit code %d", p.ExitCode())
			}
		})
	}
}

func lineOf(hcl string, f planner.Finding) string {
	lines := strings.Split(hcl, "\n")
	if f.Line < 1 || f.Line > len(lines) {
		return ""
	}
	return lines[f.Line-1]
}

var peerFindings = []finding{
	{rule: "unreachable", code: "B101", severity: planner.Refusal, at: `peer "a"`, remedy: "Start it.",
		edit: func(w *world) { w.live["peer.a"].Err = hinted{} }},
	{rule: "unreachable without a hint", code: "B101", severity: planner.Refusal, at: `peer "b"`, remedy: "Nothing is planned for what needs it.",
		edit: func(w *world) { w.live["peer.b"].Err = errors.New("x") }},
	{rule: "the same database", code: "B103", severity: planner.Refusal, at: atTarget, remedy: "system identifier 7001",
		edit: func(w *world) { w.dst.Identity = w.src.Identity }},
	{rule: "a copy of the server, another database", edit: func(w *world) { w.dst.Identity = w.src.Identity; w.dst.Identity.Name = "copy" }},
	{rule: "unknown system identifiers, another way there", edit: func(w *world) {
		w.src.Identity.SystemIdentifier, w.dst.Identity.SystemIdentifier = "", ""
	}},
	{rule: "unknown system identifiers, the same way there", code: "B103", severity: planner.Refusal, at: atTarget, remedy: "not known to the role",
		edit: func(w *world) {
			w.src.Identity.SystemIdentifier, w.dst.Identity.SystemIdentifier = "", ""
			w.live["peer.b"].Endpoint = w.live["peer.a"].Endpoint
		}},
	{rule: "no source database", code: "B106", severity: planner.Refusal, at: `peer "a"`, remedy: "Correct the database of the peer.",
		edit: func(w *world) { w.live["peer.a"].Missing = true }},
	{rule: "no target database", code: "B107", severity: planner.Refusal, at: `peer "b"`, remedy: "create_database = true",
		edit: func(w *world) { w.live["peer.b"].Missing = true }},
	{rule: "no such address", code: "B108", severity: planner.Refusal, remedy: "Did you mean mirror.app?",
		edit: func(w *world) { w.excludes = []string{"mirror.ap"} }},
	{rule: "nothing like that address", code: "B108", severity: planner.Refusal, remedy: "-target or -exclude",
		edit: func(w *world) { w.excludes = []string{"ddl.something_else"} }},
}

type hinted struct{}

func (hinted) Error() string { return "connect: refused" }
func (hinted) Hint() string  { return "start it" }

var selectionFindings = []finding{
	{rule: "tables matches nothing", body: `tables = ["public.*", "public.ordres"]`, code: "B110", severity: planner.Refusal, at: "ordres", remedy: "Did you mean public.orders?"},
	{rule: "exclude matches nothing, and nothing is like it", body: `exclude = ["audit.everything_*"]`, code: "B110", severity: planner.Refusal, at: "audit", remedy: "Correct or remove the pattern."},
	{rule: "no such table", body: "table \"public.order\" {\nwhere = \"true\"\n}", code: "B111", severity: planner.Refusal, at: `table "public.order"`, remedy: "Did you mean public.orders?"},
	{rule: "a block for a view", body: "table \"public.recent\" {\nwhere = \"true\"\n}", code: "B111", severity: planner.Refusal, at: `table "public.recent"`, remedy: "names one table of the source"},
	{rule: "no such column", body: "table \"public.orders\" {\nexclude_columns = [\"raw\"]\n}", code: "B112", severity: planner.Refusal, at: `table "public.orders"`, remedy: "Correct exclude_columns."},
	{rule: "a block for a table that is an extension's", body: "table \"public.lines\" {\nwhere = \"true\"\n}", code: "B113", severity: planner.Refusal, at: `table "public.lines"`, remedy: "remove the block",
		edit: func(w *world) { find(w.src, 20200).Extension = "ext" }},
	{rule: "what depends on an excluded table", body: `exclude = ["public.orders"]`, code: "B114", severity: planner.Warning, at: "exclude =", remedy: "Select what it needs"},
	{rule: "nothing depends on an excluded table", body: `exclude = ["public.li*"]`},
	{rule: "skip names nothing", body: `schema { skip = ["view:public.older"] }`, code: "B115", severity: planner.Warning, at: "skip =", remedy: "Correct or remove the entry."},
	{rule: "skip of a kind that is not there", body: `schema { skip = ["trigger"] }`},
	{rule: "skip names something", body: `schema { skip = ["view:public.rec*"] }`},
	{rule: "skip_extensions names nothing", body: `schema { skip_extensions = ["pg_corn"] }`, code: "B115", severity: planner.Warning, at: "skip_extensions", remedy: "nothing of that kind and name"},
}

var sourceFindings = []finding{
	{rule: "no primary key", code: "B102", severity: planner.Notice, at: atMirror, remedy: "copied whole",
		edit: func(w *world) { find(w.src, 20200).HasPrimaryKey = false }},
	{rule: "no pg_dump", code: "B120", severity: planner.Refusal, at: atSource, remedy: "pg_dump 15 or newer",
		edit: func(w *world) { w.live["peer.a"].Dump = planner.DumpProgram{} }},
	{rule: "no pg_dump is needed", body: "schema { copy = false }", edit: func(w *world) {
		w.live["peer.a"].Dump = planner.DumpProgram{}
		table(w.dst, 30100, "public", "orders", "id", "note")
		table(w.dst, 30200, "public", "lines", "id", "order_id")
	}},
	{rule: "an old pg_dump", code: "B121", severity: planner.Refusal, at: atSource, remedy: "/bin/pg_dump",
		edit: func(w *world) { w.live["peer.a"].Dump.Version = 14 }},
	{rule: "a pg_dump of the server's version", edit: func(w *world) { w.live["peer.a"].Dump.Version = 15 }},
	{rule: "row security", code: "B129", severity: planner.Refusal, at: atSource, remedy: "ALTER ROLE app_role BYPASSRLS",
		edit: func(w *world) {
			plainRole(w.src)
			find(w.src, 20100).RowSecurity, find(w.src, 20100).IsOwner = true, false
		}},
	{rule: "row security does not bind an owner", edit: func(w *world) { plainRole(w.src); find(w.src, 20100).RowSecurity = true }},
	{rule: "forced row security does", code: "B129", severity: planner.Refusal, at: atSource, remedy: "BYPASSRLS",
		edit: func(w *world) {
			plainRole(w.src)
			find(w.src, 20100).RowSecurity, find(w.src, 20100).ForceRowSecurity = true, true
		}},
	{rule: "row security is passed by", edit: func(w *world) {
		plainRole(w.src)
		w.src.Role.BypassRLS, find(w.src, 20100).RowSecurity, find(w.src, 20100).IsOwner = true, true, false
	}},
	{rule: "a table that may not be read", code: "B130", severity: planner.Refusal, at: atSource, remedy: "SELECT on them TO migrator",
		edit: func(w *world) { find(w.src, 20100).CanSelect = false }},
	{rule: "a partitioned table that may not be locked", code: "B130", severity: planner.Refusal, at: atSource, remedy: "SELECT on them",
		edit: func(w *world) { partitioned(w.src, 20100, 20200); find(w.src, 20100).CanSelect = false }},
	{rule: "a sequence that may not be read", code: "B130", severity: planner.Refusal, at: atSource, remedy: "SELECT on them TO migrator",
		edit: func(w *world) { find(w.src, 20108).CanSelect = false }},
	{rule: "a schema that may not be used", code: "B130", severity: planner.Refusal, at: atSource, remedy: "GRANT USAGE on their schemas",
		edit: func(w *world) {
			table(w.src, 21000, "closed", "t", "id")
			w.src.Schemas[1].CanUse = false
		}},
	{rule: "large objects", code: "B131", severity: planner.Notice, at: atMirror, remedy: "keep their oids",
		edit: func(w *world) { w.src.LargeObjects = catalog.LargeObjects{Count: 2} }},
	{rule: "large objects that may not be read", code: "B131", severity: planner.Refusal, at: atSource, remedy: `skip = ["large_object"]`,
		edit: func(w *world) { w.src.LargeObjects = catalog.LargeObjects{Count: 2, Unreadable: 1} }},
	{rule: "large objects are skipped", body: `schema { skip = ["large_object"] }`, edit: func(w *world) { w.src.LargeObjects = catalog.LargeObjects{Count: 2, Unreadable: 1} }},
	{rule: "a foreign table", code: "B136", severity: planner.Notice, at: atMirror, remedy: "on another server",
		edit: func(w *world) { relation(w.src, 21000, "public", "far", catalog.Foreign, "id") }},
	{rule: "an unlogged table on a standby", code: "B137", severity: planner.Refusal, at: atMirror, remedy: "name the primary",
		edit: func(w *world) { w.src.InRecovery = true; find(w.src, 20100).Persistence = 'u' }},
	{rule: "an unlogged table on a primary", edit: func(w *world) { find(w.src, 20100).Persistence = 'u' }},
	{rule: "a publication", code: "B142", severity: planner.Notice, at: atMirror, remedy: "when it takes over",
		edit: func(w *world) { object(w.src, 6104, 21000, "publication", "", "pub") }},
	{rule: "security labels", code: "B146", severity: planner.Notice, at: atMirror, remedy: "skipped, with a note",
		edit: func(w *world) { w.src.SecurityProviders = []string{"selinux"} }},
	{rule: "temporary tables", code: "B152", severity: planner.Notice, at: atMirror, remedy: "ends with it",
		edit: func(w *world) { w.src.Temporary = 2 }},
	{rule: "an empty source", code: "B151", severity: planner.Warning, at: atMirror, remedy: "no table",
		edit: func(w *world) { *w.src = *empty(); w.src.Identity.OID = 9 }},
	{rule: "a small lock table", code: "B141", severity: planner.Warning, at: atSource, remedy: "max_locks_per_transaction",
		edit: func(w *world) {
			w.src.Params["max_locks_per_transaction"] = "1"
			for i := range uint32(40) {
				table(w.src, 22000+10*i, "public", "t"+strconv.Itoa(int(i)), "id")
			}
		}},
}

var serverFindings = []finding{
	{rule: "another encoding", code: "B127", severity: planner.Warning, at: atTarget, remedy: "Text is converted.",
		edit: func(w *world) { w.dst.Encoding = "LATIN1" }},
	{rule: "text of no known encoding", code: "B127", severity: planner.Refusal, at: atTarget, remedy: "ENCODING 'SQL_ASCII'",
		edit: func(w *world) { w.src.Encoding = "SQL_ASCII" }},
	{rule: "a target that does not check text", code: "B127", severity: planner.Warning, at: atTarget, remedy: "stored there as UTF-8",
		edit: func(w *world) { w.dst.Encoding = "SQL_ASCII" }},
	{rule: "another collation", code: "B128", severity: planner.Warning, at: atTarget, remedy: "create_database = true",
		edit: func(w *world) { w.dst.Collate = "C" }},
	{rule: "another provider", code: "B128", severity: planner.Warning, at: atTarget, remedy: "sorts and compares differently",
		edit: func(w *world) { w.dst.LocaleProvider, w.dst.ICULocale = "i", "en-US" }},
	{rule: "another spelling of a collation", edit: func(w *world) { w.dst.Collate, w.dst.CType = "en_US.utf8", "en_US.utf8" }},
	{rule: "under ICU the C library's locale does not matter", edit: func(w *world) {
		for _, db := range []*catalog.Database{w.src, w.dst} {
			db.LocaleProvider, db.ICULocale = "i", "de"
		}
		w.dst.Collate, w.dst.CType = "C", "C"
	}},
	{rule: "another version of the collation", code: "B128", severity: planner.Notice, at: atTarget, remedy: "built anew",
		edit: func(w *world) { w.src.ActualCollationVersion, w.dst.ActualCollationVersion = "2.36", "2.31" }},
	{rule: "a collation that changed under the source", code: "B128", severity: planner.Warning, at: atSource, remedy: "REINDEX",
		edit: func(w *world) { w.src.CollationVersion, w.src.ActualCollationVersion = "2.31", "2.36" }},
	{rule: "little room", code: "B135", severity: planner.Warning, at: atTarget, remedy: "Make room first",
		edit: func(w *world) { w.live["peer.b"].Free = 1 << 20 }},
	{rule: "room for the tables alone", code: "B135", severity: planner.Warning, at: atTarget, remedy: "Make room first",
		edit: func(w *world) { w.live["peer.b"].Free, find(w.src, 20100).IndexBytes = 4<<20, 8<<20 }},
	{rule: "enough room", edit: func(w *world) { w.live["peer.b"].Free = 1 << 30 }},
	{rule: "an older target", code: "B140", severity: planner.Warning, at: atTarget, remedy: "does not test this direction",
		edit: func(w *world) { w.dst.Version = catalog.Version{Num: 140012, Text: "14.12"} }},
	{rule: "a standby as target", code: "B143", severity: planner.Refusal, at: atTarget, remedy: "primary",
		edit: func(w *world) { w.dst.InRecovery = true }},
	{rule: "a newer ledger", code: "B145", severity: planner.Refusal, at: atTarget, remedy: "Use that build.",
		edit: func(w *world) { w.live["peer.b"].Ledger.Format = catalog.LedgerFormat + 1 }},
	{rule: "more workers than connections", body: "copy { workers = 30 }", code: "B149", severity: planner.Refusal, at: "workers", remedy: "Lower copy { workers }.",
		edit: func(w *world) { w.src.Params["max_connections"] = "20" }},
	{rule: "a role with few connections", code: "B149", severity: planner.Refusal, at: atMirror, remedy: "ALTER ROLE app_role CONNECTION LIMIT 6",
		edit: func(w *world) {
			plainRole(w.src)
			w.src.Roles = append(w.src.Roles, catalog.RoleFact{Name: "app_role", ConnLimit: 3})
		}},
	{rule: "a role with enough of them", edit: func(w *world) {
		plainRole(w.src)
		w.src.Roles = append(w.src.Roles, catalog.RoleFact{Name: "app_role", ConnLimit: 6})
	}},
	{rule: "a tablespace", code: "B123", severity: planner.Notice, at: atMirror, remedy: "tablespaces = {",
		edit: func(w *world) { find(w.src, 20100).Tablespace = "fast" }},
	{rule: "a tablespace that the target lacks", body: `schema { tablespaces = { fast = "nvme" } }`, code: "B123", severity: planner.Refusal, at: "tablespaces", remedy: "Create it there",
		edit: func(w *world) { find(w.src, 20100).Tablespace = "fast" }},
	{rule: "a tablespace that it has", body: `schema { tablespaces = { fast = "nvme" } }`, edit: func(w *world) {
		find(w.src, 20100).Tablespace = "fast"
		w.dst.Tablespaces = []string{"nvme"}
	}},
	{rule: "a tablespace of an excluded table", body: `exclude = ["public.lines"]`, edit: func(w *world) { find(w.src, 20200).Tablespace = "fast" }},
}

// codes reads the constants of findings.go.
func codes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "findings.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && regexp.MustCompile(`^"B\d{3}"$`).MatchString(lit.Value) {
			list = append(list, strings.Trim(lit.Value, `"`))
		}
		return true
	})
	slices.Sort(list)
	return list
}

func TestEveryCodeIsOfOneMeaningAndTested(t *testing.T) {
	all := codes(t)
	if len(all) < 40 || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("codes %v", all)
	}
	tested := []string{"B104", "B105", "B144", "B155", "B169", "B173", "B175", "B227", "B230", "B231", "B234", "B235"} // in TestMake and what is about streams, ways and sets
	streams := slices.Concat(decodingFindings, publishingFindings, followingFindings, applyingFindings)
	for _, c := range slices.Concat(streams, logFindings, subscriptionServer, subscriptionTables, textFindings, sideFindings, standingFindings, peerFindings, selectionFindings, sourceFindings, serverFindings, rightsFindings, existingFindings, ownSchemaFindings) {
		tested = append(tested, c.code)
	}
	for _, c := range pglogicalCases {
		tested = append(tested, strings.FieldsFunc(c.want, func(r rune) bool { return strings.ContainsRune(" .?!", r) })...)
	}
	for _, code := range all {
		if !slices.Contains(tested, code) {
			t.Errorf("%s has no test", code)
		}
	}
}

func TestEveryCodeIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile(`(?m)^\| (B\d{3}) \| ([a-z, ]+) \| (.+) \| (.+) \|$`).FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, row[1])
	}
	if want := codes(t); !slices.Equal(documented, want) {
		t.Errorf("documented %v\nwant       %v", documented, want)
	}
	if mentioned := regexp.MustCompile(`B\d{3}`).FindAllString(string(text), -1); fmt.Sprint(slices.Compact(slices.Sorted(slices.Values(mentioned)))) != fmt.Sprint(codes(t)) {
		t.Errorf("the document speaks of %v", mentioned)
	}
}
