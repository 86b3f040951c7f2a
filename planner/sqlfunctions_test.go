package planner_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed are the functions that SQL under planner/ may call, all of pg_catalog. A
// read-only transaction is no wall: slots can be dropped, messages emitted, large
// objects removed and sessions ended inside one. What is added here must change
// nothing: no slot, no sequence, no session, no file, no lock that outlives a query.
// set_config is here for our own session's settings, pg_export_snapshot because what it
// makes ends with its transaction.
var allowed = strings.Fields(`
	acldefault aclexplode array_agg bool_or clock_timestamp count current_database current_setting format format_type has_database_privilege
	has_function_privilege has_parameter_privilege has_schema_privilege has_table_privilege hashtext hashtextextended host left now
	jsonb_array_elements obj_description oidvectortypes pg_backend_pid pg_blocking_pids pg_control_system pg_current_wal_lsn pg_database_collation_actual_version pg_encoding_to_char
	pg_export_snapshot pg_get_constraintdef pg_get_expr pg_get_indexdef pg_get_publication_tables pg_get_userbyid pg_has_role
	pg_is_in_recovery pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_relation_size pg_table_size pg_wal_lsn_diff quote_ident quote_literal regexp_replace replace row_security_active set_config shobj_description
	split_part sum to_jsonb to_regclass unnest version
`)

// shown are functions that steps of a plan name and that only executor/ calls.
var shown = strings.Fields(`
	pg_catalog.pg_replication_origin_advance pglogical.create_subscription pglogical.alter_subscription_add_replication_set
	pglogical.alter_subscription_enable pglogical.drop_subscription pglogical.create_node pglogical.drop_node
	pglogical.replication_set_add_table pglogical.replication_set_remove_table pglogical.replicate_ddl_command
`)

// trial is the one statement that writes: how servers get to each other is tried by it, in
// a transaction that session.Reach.Try rolls back.
var trial = sqlString{at: "session/try.go", text: "create subscription unknown connection ", runs: true}

func TestSQLCallsOnlyAllowedFunctions(t *testing.T) {
	for _, s := range sqlStrings(t, ".") {
		for _, problem := range objections(s.text) {
			if !s.runs && slices.Contains(shown, problem.function) {
				continue
			}
			t.Errorf("%s: %s", s.at, problem)
		}
		if file, _, _ := strings.Cut(s.at, ":"); file == trial.at && s.text == trial.text {
			continue
		}
		if s.runs && writes(s.text) {
			t.Errorf("%s: a statement that writes, in the tree that only reads: %s", s.at, s.text)
		}
	}
}

