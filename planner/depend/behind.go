package depend

import (
	"cmp"
	"fmt"
	"slices"

	"bascule/planner/catalog"
)

// Behind is the set of what of a database stays behind, and why: what was added, and
// once it is spread whatever cannot exist without that.
type Behind struct {
	db    *catalog.Database
	why   map[Node]string
	order []Node
	queue []Node // added, and not spread

	names     map[Node]named
	owners    map[Node]Node     // what an internal part belongs to
	checks    map[uint32]uint32 // the table of a check that is valid
	sequences map[uint32]uint32 // the table that a sequence belongs to
}

// Left is an object that stays behind, as people call it.
type Left struct {
	Node
	Kind, Name, Why string
}

// NewBehind returns the empty set.
func NewBehind(db *catalog.Database) *Behind {
	b := &Behind{db: db, why: map[Node]string{}, names: namesOf(db),
		owners: map[Node]Node{}, checks: map[uint32]uint32{}, sequences: map[uint32]uint32{}}
	for _, c := range db.Constraints {
		if c.Kind == 'c' && c.Table != 0 && c.Validated {
			b.checks[c.OID] = c.Table
		}
	}
	for _, r := range db.Relations {
		if r.Sequence != nil {
			b.sequences[r.OID] = r.Sequence.OwnedBy
		}
	}
	return b
}

// Has reports whether an object stays behind.
func (b *Behind) Has(class, oid uint32) bool { return b.why[Node{Class: class, OID: oid}] != "" }

// HasColumn reports whether one column of a table does.
func (b *Behind) HasColumn(table uint32, num int) bool {
	return b.why[Node{catalog.ClassRelation, table, num}] != ""
}

// Add leaves n behind. The first why counts; it is not empty.
func (b *Behind) Add(n Node, why string) {
	if b.why[n] == "" {
		b.why[n] = why
		b.order = append(b.order, n)
		b.queue = append(b.queue, n)
	}
}

// Spread adds whatever cannot exist without what was added.
func (b *Behind) Spread() {
	dependents := map[Node][]catalog.Dependency{}
	for _, dep := range b.db.Depends {
		ref := Node{dep.RefClass, dep.RefOID, dep.RefColumn}
		dependents[ref] = append(dependents[ref], dep)
		if dep.RefColumn != 0 {
			dependents[referenced(dep)] = append(dependents[referenced(dep)], dep)
		}
		if dep.Kind == 'i' || dep.Class == catalog.ClassDefault && dep.RefClass == catalog.ClassRelation && dep.RefColumn > 0 && dep.Kind == 'a' {
			b.owners[dependent(dep)] = ref
		}
	}
	for len(b.queue) > 0 {
		n := b.queue[0]
		b.queue = b.queue[1:]
		because := b.because(n)
		for _, dep := range dependents[n] {
			if dep.Kind == 'P' || dep.Kind == 'S' {
				continue // partition dependencies come with an ordinary one
			}
			b.reach(n, dependent(dep), because)
		}
	}
}

// because is why what depends on n stays behind.
func (b *Behind) because(n Node) string {
	name := b.names[Node{Class: n.Class, OID: n.OID}]
	switch {
	case name.kind == "":
		return b.why[n]
	case n.Column > 0:
		return fmt.Sprintf("depends on an excluded column of %s", name.name)
	}
	return "depends on " + name.kind + " " + name.name
}

// reach adds a dependent, or the whole that it is a part of.
func (b *Behind) reach(from, n Node, because string) {
	owner, part := b.owners[n]
	switch {
	case part && n.Class == catalog.ClassDefault:
		// The definition of a table holds its defaults: no default, no table. A column
		// that goes takes its own default along, and what is generated from it.
		switch {
		case owner == from, b.why[owner] != "" && b.ownedBy(from, owner.OID):
		case from.Column > 0 && from.OID == owner.OID:
			b.Add(owner, because)
		default:
			b.Add(Node{Class: owner.Class, OID: owner.OID}, because)
		}
		return
	case part && from.Column == 0 && owner.OID != from.OID:
		b.Add(Node{Class: owner.Class, OID: owner.OID}, because)
	case n.Class == catalog.ClassConstraint && from.Column == 0:
		// A table's definition holds its checks, but for those that are not valid.
		if table := b.checks[n.OID]; table != 0 {
			b.Add(Node{Class: catalog.ClassRelation, OID: table}, because)
		}
	}
	b.Add(n, because)
}

// ownedBy reports whether n is a sequence that belongs to a column of the table. It
// goes with its column, whose default is set after both are made.
func (b *Behind) ownedBy(n Node, table uint32) bool {
	of, sequence := b.sequences[n.OID]
	return n.Class == catalog.ClassRelation && sequence && of == table
}

// List names what stays behind, by kind and name. What people have no name for, and
// columns, are not in it.
func (b *Behind) List() []Left {
	var list []Left
	for _, n := range b.order {
		name := b.names[Node{Class: n.Class, OID: n.OID}]
		if name.kind != "" && n.Column <= 0 {
			list = append(list, Left{Node: n, Kind: name.kind, Name: name.name, Why: b.why[n]})
		}
	}
	slices.SortFunc(list, func(x, y Left) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name), cmp.Compare(x.OID, y.OID))
	})
	return list
}
