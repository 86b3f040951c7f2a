package planner

import (
	"cmp"
	"slices"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// neverCarried are kinds of objects that belong to replication, not to the data.
var neverCarried = []string{"publication", "subscription"}

// count counts what is carried besides tables.
func (d *draft) count() {
	n := map[string]int{}
	for _, r := range d.source.Relations {
		if r.Extension == "" && r.Kind != catalog.Table && r.Kind != catalog.Partitioned && !d.left.Has(catalog.ClassRelation, r.OID) {
			n[catalog.RelationKind(r.Kind)]++
		}
	}
	for _, i := range d.source.Indexes {
		if i.Extension == "" && i.Constraint == 0 && d.carriesTable(i.Table) && !d.left.Has(catalog.ClassRelation, i.OID) {
			n["index"]++
		}
	}
	for _, c := range d.source.Constraints {
		if c.Kind != 'n' && c.Kind != 't' && c.Parent == 0 && d.carriesTable(c.Table) && !d.left.Has(catalog.ClassConstraint, c.OID) {
			n[catalog.ConstraintKind(c.Kind)]++
		}
	}
	for _, o := range d.source.Objects {
		switch {
		case o.Extension != "", slices.Contains(neverCarried, o.Kind), d.left.Has(o.Class, o.OID):
		case o.Table != 0 && !d.carriesTable(o.Table):
		case o.Kind == "default_privilege" && !d.decl.Schema.Privileges:
		default:
			n[spaced(o.Kind)]++
		}
	}
	for _, e := range d.source.Extensions {
		if !d.left.Has(catalog.ClassExtension, e.OID) && e.Name != "plpgsql" {
			d.out.Extensions = append(d.out.Extensions, e.Name)
			n["extension"]++
		}
	}
	slices.Sort(d.out.Extensions)
	if !d.skipsKind("large_object") {
		d.out.LargeObjects = d.source.LargeObjects.Count
	}
	for kind, count := range n {
		if d.decl.Schema.Copy || kind == "sequence" {
			d.out.Objects = append(d.out.Objects, Count{Kind: kind, Count: count})
		}
	}
	slices.SortFunc(d.out.Objects, func(a, b Count) int {
		return cmp.Or(cmp.Compare(kindRank(a.Kind), kindRank(b.Kind)), cmp.Compare(a.Kind, b.Kind))
	})
}

func (d *draft) skipsKind(kind string) bool {
	for _, p := range d.decl.Schema.Skip {
		if p.Text == kind {
			return true
		}
	}
	return false
}

// carriesTable reports whether the relation is carried with its definition.
func (d *draft) carriesTable(oid uint32) bool {
	r := d.byOID[oid]
	return r != nil && r.Extension == "" && !d.left.Has(catalog.ClassRelation, oid)
}

// kindRank is the order in which kinds are listed: the common ones first.
func kindRank(kind string) int {
	first := []string{"index", "constraint", "foreign key", "check", "function", "procedure", "trigger", "view", "materialized view", "sequence"}
	if i := slices.Index(first, kind); i >= 0 {
		return i
	}
	return len(first)
}

// refreshes orders the materialised views that have rows: each after those that it
// reads, through views too.
func (d *draft) refreshes() {
	reads := map[uint32][]uint32{}
	rule := map[uint32]uint32{} // rewrite rule to its view
	for _, dep := range d.source.Depends {
		if dep.Class == catalog.ClassRewrite && dep.RefClass == catalog.ClassRelation && dep.Kind == 'i' {
			rule[dep.OID] = dep.RefOID
		}
	}
	for _, dep := range d.source.Depends {
		if dep.Class == catalog.ClassRewrite && dep.RefClass == catalog.ClassRelation && dep.Kind != 'i' && rule[dep.OID] != 0 {
			reads[rule[dep.OID]] = append(reads[rule[dep.OID]], dep.RefOID)
		}
	}
	seen := map[uint32]bool{}
	var visit func(oid uint32)
	visit = func(oid uint32) {
		if seen[oid] {
			return
		}
		seen[oid] = true
		slices.Sort(reads[oid])
		for _, ref := range reads[oid] {
			visit(ref)
		}
		r := d.byOID[oid]
		if r != nil && r.Kind == catalog.MatView && r.Populated && r.Extension == "" && !d.left.Has(catalog.ClassRelation, oid) {
			d.out.Refresh = append(d.out.Refresh, pgname.Qualified(r.Schema, r.Name))
		}
	}
	for _, oid := range d.matViews() {
		visit(oid)
	}
}

func (d *draft) matViews() []uint32 {
	var list []*catalog.Relation
	for i := range d.source.Relations {
		if r := &d.source.Relations[i]; r.Kind == catalog.MatView {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *catalog.Relation) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	oids := make([]uint32, len(list))
	for i, r := range list {
		oids[i] = r.OID
	}
	return oids
}
