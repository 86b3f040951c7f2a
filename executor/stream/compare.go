package stream

import (
	"fmt"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/stream/target"
)

// change is one thing that became of a table on the source.
type change struct {
	kind changeKind
	text string

	was  ledger.Column // renamed, dropped, retyped
	is   target.Column // added, renamed, retyped
	name string        // the new one, of a column or of the table
}

type changeKind int

const (
	tableRenamed changeKind = iota
	tableMoved
	columnRenamed
	columnDropped
	columnAdded
	columnRetyped
	keyChanged
)

// compare makes changes of differences. What only the record says counts if the
// catalogue does not have it as recorded: otherwise the record is of later than the
// rows at hand.
func compare(rel *relation, found target.Differences, l *live) []change {
	list := compareNames(rel, l)
	added := slices.DeleteFunc(slices.Clone(found.Missing), func(c target.Column) bool {
		was := rel.record(c.Name)
		return was != nil && was.Target != "" // the target lost it
	})
	for _, was := range found.Gone {
		if l.there(was.Name, was.Number) {
			continue
		}
		i := slices.IndexFunc(added, func(c target.Column) bool { return l.same(was, c) })
		if i < 0 {
			list = append(list, change{kind: columnDropped, was: was, text: fmt.Sprintf("column %s was dropped", pgname.Shown("", was.Name))})
			continue
		}
		list = append(list, change{kind: columnRenamed, was: was, is: added[i], name: added[i].Name,
			text: fmt.Sprintf("column %s was renamed to %s", pgname.Shown("", was.Name), pgname.Shown("", added[i].Name))})
		if t := (target.Retyped{Was: was, Is: added[i]}); was.Type != t.Is.Type || was.Modifier != t.Is.TypMod {
			list = append(list, l.retyped(t))
		}
		added = slices.Delete(added, i, i+1)
	}
	for _, c := range added {
		list = append(list, change{kind: columnAdded, is: c, text: fmt.Sprintf("column %s %s was added", pgname.Shown("", c.Name), l.typeOf(c))})
	}
	for _, t := range found.Retyped {
		if c := l.column(t.Was.Name); c == nil || c.Type != t.Was.Type || c.Modifier != t.Was.Modifier {
			list = append(list, l.retyped(t))
		}
	}
	if !rel.found() && !equalSets(l.Key, rel.member.Key) {
		list = append(list, change{kind: keyChanged,
			text: fmt.Sprintf("its rows are found by %s, and were by %s", names(rel.key()), names(rel.member.Key))})
	}
	return list
}

// compareNames looks at the table's own name, and its schema.
func compareNames(rel *relation, l *live) []change {
	var list []change
	if rel.Name != rel.member.Name && l.Name != rel.member.Name {
		list = append(list, change{kind: tableRenamed, name: rel.Name, text: "the table was renamed to " + pgname.Shown(rel.Schema, rel.Name)})
	}
	if rel.Schema != rel.member.Schema && l.Schema != rel.member.Schema {
		list = append(list, change{kind: tableMoved, name: rel.Schema, text: "the table was moved to schema " + pgname.Shown("", rel.Schema)})
	}
	return list
}

func names(list []string) string {
	if len(list) == 0 {
		return "no key"
	}
	shown := make([]string, len(list))
	for i, name := range list {
		shown[i] = pgname.Shown("", name)
	}
	return strings.Join(shown, ", ")
}

// same reports whether a column that is gone came back under another name. One that was
// given a third name since, or whose number is not known, is told by its type.
func (l *live) same(was ledger.Column, is target.Column) bool {
	if c := l.column(is.Name); c != nil && was.Number != 0 {
		return c.Number == was.Number
	}
	third := slices.ContainsFunc(l.Columns, func(c liveColumn) bool { return c.Number == was.Number })
	return (third || was.Number == 0) && was.Type == is.Type && was.Modifier == is.TypMod
}

func (l *live) retyped(t target.Retyped) change {
	return change{kind: columnRetyped, was: t.Was, is: t.Is, text: fmt.Sprintf("column %s is of type %s, and was of %s",
		pgname.Shown("", t.Is.Name), l.typeOf(t.Is), l.types[typed{t.Was.Type, t.Was.Modifier}])}
}

// typeOf is the type that a column had when its table was described.
func (l *live) typeOf(c target.Column) string { return l.types[typed{c.Type, c.TypMod}] }
