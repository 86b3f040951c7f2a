package target

import (
	"fmt"
	"slices"

	"bascule/config/pgname"
	"bascule/planner"
)

const followInserts = planner.FollowInserts

// match finds each of the source's columns on the target.
func (t *Table) match() error {
	keyed := t.keyed()
	there := make(map[string]int)
	for i, a := range t.shape.Columns {
		there[a.Name] = i
	}
	t.layout = make([]place, len(t.shape.Columns))
	for i, a := range t.shape.Columns {
		t.layout[i] = place{typ: a.Type, source: -1}
	}
	for i, c := range t.rel.Columns {
		col := column{name: pgname.Quote(c.Name), key: keyed(c)}
		j, found := there[c.Name]
		switch {
		case slices.Contains(t.member.Dropped, c.Name):
			if col.key {
				return t.misfit("the key column %s is excluded", col.name)
			}
		case !found:
			return t.misfit("it has no column %s, which the source has", t.missing())
		default:
			if err := t.accept(&col, c, t.shape.Columns[j]); err != nil {
				return err
			}
			if col.sent {
				t.layout[j].source = i
			}
		}
		if col.key {
			t.lastKey = i
		}
		t.columns = append(t.columns, col)
	}
	t.limits()
	return nil
}

// keyed says which columns are the key. Under FULL the old row is whole and the plan
// has chosen; else only the replica identity's columns are in it.
func (t *Table) keyed() func(Column) bool {
	if t.inserts {
		return func(Column) bool { return false }
	}
	if t.rel.Full {
		return func(c Column) bool { return slices.Contains(t.member.Key, c.Name) }
	}
	return func(c Column) bool { return c.Key }
}

// accept takes over what the target says of a column.
func (t *Table) accept(col *column, from Column, a attribute) error {
	if a.Generated {
		if col.key {
			return t.misfit("the key column %s is generated", col.name)
		}
		return nil
	}
	if t.binary && !sameBinary(from.Type, a.Base) {
		return t.misfit("column %s has another type than on the source", col.name)
	}
	col.sent, col.always = true, a.Always
	col.typ, col.array, col.base = a.Type, a.Array, a.Base
	col.equal, col.cast = a.Equal, a.Cast
	col.binary = t.binary && a.Receives
	col.exact = exactTypes[a.Base] && a.Deterministic || a.Enum && a.Cast == ""
	col.indexable = a.NotNull && (a.Ordered || a.Enum)
	return nil
}

// limits finds what cannot be done with the table.
func (t *Table) limits() {
	used := 0
	for _, p := range t.layout {
		if p.source >= 0 {
			used++
		}
	}
	generated := 0
	for _, a := range t.shape.Columns {
		if a.Generated {
			generated++
		}
	}
	t.extra = used+generated < len(t.shape.Columns)
	for _, c := range t.columns {
		if c.sent {
			t.sentCount++
		}
		if c.always && !c.key {
			t.rewrite = true
		}
		if c.sent && c.binary != t.binary {
			t.mixed = true
		}
	}
}

func (t *Table) misfit(format string, args ...any) error {
	return &ShapeError{
		Schema: t.member.TargetSchema, Name: t.member.TargetName, Problem: fmt.Sprintf(format, args...),
		Remedy: "make the table like the source's, or copy it again", Differences: t.Differences,
	}
}

// sameBinary reports whether the binary form of a source's type is read by a target's.
// Types of users have other oids on each server: what they are, the plan has compared.
func sameBinary(source, target uint32) bool {
	if source >= FirstNormal || target >= FirstNormal || source == target {
		return true
	}
	return characters[source] && characters[target]
}

// FirstNormal is where oids of users' objects begin.
const FirstNormal = 16384

// characters are types whose binary form is the text: text, varchar, bpchar.
var characters = map[uint32]bool{25: true, 1043: true, 1042: true}

// exactTypes are those of which equal values are the same to the last digit: bool,
// bytea, "char", name, bigint, smallint, integer, text, oid, varchar, date, time,
// timestamp, timestamptz, uuid.
var exactTypes = map[uint32]bool{
	16: true, 17: true, 18: true, 19: true, 20: true, 21: true, 23: true, 25: true, 26: true,
	1043: true, 1082: true, 1083: true, 1114: true, 1184: true, 2950: true,
}
