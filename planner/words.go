package planner

import (
	"cmp"
	"strings"

	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/statement"
)

// shown writes a name for people: quoted only where it has to be.
func shown(schema, name string) string { return pgname.Shown(schema, name) }

// shownObject writes the name of an object that is no relation for people. That of a
// function has its arguments.
func shownObject(schema, name string) string {
	switch {
	case schema == "":
		return name
	case strings.HasSuffix(name, ")"):
		return shown("", schema) + "." + name
	}
	return shown(schema, name)
}

// oneSpace writes text on one line.
func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

func compareNames(a, b statement.Name) int {
	return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
}

func spaced(kind string) string      { return strings.ReplaceAll(kind, "_", " ") }
func underscored(kind string) string { return strings.ReplaceAll(kind, " ", "_") }

func relationKind(kind rune) string {
	switch kind {
	case catalog.Foreign:
		return "foreign table"
	case catalog.View:
		return "view"
	case catalog.MatView:
		return "materialized view"
	case catalog.Sequence:
		return "sequence"
	case catalog.Composite:
		return "composite"
	}
	return "table"
}

func constraintKind(kind rune) string {
	switch kind {
	case 'f':
		return "foreign key"
	case 'c':
		return "check"
	case 't':
		return "constraint trigger"
	case 'n':
		return "not null"
	}
	return "constraint"
}
