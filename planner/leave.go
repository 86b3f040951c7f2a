package planner

import (
	"slices"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/depend"
)

// leave decides what stays behind: what the mirror does not select, and whatever
// cannot exist without it.
func (d *draft) leave() {
	d.left = depend.NewBehind(d.source)
	d.seeds()
	d.left.Spread()
	for _, l := range d.left.List() {
		d.out.LeftOut = append(d.out.LeftOut, LeftOut{Class: l.Class, OID: l.OID, Kind: l.Kind, Name: l.Name, Why: l.Why})
	}
}

// seeds adds what the mirror leaves out by itself, before dependencies.
func (d *draft) seeds() {
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		if isTable(r) && r.Extension == "" && !d.selected[r.OID] {
			d.left.Add(depend.Node{Class: catalog.ClassRelation, OID: r.OID}, "not selected")
		}
	}
	blocks := d.blocks()
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		for _, c := range r.Columns {
			if isTable(r) && d.excludes(blocks, r, c.Name) {
				d.left.Add(depend.Node{Class: catalog.ClassRelation, OID: r.OID, Column: c.Num}, "excluded column")
			}
		}
	}
	for _, e := range d.source.Extensions {
		if slices.Contains(d.decl.Schema.SkipExtensions, e.Name) {
			d.skipExtension(e)
		}
	}
	d.leavePglogical()
	d.skipNamed()
	d.unusedSchemas()
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
func (d *draft) skipExtension(e catalog.Extension) {
	why := "extension " + e.Name + " is skipped"
	d.left.Add(depend.Node{Class: catalog.ClassExtension, OID: e.OID}, why)
	for _, r := range d.source.Relations {
		if r.Extension == e.Name {
			d.left.Add(depend.Node{Class: catalog.ClassRelation, OID: r.OID}, why)
		}
	}
	for _, o := range d.source.Objects {
		if o.Extension == e.Name {
			d.left.Add(depend.Node{Class: o.Class, OID: o.OID}, why)
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
func (d *draft) skipNamed() {
	d.skipped = map[int]bool{}
	if len(d.decl.Schema.Skip) == 0 {
		return
	}
	skip := func(class, oid uint32, kind, schema, name string) {
		if d.skips(kind, schema, name) {
			d.left.Add(depend.Node{Class: class, OID: oid}, "skipped")
		}
	}
	for _, r := range d.source.Relations {
		if !isTable(&r) && r.Extension == "" {
			skip(catalog.ClassRelation, r.OID, underscored(catalog.RelationKind(r.Kind)), r.Schema, r.Name)
		}
	}
	for _, i := range d.source.Indexes {
		if i.Constraint == 0 {
			skip(catalog.ClassRelation, i.OID, "index", i.Schema, i.Name)
		}
	}
	for _, c := range d.source.Constraints {
		skip(catalog.ClassConstraint, c.OID, underscored(catalog.ConstraintKind(c.Kind)), c.Schema, c.Name)
		if c.Kind != 'n' && c.Kind != 't' {
			skip(catalog.ClassConstraint, c.OID, "constraint", c.Schema, c.Name)
		}
	}
	for _, o := range d.source.Objects {
		if o.Extension == "" {
			skip(o.Class, o.OID, o.Kind, o.Schema, o.Name)
		}
	}
	for _, s := range d.source.Schemas {
		skip(catalog.ClassSchema, s.OID, "schema", "", s.Name)
	}
	for _, e := range d.source.Extensions {
		if d.skips("extension", "", e.Name) {
			d.skipExtension(e)
		}
	}
}

// unusedSchemas leaves out, when tables is given, what lives in schemas of which
// no table is selected, unless something that is carried needs it.
func (d *draft) unusedSchemas() {
	if len(d.decl.Tables) == 0 {
		return
	}
	used := map[string]bool{}
	for oid, in := range d.selected {
		if r := d.byOID[oid]; in && r.Extension == "" {
			used[r.Schema] = true
		}
	}
	candidates := depend.Nodes{}
	var kept []depend.Node
	sort := func(n depend.Node, schema string) {
		if schema == "" || used[schema] {
			kept = append(kept, n)
		} else {
			candidates[n] = true
		}
	}
	for _, r := range d.source.Relations {
		if n := (depend.Node{Class: catalog.ClassRelation, OID: r.OID}); r.Extension == "" && (!isTable(&r) || d.selected[r.OID]) {
			sort(n, r.Schema)
		}
	}
	for _, o := range d.source.Objects {
		if o.Extension == "" && o.Table == 0 { // a table's own come with it
			sort(depend.Node{Class: o.Class, OID: o.OID}, o.Schema)
		}
	}
	for _, s := range d.source.Schemas {
		if s.Extension == "" {
			sort(depend.Node{Class: catalog.ClassSchema, OID: s.OID}, s.Name)
		}
	}
	for _, n := range d.left.Unneeded(candidates, kept) {
		d.left.Add(n, "no table of its schema is selected")
	}
}
