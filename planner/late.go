package planner

// late returns the tables that call functions of the database while rows are written
// to them: in a check, a generated column, or a domain's check. Such a function may
// read other tables, which pg_depend does not know, so those come first.
func (d *draft) late() map[uint32]bool {
	functions := map[uint32]bool{}
	for _, o := range d.source.Objects {
		functions[o.OID] = o.Class == classFunction && o.Extension == ""
	}
	calling := map[node]bool{}
	for _, dep := range d.source.Depends {
		if dep.RefClass == classFunction && functions[dep.RefOID] && (dep.Class == classConstraint || dep.Class == classDefault) {
			calling[node{class: dep.Class, oid: dep.OID}] = true
		}
	}
	tables, types := map[uint32]bool{}, map[uint32]bool{}
	for _, dep := range d.source.Depends {
		switch {
		case !calling[node{class: dep.Class, oid: dep.OID}]:
		case dep.RefClass == classType && dep.Class == classConstraint:
			types[dep.RefOID] = true
		case dep.RefClass == classRelation && (dep.Class == classConstraint || d.generates(dep.RefOID)):
			tables[dep.RefOID] = true
		}
	}
	for grown := len(types) > 0; grown; {
		grown = false
		for _, dep := range d.source.Depends {
			if dep.RefClass != classType || !types[dep.RefOID] {
				continue
			}
			set := tables
			switch {
			case dep.Class == classType:
				set = types
			case dep.Class != classRelation:
				continue
			}
			if !set[dep.OID] {
				set[dep.OID], grown = true, true
			}
		}
	}
	return tables
}

// generates reports whether a table has generated columns.
func (d *draft) generates(table uint32) bool {
	r := d.byOID[table]
	if r == nil {
		return false
	}
	for _, c := range r.Columns {
		if c.Generated != 0 {
			return true
		}
	}
	return false
}
