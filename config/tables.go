package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"bascule/config/pgname"
)

// patterns reads a list of patterns of tables.
func (r *reader) patterns(name string) []Pattern {
	var all []Pattern
	items := r.items(name)
	if attr := r.attrs[name]; name == "tables" && items != nil && len(items) == 0 {
		r.l.errorAt(attr.Expr.Range(), "Empty list", "tables has no pattern. Take it out, or set it to null, to carry every table.")
	}
	for _, i := range items {
		if _, err := qualified(i.text); err != nil {
			r.l.errorAt(i.at, "Invalid pattern", "%q selects no table: %s", i.text, sentence(err))
			continue
		}
		all = append(all, Pattern{Text: i.text, Range: i.at})
	}
	return all
}

// sentence is the text of an error with the mark that ends it.
func sentence(err error) string {
	text := err.Error()
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// tables reads the table blocks of a mirror, in file order. Blocks with a wrong
// label are left out.
func (l *loader) tables(r *reader, blocks hcl.Blocks) []*TableBlock {
	var all []*TableBlock
	for _, b := range blocks.OfType("table") {
		schema, name, err := ParseTable(b.Labels[0])
		if err != nil {
			l.errorAt(b.LabelRanges[0], "Invalid table", "%q is no table: %s", b.Labels[0], sentence(err))
			continue
		}
		t := &TableBlock{Schema: schema, Name: name, TargetSchema: schema, TargetName: name, Range: b.DefRange}
		l.table(r.block("table."+pgname.Shown(schema, name), b, tableSchema), t)
		all = append(all, t)
	}
	return all
}

func (l *loader) table(r *reader, t *TableBlock) {
	if target := r.text("target", ""); target != "" {
		l.target(r, t, target)
	}
	seen := map[string]bool{}
	for _, column := range r.items("exclude_columns") {
		if seen[column.text] {
			l.errorAt(column.at, "Duplicate column", "Column %q is in exclude_columns twice.", column.text)
		}
		if column.text == "" {
			l.errorAt(column.at, "Invalid value", "The name of a column is empty.")
		}
		seen[column.text] = true
		t.ExcludeColumns = append(t.ExcludeColumns, column.text)
	}
	t.Where = strings.TrimSpace(r.text("where", ""))
	if attr := r.attrs["where"]; attr != nil && t.Where == "" && !r.wrong[r.prefix+"where"] {
		l.errorAt(attr.Expr.Range(), "Invalid value", "where is empty. Take it out to carry every row.")
	}
	if attr := r.attrs["replica_identity"]; attr != nil {
		identity := r.text("replica_identity", "")
		if index, ok := strings.CutPrefix(identity, "index:"); identity != "" && identity != "full" && (!ok || index == "") {
			l.errorAt(attr.Expr.Range(), "Invalid value", "replica_identity is \"full\" or \"index:NAME\".")
			identity = ""
		}
		t.ReplicaIdentity = identity
	}
}

// target sets where a table goes.
func (l *loader) target(r *reader, t *TableBlock, target string) {
	at := r.attrs["target"].Expr.Range()
	schema, name, err := ParseTable(target)
	switch {
	case err != nil:
		l.errorAt(at, "Invalid table", "%q is no table: %s", target, sentence(err))
	case schema == "bascule" || schema == "information_schema" || strings.HasPrefix(schema, "pg_"):
		l.errorAt(at, "Invalid target", "Schema %s is reserved.", schema)
	default:
		t.TargetSchema, t.TargetName = schema, name
	}
}

// checkTables checks the table blocks of a mirror against each other and against
// what the mirror selects.
func (l *loader) checkTables(m *Mirror) {
	sources, targets := map[string]*TableBlock{}, map[string]*TableBlock{}
	for _, t := range m.Blocks {
		source := pgname.Shown(t.Schema, t.Name)
		if first := sources[source]; first != nil {
			l.errorAt(t.Range, "Duplicate table", "%s has a block for %s already, at %s.", m.Address, source, first.Range)
			continue
		}
		sources[source] = t
		target := pgname.Shown(t.TargetSchema, t.TargetName)
		if first := targets[target]; first != nil {
			l.errorAt(t.Range, "Two tables into one", "%s is the target of %s already, at %s.",
				target, pgname.Shown(first.Schema, first.Name), first.Range)
		}
		targets[target] = t
		if why := m.leavesOut(t); why != "" {
			l.errorAt(t.Range, "Table left out", "%s is not in the mirror: %s.", source, why)
		}
	}
}

// leavesOut says why the patterns of the mirror do not select a block's table.
func (m *Mirror) leavesOut(t *TableBlock) string {
	for _, p := range m.Exclude {
		if p.Match(t.Schema, t.Name) {
			return fmt.Sprintf("exclude has %q", p.Text)
		}
	}
	for _, p := range m.Tables {
		if p.Match(t.Schema, t.Name) {
			return ""
		}
	}
	if len(m.Tables) > 0 {
		return "no pattern of tables selects it"
	}
	return ""
}
