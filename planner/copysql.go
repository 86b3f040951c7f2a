package planner

import (
	"cmp"
	"fmt"
	"strings"

	"bascule/config/pgname"
)

// SourceName is the table's quoted name on the source, and on the target while it
// is filled.
func (t *Table) SourceName() string { return pgname.Qualified(t.Schema, t.Name) }

// Renamed reports whether the table has another name on the target in the end.
func (t *Table) Renamed() bool { return t.TargetName != "" }

// FinalName returns schema and name on the target in the end.
func (t *Table) FinalName() (schema, name string) {
	return cmp.Or(t.TargetSchema, t.Schema), cmp.Or(t.TargetName, t.Name)
}

// Part is the range of blocks [First, Last) of part i of t.Parts, Last is -1 for no
// end.
func (t *Table) Part(i int) (first, last int64) {
	if i == t.Parts-1 {
		last = -1
	} else {
		last = t.Pages * int64(i+1) / int64(t.Parts)
	}
	return t.Pages * int64(i) / int64(t.Parts), last
}

// CopyOut is the statement that reads part i of the table on the source.
func (t *Table) CopyOut(i int) string {
	var conds []string
	before := ""
	switch {
	case len(t.Bounds) > 0:
		key := pgname.Quote(t.Key[0])
		if i > 0 {
			conds = append(conds, fmt.Sprintf("%s >= %d", key, t.Bounds[i-1]))
		}
		if i < len(t.Bounds) {
			conds = append(conds, fmt.Sprintf("%s < %d", key, t.Bounds[i]))
		}
		before = "set local enable_seqscan = off; " // a range is read by its index, whatever its share
	case t.Parts > 1:
		first, last := t.Part(i)
		if first > 0 {
			conds = append(conds, fmt.Sprintf("ctid >= '(%d,0)'", first))
		}
		if last >= 0 {
			conds = append(conds, fmt.Sprintf("ctid < '(%d,0)'", last))
		}
	}
	if t.Where != "" {
		conds = append(conds, "("+t.Where+")")
	}
	options := ""
	if t.Binary {
		options = " (format binary)"
	}
	// Without a list COPY moves every column, the excluded ones too.
	bare := len(t.Columns) == 0 && len(t.Dropped) > 0
	if len(conds) == 0 && t.Condition == "" && !bare {
		return "copy " + t.SourceName() + t.list(" (", ")") + " to stdout" + options
	}
	query := "select" + t.list(" ", "") + " from only " + t.SourceName()
	if len(conds) > 0 {
		query += " where " + strings.Join(conds, " and ")
	}
	if t.Condition != "" {
		query += " " + t.Condition // begins with WHERE, as pg_extension_config_dump wants it
	}
	return before + "copy (" + query + ") to stdout" + options
}

// CopyIn is the statement that writes rows into the table under this name. With
// freeze they are written frozen, which takes a table that was created or
// truncated in the same transaction.
func (t *Table) CopyIn(name string, freeze bool) string {
	var options []string
	if t.Binary {
		options = append(options, "format binary")
	}
	if freeze {
		options = append(options, "freeze")
	}
	sql := "copy " + name + t.list(" (", ")") + " from stdin"
	if len(options) > 0 {
		sql += " (" + strings.Join(options, ", ") + ")"
	}
	return sql
}

// list writes the columns, or nothing where there are none: COPY then moves rows
// without columns.
func (t *Table) list(before, after string) string {
	if len(t.Columns) == 0 {
		return ""
	}
	quoted := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		quoted[i] = pgname.Quote(c)
	}
	return before + strings.Join(quoted, ", ") + after
}
