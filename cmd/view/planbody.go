package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/planner"
)

// tablesShown is how many tables of a mirror are listed; JSON has them all.
const tablesShown = 40

// body renders what stands between the braces of a change.
func (t *planWriter) body(c *planner.Change) []string {
	var out []string
	for _, a := range c.Attributes {
		out = append(out, fmt.Sprintf("~ %s = %s -> %s", a.Name, orNothing(a.Old), orNothing(a.New)))
	}
	if m := c.Mirror; m != nil {
		out = append(out, t.mirror(m, c.Action)...)
	}
	if len(c.DataLoss) > 0 {
		out = append(out, t.comment("overwrites "+Some(c.DataLoss)+", and therefore needs "+Shell("-allow-data-loss="+c.Address), 6))
	}
	if c.DDL != nil {
		return append(out, t.command(c.DDL)...)
	}
	return append(out, t.stepComments(c)...)
}

func orNothing(s string) string { return cmp.Or(s, "(nothing)") }

// mirror renders what a mirror carries.
func (t *planWriter) mirror(m *planner.Mirror, action string) []string {
	switch {
	case action == planner.Remove:
		return []string{"- source = " + m.Source, "- target = " + m.Target}
	case action == planner.Update && m.Stream != nil:
		return workList(m.Tables)
	}
	var out []string
	if action == planner.Create || action == planner.Replace {
		out = append(out, "+ source = "+m.Source, "+ target = "+m.Target)
		if m.Stream != nil && m.Stream.Engine != "" {
			out = append(out, "+ engine = "+m.Stream.Engine)
		}
	}
	out = append(out, tableList(m.Tables)...)
	if objects := objectCounts(m); objects != "" {
		out = append(out, t.wrapped("+ objects = ", objects)...)
	}
	if len(m.Extensions) > 0 {
		out = append(out, t.wrapped("+ extensions = ", strings.Join(m.Extensions, ", "))...)
	}
	if len(m.Options.Roles) > 0 {
		out = append(out, t.wrapped("+ roles = ", strings.Join(roleNames(m.Options.Roles), ", "))...)
	}
	return append(out, leftOut(m.LeftOut)...)
}

func roleNames(list []planner.Role) []string {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = pgname.Shown("", r.Name)
	}
	return names
}

// wrapped breaks a long attribute below its first word.
func (t *planWriter) wrapped(label, text string) []string {
	lines := strings.Split(wrap(text, max(30, t.width-6-len(label))), "\n")
	for i := range lines {
		if i == 0 {
			lines[i] = label + lines[i]
		} else {
			lines[i] = strings.Repeat(" ", len(label)) + lines[i]
		}
	}
	return lines
}

// tableList renders the tables with size, rows and remarks, the largest of them
// when they are many.
func tableList(tables []planner.Table) []string {
	if len(tables) == 0 {
		return nil
	}
	shown := tables
	if len(tables) > tablesShown {
		shown = slices.SortedStableFunc(slices.Values(tables), func(a, b planner.Table) int { return cmp.Compare(b.Bytes, a.Bytes) })[:tablesShown]
	}
	var g grid
	g.right(1, 2)
	for _, table := range shown {
		g.add(tableRow(table)...)
	}
	out := []string{"+ tables = ["}
	for _, l := range g.lines("   ") {
		out = append(out, "    + "+l)
	}
	if rest := len(tables) - len(shown); rest > 0 {
		out = append(out, fmt.Sprintf("    # and %s, %s in all: bascule plan -json lists every one", count(rest, "smaller table"), size(total(tables)-total(shown))))
	}
	return append(out, "  ]")
}

func total(tables []planner.Table) (bytes int64) {
	for _, t := range tables {
		bytes += t.Bytes
	}
	return bytes
}

// tableRow is one line: name, size, rows, remarks, codes.
func tableRow(t planner.Table) []string {
	name := pgname.Shown(t.Schema, t.Name)
	if t.TargetSchema != "" || t.TargetName != "" {
		name += " -> " + pgname.Shown(cmp.Or(t.TargetSchema, t.Schema), cmp.Or(t.TargetName, t.Name))
	}
	var notes, codes []string
	switch t.Kind {
	case "partitioned":
		notes = append(notes, "partitioned")
	case "config":
		notes = append(notes, "rows of an extension")
	}
	if t.Unlogged {
		notes = append(notes, "unlogged")
	}
	if t.Where != "" {
		notes = append(notes, "where "+t.Where)
	}
	if len(t.Dropped) > 0 {
		notes = append(notes, "without "+strings.Join(t.Dropped, ", "))
	}
	for _, n := range t.Notes {
		notes = append(notes, n.Text)
		if code := "[" + n.Code + "]"; n.Code != "" && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	sized, counted := size(t.Bytes), rows(t.Rows)
	if t.Kind == "partitioned" {
		sized, counted = "", ""
	}
	return []string{name, sized, counted, strings.Join(notes, ", "), strings.Join(codes, " ")}
}

// objectCounts names what comes along besides tables: 12 indexes, 4 foreign keys.
func objectCounts(m *planner.Mirror) string {
	var parts []string
	for _, c := range m.Objects {
		if c.Count > 0 {
			parts = append(parts, count(c.Count, strings.ReplaceAll(c.Kind, "_", " ")))
		}
	}
	if m.LargeObjects > 0 {
		parts = append(parts, count(int(m.LargeObjects), "large object"))
	}
	return strings.Join(parts, ", ")
}

// leftOut lists what stays behind, and why.
func leftOut(list []planner.LeftOut) []string {
	if len(list) == 0 {
		return nil
	}
	var g grid
	for _, l := range list[:min(len(list), tablesShown)] {
		g.add(strings.ReplaceAll(l.Kind, "_", " ")+" "+l.Name, l.Why)
	}
	out := []string{"# left out:"}
	for _, l := range g.lines("   ") {
		out = append(out, "#   "+l)
	}
	if rest := len(list) - tablesShown; rest > 0 {
		out = append(out, fmt.Sprintf("#   and %s more: bascule plan -json lists every one", grouped(int64(rest))))
	}
	return out
}

// stepComments tells what a change does on the databases besides what its body
// says already. show -sql has every step.
func (t *planWriter) stepComments(c *planner.Change) []string {
	var out []string
	for _, st := range c.Steps {
		if !remarkable(c, st) {
			continue
		}
		text := st.Summary
		if st.Peer != "" && !strings.Contains(text, st.Peer) {
			text += " on " + st.Peer
		}
		if line := t.comment(text, 6); !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	if m := c.Mirror; m != nil && c.Action != planner.Remove {
		out = append(out, t.streamComments(c)...)
	}
	return out
}

// remarkable reports whether a step is worth a line: where a mirror is made, all that
// is not objects and rows of the source arriving.
func remarkable(c *planner.Change, st planner.Step) bool {
	if c.Action == planner.Update && c.Mirror != nil && c.Mirror.Stream != nil {
		return st.Kind == "identity" || st.Kind == "log" || st.ID == "triggers"
	}
	if c.Action != planner.Create && c.Action != planner.Replace {
		return st.Kind != "state"
	}
	switch st.Kind {
	case "database", "roles", "settings", "cleanup", "identity", "log":
		return true
	case "stream":
		return st.ID == "triggers"
	case "ledger":
		return st.ID != "finish"
	}
	return st.ID == "undo" || st.ID == "clean"
}
