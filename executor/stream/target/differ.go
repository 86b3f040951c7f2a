package target

import (
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/ledger"
)

// Differences are those between a Relation and the table that it is for. Missing
// columns cannot be written. Gone and Retyped are found by what is recorded of the
// member, and say only that the source was changed and the target was not: the rows may
// well fit.
type Differences struct {
	Missing []Column
	Gone    []ledger.Column // are not published any more, and are on the target
	Retyped []Retyped
}

// Retyped is a column that has another type on the source than it had, while the
// target's is what both had.
type Retyped struct {
	Was ledger.Column
	Is  Column
}

// None reports whether there are no differences.
func (d Differences) None() bool { return len(d.Missing)+len(d.Gone)+len(d.Retyped) == 0 }

// differ compares. Excluded columns are none, and a column that the target generates
// is written by nobody.
func differ(rel Relation, m ledger.Member, sh shape) Differences {
	var d Differences
	there := make(map[string]attribute, len(sh.Columns))
	for _, a := range sh.Columns {
		there[a.Name] = a
	}
	sent := make(map[string]Column, len(rel.Columns))
	for _, c := range rel.Columns {
		sent[c.Name] = c
		if _, found := there[c.Name]; !found && !slices.Contains(m.Dropped, c.Name) {
			d.Missing = append(d.Missing, c)
		}
	}
	for _, was := range m.Columns {
		a, found := there[was.Name]
		if !found || a.Generated || slices.Contains(m.Dropped, was.Name) {
			continue
		}
		switch is, published := sent[was.Name]; {
		case !published:
			d.Gone = append(d.Gone, was)
		case (is.Type != was.Type || is.TypMod != was.Modifier) && was.Same && was.Target == a.Shown:
			d.Retyped = append(d.Retyped, Retyped{Was: was, Is: is})
		}
	}
	return d
}

// missing names the columns that the target lacks.
func (t *Table) missing() string {
	var names []string
	for _, c := range t.Missing {
		names = append(names, pgname.Quote(c.Name))
	}
	return strings.Join(names, ", ")
}

// TypeOf is the type of a column of the target, as format_type says it; "" without one.
func (t *Table) TypeOf(column string) string {
	for _, a := range t.shape.Columns {
		if a.Name == column {
			return a.Shown
		}
	}
	return ""
}
