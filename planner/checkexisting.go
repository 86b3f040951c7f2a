package planner

import (
	"fmt"
	"slices"

	"bascule/planner/catalog"
)

// checkExisting looks for what stands on the target already where the mirror wants
// to write.
func (d *draft) checkExisting(change *Change) {
	there := map[[2]string]*catalog.Relation{}
	for i := range d.target.Relations {
		r := &d.target.Relations[i]
		there[[2]string{r.Schema, r.Name}] = r
	}
	switch {
	case !d.decl.Schema.Copy:
		d.checkShapes(change, there)
	case !d.resume:
		d.checkOverwritten(change, there)
	}
}

// checkOverwritten plans to drop what is there under the names of what is created.
// Whatever is lost by that takes -allow-data-loss; an empty table of the same shape
// loses nothing.
func (d *draft) checkOverwritten(change *Change, there map[[2]string]*catalog.Relation) {
	var empty, full, other, objects []string
	for _, t := range d.out.Tables {
		schema, name := t.FinalName()
		names := [][2]string{{schema, name}}
		if t.Renamed() {
			names = append(names, [2]string{t.Schema, t.Name})
		}
		for _, key := range names {
			r := there[key]
			if r == nil || t.Kind == "config" {
				continue
			}
			what := shown(key[0], key[1])
			switch difference := d.shapeDifference(&t, r); {
			case r.HasRows:
				full = append(full, what)
			case difference != "":
				other = append(other, what+" ("+difference+")")
			default:
				empty = append(empty, what)
			}
		}
	}
	objects = d.existingObjects(there)
	change.DataLoss = slices.Concat(full, other, objects)
	d.out.Clean = len(change.DataLoss)+len(empty) > 0
	allow := fmt.Sprintf("They are dropped and created anew only with -allow-data-loss='%s'.", d.decl.Address)
	if len(full) > 0 {
		d.found("target", codeRows, Warning, plural(len(full), "table of the target has", "tables of the target have")+" rows: "+few(full), allow, full...)
	}
	if len(other) > 0 {
		d.found("target", codeShape, Warning, plural(len(other), "table of the target has", "tables of the target have")+" another shape: "+few(other), allow, other...)
	}
	if len(objects) > 0 {
		d.found("target", codeExists, Warning, plural(len(objects), "object exists", "objects exist")+" on the target already: "+few(objects), allow, objects...)
	}
	if len(empty) > 0 {
		d.found("target", codeEmptied, Notice, plural(len(empty), "empty table", "empty tables")+" of the target of the same shape: "+few(empty),
			"They are dropped and created anew.", empty...)
	}
}

// existingObjects lists what else the target has under the names of what is
// created. Schemas and extensions that are there are used as they are.
func (d *draft) existingObjects(there map[[2]string]*catalog.Relation) []string {
	var list []string
	for _, r := range d.source.Relations {
		if isTable(&r) && r.Kind != catalog.Foreign || r.Extension != "" || d.left.has(classRelation, r.OID) {
			continue
		}
		if t := there[[2]string{r.Schema, r.Name}]; t != nil && t.Extension == "" {
			list = append(list, relationKind(r.Kind)+" "+shown(r.Schema, r.Name))
		}
	}
	have := map[[3]string]bool{}
	for _, o := range d.target.Objects {
		if o.Table == 0 && o.Extension == "" {
			have[[3]string{o.Kind, o.Schema, o.Name}] = true
		}
	}
	for _, o := range d.source.Objects {
		if o.Table == 0 && o.Extension == "" && o.Kind != "default_privilege" && !slices.Contains(neverCarried, o.Kind) &&
			!d.left.has(o.Class, o.OID) && have[[3]string{o.Kind, o.Schema, o.Name}] {
			list = append(list, spaced(o.Kind)+" "+shown(o.Schema, o.Name))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// checkShapes checks, where the schema is not copied, that the target's tables can
// take the rows.
func (d *draft) checkShapes(change *Change, there map[[2]string]*catalog.Relation) {
	var missing, full, guarded []string
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		schema, name := t.FinalName()
		r := there[[2]string{schema, name}]
		if r == nil {
			missing = append(missing, shown(schema, name))
			continue
		}
		if difference := d.shapeDifference(t, r); difference != "" {
			d.found("schema.copy", codeShape, Refusal, fmt.Sprintf("table %s of the target cannot take the rows: %s", shown(schema, name), difference),
				"Change the table, or let the schema be copied (schema { copy = true }).", shown(schema, name))
		}
		if r.HasRows {
			full = append(full, shown(schema, name))
		}
		if r.UserTriggers > 0 {
			guarded = append(guarded, shown(schema, name))
		}
	}
	if len(missing) > 0 {
		d.found("schema.copy", codeShape, Refusal, "the target lacks "+plural(len(missing), "table", "tables")+": "+few(missing),
			"With schema { copy = false } the tables must be there. Create them, or let the schema be copied.", missing...)
	}
	if len(guarded) > 0 && !d.target.Role.CanReplicaRole {
		d.found("target", codeTriggers, Refusal, "triggers would fire on "+plural(len(guarded), "table", "tables")+" of the target: "+few(guarded),
			fmt.Sprintf("On the target: GRANT SET ON PARAMETER session_replication_role TO %s (PostgreSQL 15 and newer), or disable the triggers.", shown("", d.target.Role.Name)), guarded...)
	}
	if len(full) > 0 && !d.resume {
		change.DataLoss = full
		d.found("target", codeRows, Warning, plural(len(full), "table of the target has", "tables of the target have")+" rows: "+few(full),
			fmt.Sprintf("They are truncated only with -allow-data-loss='%s'.", d.decl.Address), full...)
	}
	d.out.Sequences = slices.DeleteFunc(d.out.Sequences, func(s Sequence) bool {
		r := there[[2]string{s.Schema, s.Name}]
		return r == nil || r.Kind != catalog.Sequence
	})
	d.out.Refresh = nil
}

// shapeDifference says how the target's table differs from what the rows need, ""
// when it does not.
func (d *draft) shapeDifference(t *Table, r *catalog.Relation) string {
	if r.Kind != catalog.Table && r.Kind != catalog.Partitioned && r.Kind != catalog.Foreign {
		return "it is a " + relationKind(r.Kind)
	}
	target := map[string]catalog.Column{}
	for _, c := range r.Columns {
		target[c.Name] = c
	}
	carried := map[string]bool{}
	for _, c := range d.byOID[t.OID].Columns {
		if slices.Contains(t.Dropped, c.Name) {
			continue
		}
		carried[c.Name] = true
		have, ok := target[c.Name]
		switch {
		case !ok:
			return "no column " + c.Name
		case have.Type != c.Type:
			return fmt.Sprintf("column %s is %s, not %s", c.Name, have.Type, c.Type)
		case have.Generated != c.Generated:
			return fmt.Sprintf("column %s is generated on one side only", c.Name)
		case have.NotNull && !c.NotNull:
			return fmt.Sprintf("column %s is not null there", c.Name)
		}
	}
	for _, c := range r.Columns {
		if !carried[c.Name] && (d.decl.Schema.Copy || c.NotNull && !c.Default && c.Identity == 0) {
			return "it also has column " + c.Name
		}
	}
	return ""
}
