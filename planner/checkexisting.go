package planner

import (
	"fmt"
	"slices"

	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/depend"
)

// checkExisting looks for what stands on the target already where the mirror wants
// to write.
func (d *draft) checkExisting(change *Change) {
	e := newExisting(d.target)
	switch {
	case !d.decl.Schema.Copy:
		d.checkShapes(change, e)
	case d.resume:
		d.checkForeignRows(e)
	default:
		d.checkOverwritten(change, e)
	}
	d.checkDrifted(e)
}

// existing is what the target has, to look things up in.
type existing struct {
	db       *catalog.Database
	byName   map[[2]string]*catalog.Relation
	children map[uint32][]*catalog.Relation
}

func newExisting(db *catalog.Database) *existing {
	e := &existing{db: db, byName: map[[2]string]*catalog.Relation{}, children: map[uint32][]*catalog.Relation{}}
	for i := range db.Relations {
		r := &db.Relations[i]
		e.byName[[2]string{r.Schema, r.Name}] = r
		for _, parent := range r.Parents {
			e.children[parent] = append(e.children[parent], r)
		}
	}
	return e
}

// family is a table with its partitions, which are dropped with it. With heirs, it
// also has the tables that inherit from it, which are truncated with it.
func (e *existing) family(r *catalog.Relation, heirs bool) []*catalog.Relation {
	list := []*catalog.Relation{r}
	for _, child := range e.children[r.OID] {
		if heirs || child.IsPartition {
			list = append(list, e.family(child, heirs)...)
		}
	}
	return list
}

// filled names those tables of a family that have rows.
func filled(family []*catalog.Relation) []string {
	var names []string
	for _, r := range family {
		if r.HasRows {
			names = append(names, shown(r.Schema, r.Name))
		}
	}
	return names
}

// names are the table's on the target: while it is filled, and in the end.
func (t *Table) names() [][2]string {
	schema, name := t.FinalName()
	if t.Renamed() {
		return [][2]string{{schema, name}, {t.Schema, t.Name}}
	}
	return [][2]string{{schema, name}}
}

// overwriting collects what stands under the names of what is created.
type overwriting struct {
	*existing
	gone depend.Nodes // what is dropped

	full, other, empty []string // tables
	taken              []string // names that something else has
	kept               []string // what the role may not drop
}

// checkOverwritten plans to drop what is there under the names of what is created.
// Whatever is lost by that takes -allow-data-loss; an empty table of the same shape
// loses nothing.
func (d *draft) checkOverwritten(change *Change, e *existing) {
	o := &overwriting{existing: e, gone: depend.Nodes{}}
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		for _, key := range t.names() {
			if r := e.byName[key]; r != nil && t.Kind != "config" && d.makes(t) {
				d.overwritten(o, t, r)
			}
		}
	}
	var objects []string
	if !d.running {
		objects = d.existingObjects(o)
	}
	if d.before != nil {
		objects = nil // they came with the mirror that is made anew
	}
	d.takenNames(o)
	for _, list := range []*[]string{&o.full, &o.other, &o.empty, &objects, &o.taken, &o.kept} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	change.DataLoss = slices.Concat(o.full, o.other, objects)
	d.out.Clean = len(o.gone) > 0
	d.sayOverwritten(o, objects)
	d.checkBlockers(o.gone)
}

