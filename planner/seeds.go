package planner

import (
	"maps"
	"slices"

	"bascule/config"
	"bascule/planner/catalog"
)

// seeds adds what the mirror leaves out by itself, before dependencies.
func (d *draft) seeds(add func(node, string)) {
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		if isTable(r) && r.Extension == "" && !d.selected[r.OID] {
			add(node{class: classRelation, oid: r.OID}, "not selected")
		}
	}
	blocks := d.blocks()
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		for _, c := range r.Columns {
			if isTable(r) && d.excludes(blocks, r, c.Name) {
				add(node{classRelation, r.OID, c.Num}, "excluded column")
			}
		}
	}
	for _, e := range d.source.Extensions {
		if slices.Contains(d.decl.Schema.SkipExtensions, e.Name) {
			d.skipExtension(add, e)
		}
	}
	d.leavePglogical(add)
	d.skipNamed(add)
	d.unusedSchemas(add)
}

// excludes reports whether a column is left out, of the table itself or of one that
// it has the column from.
func (d *draft) excludes(blocks map[uint32]*config.TableBlock, r *catalog.Relation, column string) bool {
	if b := blocks[r.OID]; b != nil && slices.Contains(b.ExcludeColumns, column) {
		return true
	}
	return slices.ContainsFunc(r.Parents, func(oid uint32) bool {
		up := d.byOID[oid]
		return up != nil && slices.ContainsFunc(up.Columns, func(c catalog.Column) bool { return c.Name == column }) && d.excludes(blocks, up, column)
	})
}

// skipExtension leaves out an extension with all that belongs to it.
func (d *draft) skipExtension(add func(node, string), e catalog.Extension) {
	why := "extension " + e.Name + " is skipped"
	add(node{class: classExtension, oid: e.OID}, why)
	for _, r := range d.source.Relations {
		if r.Extension == e.Name {
			add(node{class: classRelation, oid: r.OID}, why)
		}
	}
	for _, o := range d.source.Objects {
		if o.Extension == e.Name {
			add(node{class: o.Class, oid: o.OID}, why)
		}
	}
}

// skips reports whether an entry of schema { skip } names an object, and notes which.
func (d *draft) skips(kind, schema, name string) bool {
	hit := false
	for i, p := range d.decl.Schema.Skip {
		if p.MatchObject(kind, schema, name) {
			d.skipped[i], hit = true, true
		}
	}
	return hit
}

// skipNamed adds what schema { skip } names.
func (d *draft) skipNamed(add func(node, string)) {
	d.skipped = map[int]bool{}
	if len(d.decl.Schema.Skip) == 0 {
		return
	}
	skip := func(class, oid uint32, kind, schema, name string) {
		if d.skips(kind, schema, name) {
			add(node{class: class, oid: oid}, "skipped")
		}
	}
	for _, r := range d.source.Relations {
		if !isTable(&r) && r.Extension == "" {
			skip(classRelation, r.OID, underscored(relationKind(r.Kind)), r.Schema, r.Name)
		}
	}
	for _, i := range d.source.Indexes {
		if i.Constraint == 0 {
			skip(classRelation, i.OID, "index", i.Schema, i.Name)
		}
	}
	for _, c := range d.source.Constraints {
		skip(classConstraint, c.OID, underscored(constraintKind(c.Kind)), c.Schema, c.Name)
		if c.Kind != 'n' && c.Kind != 't' {
			skip(classConstraint, c.OID, "constraint", c.Schema, c.Name)
		}
	}
	for _, o := range d.source.Objects {
		if o.Extension == "" {
			skip(o.Class, o.OID, o.Kind, o.Schema, o.Name)
		}
	}
	for _, s := range d.source.Schemas {
		skip(classSchema, s.OID, "schema", "", s.Name)
	}
	for _, e := range d.source.Extensions {
		if d.skips("extension", "", e.Name) {
			d.skipExtension(add, e)
		}
	}
}

// unusedSchemas leaves out, when tables is given, what lives in schemas of which
// no table is selected, unless something that is carried needs it.
func (d *draft) unusedSchemas(add func(node, string)) {
	if len(d.decl.Tables) == 0 {
		return
	}
	used := map[string]bool{}
	for oid, in := range d.selected {
		if r := d.byOID[oid]; in && r.Extension == "" {
			used[r.Schema] = true
		}
	}
	candidates := map[node]bool{}
	var kept []node
	sort := func(n node, schema string) {
		if schema == "" || used[schema] {
			kept = append(kept, n)
		} else {
			candidates[n] = true
		}
	}
	for _, r := range d.source.Relations {
		if n := (node{class: classRelation, oid: r.OID}); r.Extension == "" && (!isTable(&r) || d.selected[r.OID]) {
			sort(n, r.Schema)
		}
	}
	for _, o := range d.source.Objects {
		if o.Extension == "" && o.Table == 0 { // a table's own come with it
			sort(node{class: o.Class, oid: o.OID}, o.Schema)
		}
	}
	for _, s := range d.source.Schemas {
		if s.Extension == "" {
			sort(node{class: classSchema, oid: s.OID}, s.Name)
		}
	}
	d.keepNeeded(candidates, kept)
	for _, n := range slices.SortedFunc(maps.Keys(candidates), compareNodes) {
		add(n, "no table of its schema is selected")
	}
}

// partClasses are the classes of what comes with a table, besides its indexes.
var partClasses = []uint32{classDefault, classRewrite, classType, classConstraint, classTrigger, classPolicy, classStatistics}

// keepNeeded removes from candidates what the kept objects need.
func (d *draft) keepNeeded(candidates map[node]bool, kept []node) {
	needs := map[node][]node{}
	parts := map[node][]node{}
	for _, dep := range d.source.Depends {
		self, ref := node{class: dep.Class, oid: dep.OID}, node{class: dep.RefClass, oid: dep.RefOID}
		needs[self] = append(needs[self], ref)
		if dep.Kind == 'i' || dep.Kind == 'a' {
			parts[ref] = append(parts[ref], self)
		}
	}
	indexes := map[uint32]bool{}
	for _, i := range d.source.Indexes {
		indexes[i.OID] = true
	}
	seen := map[node]bool{}
	for len(kept) > 0 {
		n := kept[len(kept)-1]
		kept = kept[:len(kept)-1]
		if seen[n] || d.left.why[n] != "" {
			continue
		}
		seen[n] = true
		delete(candidates, n)
		kept = append(kept, needs[n]...)
		for _, p := range parts[n] {
			if slices.Contains(partClasses, p.class) || p.class == classRelation && indexes[p.oid] {
				kept = append(kept, p)
			}
		}
	}
}
