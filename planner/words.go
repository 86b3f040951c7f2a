package planner

import (
	"cmp"
	"strings"

	"bascule/config/pgname"
	"bascule/planner/statement"
)

// shown writes a name for people: quoted only where it has to be.
func shown(schema, name string) string { return pgname.Shown(schema, name) }

// oneSpace writes text on one line.
func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

func compareNames(a, b statement.Name) int {
	return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
}

func spaced(kind string) string      { return strings.ReplaceAll(kind, "_", " ") }
func underscored(kind string) string { return strings.ReplaceAll(kind, " ", "_") }