// overwritten notes what becomes of one table of the target.
func (d *draft) overwritten(o *overwriting, t *Table, r *catalog.Relation) {
	what := shown(r.Schema, r.Name)
	if r.Kind != catalog.Table && r.Kind != catalog.Partitioned {
		o.taken = append(o.taken, "table "+shown(t.Schema, t.Name)+" by a "+catalog.RelationKind(r.Kind))
		return
	}
	family := o.family(r, false)
	for _, member := range family {
		o.gone[depend.Node{Class: catalog.ClassRelation, OID: member.OID}] = true
	}
	if !d.mayDrop(r.Owner, r.Schema) {
		o.kept = append(o.kept, "table "+what)
	}
	rows, difference := filled(family), d.shapeDifference(t, r)
	mine := slices.ContainsFunc(family, func(r *catalog.Relation) bool { return d.ours(r.Schema, r.Name) })
	switch {
	case mine: // no data is lost that the source does not have
	case len(rows) > 0:
		o.full = append(o.full, rows...)
	case difference != "":
		o.other = append(o.other, what+" ("+difference+")")
	default:
		o.empty = append(o.empty, what)
	}
}

// mayDrop reports whether the role may drop what another one owns in a schema.
func (d *draft) mayDrop(owner, schema string) bool {
	role := d.target.Role
	return owner == "" || acts(role, owner) || slices.ContainsFunc(d.target.Schemas, func(s catalog.Schema) bool {
		return s.Name == schema && acts(role, s.Owner)
	})
}

// existingObjects lists what else the target has under the names of what is
// created. Schemas and extensions that are there are used as they are; a sequence
// that belongs to a table goes with it.
func (d *draft) existingObjects(o *overwriting) []string {
	var list []string
	note := func(n depend.Node, kind, schema, name, owner string) {
		what := kind + " " + pgname.ShownObject(schema, name)
		list = append(list, what)
		o.gone[n] = true
		if !d.mayDrop(owner, schema) {
			o.kept = append(o.kept, what)
		}
	}
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		if r.Kind == catalog.Table || r.Kind == catalog.Partitioned || !d.carriesTable(r.OID) {
			continue
		}
		t := o.byName[[2]string{r.Schema, r.Name}]
		switch {
		case t == nil:
		case t.Extension != "" || t.Kind != r.Kind:
			o.taken = append(o.taken, catalog.RelationKind(r.Kind)+" "+shown(r.Schema, r.Name)+" by "+described(t))
		case t.Sequence != nil && o.gone[depend.Node{Class: catalog.ClassRelation, OID: t.Sequence.OwnedBy}]:
		default:
			note(depend.Node{Class: catalog.ClassRelation, OID: t.OID}, catalog.RelationKind(r.Kind), r.Schema, r.Name, t.Owner)
		}
	}
	have := map[[3]string]*catalog.Object{}
	for i, t := range d.target.Objects {
		if t.Table == 0 && t.Extension == "" {
			have[[3]string{t.Kind, t.Schema, t.Name}] = &d.target.Objects[i]
		}
	}
	for _, s := range d.source.Objects {
		if s.Table != 0 || s.Extension != "" || slices.Contains(neverDropped, s.Kind) || d.left.Has(s.Class, s.OID) {
			continue
		}
		if t := have[[3]string{s.Kind, s.Schema, s.Name}]; t != nil {
			note(depend.Node{Class: t.Class, OID: t.OID}, spaced(s.Kind), s.Schema, s.Name, t.Owner)
		}
	}
	return list
}

// neverDropped are kinds of objects that are not carried, or are no harm where they
// are; a composite type is a relation, too.
var neverDropped = append([]string{"default_privilege", "language", "composite"}, neverCarried...)

