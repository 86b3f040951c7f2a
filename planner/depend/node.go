package depend

import (
	"cmp"
	"strings"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// Node is an object, or one column of a relation. Class is the oid of its system
// catalogue.
type Node struct {
	Class, OID uint32
	Column     int
}

// Nodes is a set of objects.
type Nodes map[Node]bool

func compare(a, b Node) int {
	return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.OID, b.OID), cmp.Compare(a.Column, b.Column))
}

func dependent(d catalog.Dependency) Node  { return Node{Class: d.Class, OID: d.OID} }
func referenced(d catalog.Dependency) Node { return Node{Class: d.RefClass, OID: d.RefOID} }

// named is what people call an object.
type named struct{ kind, name string }

// namesOf returns kind and name of every object that people know.
func namesOf(db *catalog.Database) map[Node]named {
	all := map[Node]named{}
	tables := map[uint32]string{}
	for _, r := range db.Relations {
		tables[r.OID] = pgname.Shown(r.Schema, r.Name)
		all[Node{Class: catalog.ClassRelation, OID: r.OID}] = named{catalog.RelationKind(r.Kind), tables[r.OID]}
	}
	for _, i := range db.Indexes {
		all[Node{Class: catalog.ClassRelation, OID: i.OID}] = named{"index", pgname.Shown(i.Schema, i.Name)}
	}
	for _, c := range db.Constraints {
		all[Node{Class: catalog.ClassConstraint, OID: c.OID}] = named{catalog.ConstraintKind(c.Kind), c.Name + " of " + tables[c.Table]}
	}
	for _, o := range db.Objects {
		name := pgname.ShownObject(o.Schema, o.Name)
		if o.Table != 0 {
			name = o.Name + " of " + tables[o.Table]
		}
		all[Node{Class: o.Class, OID: o.OID}] = named{strings.ReplaceAll(o.Kind, "_", " "), name}
	}
	for _, s := range db.Schemas {
		all[Node{Class: catalog.ClassSchema, OID: s.OID}] = named{"schema", pgname.Shown("", s.Name)}
	}
	for _, e := range db.Extensions {
		all[Node{Class: catalog.ClassExtension, OID: e.OID}] = named{"extension", e.Name}
	}
	return all
}
