package planner

import (
	"cmp"
	"fmt"
	"slices"

	"bascule/planner/catalog"
)

// Object classes: the oids of system catalogues, as in pg_depend.
const (
	classType       = 1247
	classRelation   = 1259
	classFunction   = 1255
	classConstraint = 2606
	classDefault    = 2604
	classRewrite    = 2618
	classExtension  = 3079
	classSchema     = 2615
	classTrigger    = 2620
	classPolicy     = 3256
	classStatistics = 3381
)

// node is an object, or one column of a relation.
type node struct {
	class, oid uint32
	column     int
}

func compareNodes(a, b node) int {
	return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.oid, b.oid), cmp.Compare(a.column, b.column))
}

// leaving is the set of what stays behind, and why.
type leaving struct {
	why   map[node]string
	order []node
}

func (l *leaving) has(class, oid uint32) bool { return l.why[node{class: class, oid: oid}] != "" }

func (l *leaving) column(table uint32, num int) bool {
	return l.why[node{classRelation, table, num}] != ""
}

// leave decides what stays behind: what the mirror does not select, and whatever
// cannot exist without it.
func (d *draft) leave() {
	l := &leaving{why: map[node]string{}}
	d.left = l
	names := namesOf(d.source)
	dependents := map[node][]catalog.Dependency{}
	owners := map[node]node{} // what an internal part belongs to
	for _, dep := range d.source.Depends {
		ref := node{dep.RefClass, dep.RefOID, dep.RefColumn}
		dependents[ref] = append(dependents[ref], dep)
		if dep.RefColumn != 0 {
			whole := node{class: dep.RefClass, oid: dep.RefOID}
			dependents[whole] = append(dependents[whole], dep)
		}
		self := node{class: dep.Class, oid: dep.OID}
		if dep.Kind == 'i' || dep.Class == classDefault && dep.RefClass == classRelation && dep.RefColumn > 0 && dep.Kind == 'a' {
			owners[self] = ref
		}
	}
	var queue []node
	add := func(n node, why string) {
		if l.why[n] == "" {
			l.why[n] = why
			l.order = append(l.order, n)
			queue = append(queue, n)
		}
	}
	d.seeds(add)
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		because := l.why[n]
		if name := names[node{class: n.class, oid: n.oid}]; name.kind != "" {
			because = "depends on " + name.kind + " " + name.name
			if n.column > 0 {
				because = fmt.Sprintf("depends on an excluded column of %s", name.name)
			}
		}
		for _, dep := range dependents[n] {
			if dep.Kind == 'P' || dep.Kind == 'S' {
				continue // partition dependencies come with an ordinary one
			}
			d.reach(add, n, node{class: dep.Class, oid: dep.OID}, owners, because)
		}
	}
	d.listLeft(names)
}

// reach adds a dependent, or the whole that it is a part of.
func (d *draft) reach(add func(node, string), from, n node, owners map[node]node, because string) {
	owner, part := owners[n]
	switch {
	case part && n.class == classDefault:
		// The definition of a table holds its defaults: no default, no table. A column
		// that goes takes its own default along, and what is generated from it.
		switch {
		case owner == from, d.left.why[owner] != "" && d.ownedBy(from, owner.oid):
		case from.column > 0 && from.oid == owner.oid:
			add(owner, because)
		default:
			add(node{class: owner.class, oid: owner.oid}, because)
		}
		return
	case part && from.column == 0 && owner.oid != from.oid:
		add(node{class: owner.class, oid: owner.oid}, because)
	case n.class == classConstraint && from.column == 0:
		// A table's definition holds its checks, but for those that are not valid.
		if c := d.constraint(n.oid); c != nil && c.Kind == 'c' && c.Table != 0 && c.Validated {
			add(node{class: classRelation, oid: c.Table}, because)
		}
	}
	add(n, because)
}

// ownedBy reports whether n is a sequence that belongs to a column of the table. It
// goes with its column, whose default is set after both are made.
func (d *draft) ownedBy(n node, table uint32) bool {
	r := d.byOID[n.oid]
	return n.class == classRelation && r != nil && r.Sequence != nil && r.Sequence.OwnedBy == table
}

func (d *draft) constraint(oid uint32) *catalog.Constraint {
	if d.constraints == nil {
		d.constraints = map[uint32]*catalog.Constraint{}
		for i := range d.source.Constraints {
			d.constraints[d.source.Constraints[i].OID] = &d.source.Constraints[i]
		}
	}
	return d.constraints[oid]
}

// listLeft names what stays behind, for the plan.
func (d *draft) listLeft(names map[node]named) {
	for _, n := range d.left.order {
		name := names[node{class: n.class, oid: n.oid}]
		if name.kind == "" || n.column > 0 {
			continue
		}
		d.out.LeftOut = append(d.out.LeftOut, LeftOut{Class: n.class, OID: n.oid, Kind: name.kind, Name: name.name, Why: d.left.why[n]})
	}
	slices.SortFunc(d.out.LeftOut, func(a, b LeftOut) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.OID, b.OID))
	})
}

type named struct{ kind, name string }

// namesOf returns kind and name of every object that people know.
func namesOf(db *catalog.Database) map[node]named {
	all := map[node]named{}
	tables := map[uint32]string{}
	for _, r := range db.Relations {
		tables[r.OID] = shown(r.Schema, r.Name)
		all[node{class: classRelation, oid: r.OID}] = named{relationKind(r.Kind), tables[r.OID]}
	}
	for _, i := range db.Indexes {
		all[node{class: classRelation, oid: i.OID}] = named{"index", shown(i.Schema, i.Name)}
	}
	for _, c := range db.Constraints {
		all[node{class: classConstraint, oid: c.OID}] = named{constraintKind(c.Kind), c.Name + " of " + tables[c.Table]}
	}
	for _, o := range db.Objects {
		name := shownObject(o.Schema, o.Name)
		if o.Table != 0 {
			name = o.Name + " of " + tables[o.Table]
		}
		all[node{class: o.Class, oid: o.OID}] = named{spaced(o.Kind), name}
	}
	for _, s := range db.Schemas {
		all[node{class: classSchema, oid: s.OID}] = named{"schema", shown("", s.Name)}
	}
	for _, e := range db.Extensions {
		all[node{class: classExtension, oid: e.OID}] = named{"extension", e.Name}
	}
	return all
}