// takenNames finds names of tables and indexes that stand for something on the
// target that is not dropped.
func (d *draft) takenNames(o *overwriting) {
	indexes := map[[2]string]*catalog.Index{}
	for i := range d.target.Indexes {
		x := &d.target.Indexes[i]
		if !o.gone[depend.Node{Class: catalog.ClassRelation, OID: x.Table}] {
			indexes[[2]string{x.Schema, x.Name}] = x
		}
	}
	tables := map[uint32]string{}
	for _, r := range d.target.Relations {
		tables[r.OID] = shown(r.Schema, r.Name)
	}
	made := map[uint32]bool{}
	for i := range d.out.Tables {
		made[d.out.Tables[i].OID] = d.makes(&d.out.Tables[i])
	}
	for _, i := range d.source.Indexes {
		key := [2]string{i.Schema, i.Name}
		if d.running && !made[i.Table] || !d.carriesTable(i.Table) || d.left.Has(catalog.ClassRelation, i.OID) {
			continue
		}
		if x := indexes[key]; x != nil {
			o.taken = append(o.taken, "index "+shown(i.Schema, i.Name)+" by an index of "+tables[x.Table])
		} else if r := o.byName[key]; r != nil && !o.gone[depend.Node{Class: catalog.ClassRelation, OID: r.OID}] {
			o.taken = append(o.taken, "index "+shown(i.Schema, i.Name)+" by "+described(r))
		}
	}
	for _, t := range d.out.Tables {
		if x := indexes[[2]string{t.Schema, t.Name}]; x != nil && made[t.OID] {
			o.taken = append(o.taken, "table "+shown(t.Schema, t.Name)+" by an index of "+tables[x.Table])
		}
	}
}

func described(r *catalog.Relation) string {
	if r.Extension != "" {
		return "extension " + r.Extension
	}
	return "a " + catalog.RelationKind(r.Kind)
}

// sayOverwritten adds the findings.
func (d *draft) sayOverwritten(o *overwriting, objects []string) {
	allow := fmt.Sprintf("They are dropped and created anew only with -allow-data-loss='%s'.", d.decl.Address)
	if len(o.full) > 0 {
		d.found("target", codeRows, Warning, plural(len(o.full), "table of the target has", "tables of the target have")+" rows: "+few(o.full), allow, o.full...)
	}
	if len(o.other) > 0 {
		d.found("target", codeShape, Warning, plural(len(o.other), "table of the target has", "tables of the target have")+" another shape: "+few(o.other), allow, o.other...)
	}
	if len(objects) > 0 {
		d.found("target", codeExists, Warning, plural(len(objects), "object exists", "objects exist")+" on the target already: "+few(objects), allow, objects...)
	}
	if len(o.empty) > 0 {
		d.found("target", codeEmptied, Notice, plural(len(o.empty), "empty table", "empty tables")+" of the target of the same shape: "+few(o.empty),
			"They are dropped and created anew.", o.empty...)
	}
	if len(o.taken) > 0 {
		d.found("target", codeExists, Refusal, plural(len(o.taken), "name is", "names are")+" taken on the target: "+few(o.taken),
			"Drop or rename what has them there.", o.taken...)
	}
	if len(o.kept) > 0 {
		d.found("target", codeNoWrite, Refusal, fmt.Sprintf("role %s may not drop %s of the target: %s", d.target.Role.Name, plural(len(o.kept), "object", "objects"), few(o.kept)),
			fmt.Sprintf("They belong to others. Have them dropped there, or GRANT their owners' roles TO %s.", shown("", d.target.Role.Name)), o.kept...)
	}
}

// checkForeignRows looks, where an interrupted attempt is resumed, for rows that are
// not of its making: it empties its tables.
func (d *draft) checkForeignRows(e *existing) {
	made := map[[2]string]bool{}
	for _, t := range d.ledger.Tables {
		made[[2]string{t.Schema, t.Name}] = true
	}
	for _, m := range d.ledger.Members {
		made[[2]string{m.Schema, m.Name}] = true
	}
	var foreign []string
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if r := e.byName[[2]string{t.Schema, t.Name}]; r != nil && t.Kind == "table" && !made[[2]string{t.Schema, t.Name}] && r.HasRows {
			foreign = append(foreign, shown(t.Schema, t.Name))
		}
	}
	if len(foreign) > 0 {
		d.found("target", codeRows, Refusal, plural(len(foreign), "table of the target has", "tables of the target have")+" rows that the interrupted copy did not write: "+few(foreign),
			"Drop them there, exclude them, or remove the mirror from the configuration, apply, and begin again.", foreign...)
	}
}
