package depend

import (
	"slices"

	"bascule/planner/catalog"
)

// Late returns the tables that call functions of the database while rows are written
// to them: in a check, a generated column, or a domain's check. Such a function may
// read other tables, which pg_depend does not know, so those come first.
func Late(db *catalog.Database) map[uint32]bool {
	functions := map[uint32]bool{}
	for _, o := range db.Objects {
		functions[o.OID] = o.Class == catalog.ClassFunction && o.Extension == ""
	}
	generated := map[uint32]bool{} // tables with generated columns
	for _, r := range db.Relations {
		generated[r.OID] = slices.ContainsFunc(r.Columns, func(c catalog.Column) bool { return c.Generated != 0 })
	}
	calling := Nodes{}
	for _, dep := range db.Depends {
		if dep.RefClass == catalog.ClassFunction && functions[dep.RefOID] && (dep.Class == catalog.ClassConstraint || dep.Class == catalog.ClassDefault) {
			calling[dependent(dep)] = true
		}
	}
	tables, types := map[uint32]bool{}, map[uint32]bool{}
	for _, dep := range db.Depends {
		switch {
		case !calling[dependent(dep)]:
		case dep.RefClass == catalog.ClassType && dep.Class == catalog.ClassConstraint:
			types[dep.RefOID] = true
		case dep.RefClass == catalog.ClassRelation && (dep.Class == catalog.ClassConstraint || generated[dep.RefOID]):
			tables[dep.RefOID] = true
		}
	}
	for grown := len(types) > 0; grown; {
		grown = false
		for _, dep := range db.Depends {
			if dep.RefClass != catalog.ClassType || !types[dep.RefOID] {
				continue
			}
			set := tables
			switch {
			case dep.Class == catalog.ClassType:
				set = types
			case dep.Class != catalog.ClassRelation:
				continue
			}
			if !set[dep.OID] {
				set[dep.OID], grown = true, true
			}
		}
	}
	return tables
}