// The checker itself: what it finds in SQL, and what it leaves alone.
func TestObjections(t *testing.T) {
	for _, tc := range []struct{ name, sql, want string }{
		{"allowed", "select pg_catalog.count(*) from pg_catalog.pg_class c", ""},
		{"slot", "select pg_catalog.pg_drop_replication_slot($1)", "pg_catalog.pg_drop_replication_slot"},
		{"large object", "select pg_catalog.lo_unlink(1)", "pg_catalog.lo_unlink"},
		{"message", "select 1 where (pg_catalog.pg_logical_emit_message(true, 'a', 'b')) is null", "pg_catalog.pg_logical_emit_message"},
		{"sequence", "select a.b from a, lateral pg_catalog.setval('s', 1)", "pg_catalog.setval"},
		{"session", "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity", "pg_catalog.pg_terminate_backend"},
		{"unqualified", "select count(*)", "count"},
		{"of another schema", "select public.count(*)", "public.count"},
		{"quoted", `select "pg_catalog" . "lo_unlink" (1)`, "pg_catalog.lo_unlink"},
		{"quoted, another case", `select pg_catalog."Count"(1)`, "pg_catalog.Count"},
		{"upper case", "SELECT PG_CATALOG.LO_UNLINK(1)", "pg_catalog.lo_unlink"},
		{"comment between", "select pg_catalog.lo_unlink /* ( */ -- (\n (1)", "pg_catalog.lo_unlink"},
		{"after NOT, DISTINCT, THEN", "select distinct a(1), not b(1), case when x then c(1) end", "a b c"},
		{"after an operator by name", "select 1 operator(pg_catalog.=) f(1)", "f"},
		{"nested", "select pg_catalog.count(pg_catalog.nextval('s'))", "pg_catalog.nextval"},
		{"code in dollar quotes", "do $x$ begin perform pg_catalog.setval('s', 1); end $x$", "pg_catalog.setval"},
		{"made by fmt", "select %s(1) from %s f(1)", "s f"},
		{"glued from an unknown part", "select pg_catalog." + unknown + "(1)", "pg_catalog." + unknown},
		{"in a string", `select 'lo_unlink(1)', E'it\'s f(1)', U&'g(1)', 'it''s h(1)'`, ""},
		{"in a comment", "select 1 -- f(1)\n/* g(1) */", ""},
		{"keywords", "select coalesce(a, nullif(b, c)), array(select 1), exists (select 1) from a where b in (1) and (c = any($1))", ""},
		{"a type", "select a::pg_catalog.numeric(10,2), cast(a as varchar(20))", ""},
		{"a list of columns", "select 1 from pg_catalog.unnest($1) with ordinality u(a, n), (values (1)) v(x), b as c(y)", ""},
	} {
		var got []string
		for _, o := range objections(tc.sql) {
			got = append(got, o.function)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestWrites(t *testing.T) {
	for sql, want := range map[string]bool{
		"select 1 from a for update":                     false,
		"with a as (delete from b returning c) select c": true,
		"DROP table a":      true,
		"begin; truncate a": true,
		"set transaction isolation level repeatable read":    false,
		"select pg_catalog.has_table_privilege(a, 'UPDATE')": false,
	} {
		if got := writes(sql); got != want {
			t.Errorf("%s: %v", sql, got)
		}
	}
}

// objection is a call that is not allowed.
type objection struct{ function string }

func (o objection) String() string {
	if bare := strings.TrimPrefix(o.function, "pg_catalog."); slices.Contains(allowed, bare) {
		return "call it pg_catalog." + bare
	}
	return o.function + " is not on the list of allowed functions"
}

func objections(sql string) []objection {
	var out []objection
	for _, function := range calls(sql) {
		bare, ours := strings.CutPrefix(function, "pg_catalog.")
		if !ours || !slices.Contains(allowed, bare) {
			out = append(out, objection{function})
		}
	}
	return out
}

// sqlString is a string of the program that looks like SQL.
type sqlString struct {
	at, text string
	runs     bool // its package can run it
}

// sqlStrings finds the SQL in all packages below a folder. Tests and pgtest are none
// of the program.
func sqlStrings(t *testing.T, root string) []sqlString {
	t.Helper()
	var found []sqlString
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "pgtest" || d.Name() == "testdata" {
			return filepath.SkipDir
		}
		found = append(found, folderStrings(t, path)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func folderStrings(t *testing.T, dir string) []sqlString {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	runs := false
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		for _, spec := range f.Imports {
			runs = runs || strings.Contains(spec.Path.Value, "/pgx/")
		}
	}
	var found []sqlString
	for _, f := range files {
		for at, text := range literals(fset, f) {
			if looksLikeSQL.MatchString(text) {
				found = append(found, sqlString{at, text, runs})
			}
		}
	}
	return found
}

// looksLikeSQL tells SQL from English, where "select the table" is rare and "create
// the database" is not.
var looksLikeSQL = regexp.MustCompile(`(?is)\bpg_catalog\b|\bselect\s|\b(pg|lo)_\w+\(|\b(setval|nextval|dblink)\(|` +
	`^\s*((create|alter|drop)( or replace)? (unique )?(table|schema|index|view|sequence|type|function|role|user|database|publication|subscription|extension|trigger|event|system)\b` +
	`|insert into |update \S+ set |delete from |truncate |lock table |copy \S+ (from|to) |call \S+\(|do \$|with \S+ as |set \S+ (=|to) |grant \S+ on |vacuum)`)

// literals returns the strings of a file. Strings joined with + are one; what is
// joined to them and is no literal becomes the name unknown.
func literals(fset *token.FileSet, f *ast.File) map[string]string {
	out := make(map[string]string)
	ast.Inspect(f, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := literalText(e)
		if ok {
			p := fset.Position(e.Pos())
			out[p.Filename+":"+strconv.Itoa(p.Line)+":"+strconv.Itoa(p.Column)] = text
		}
		return !ok
	})
	return out
}

// unknown stands for a part of a string that only the running program knows.
const unknown = "unknown"

func literalText(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.ParenExpr:
		return literalText(e.X)
	case *ast.BinaryExpr:
		left, okLeft := literalText(e.X)
		right, okRight := literalText(e.Y)
		if e.Op != token.ADD || !okLeft && !okRight {
			return "", false
		}
		if !okLeft {
			left = unknown
		}
		if !okRight {
			right = unknown
		}
		return left + right, true
	}
	return "", false
}
