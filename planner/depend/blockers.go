package depend

import (
	"slices"

	"bascule/planner/catalog"
)

// Blockers names what of a database depends on something of gone, and is not gone with
// it. DROP without CASCADE would stop there.
func Blockers(db *catalog.Database, gone Nodes) []string {
	wholes := map[Node]Node{} // of what goes with another object
	parts := map[Node][]Node{}
	for _, dep := range db.Depends {
		self, ref := dependent(dep), referenced(dep)
		if dep.Kind != 'n' && self != ref {
			parts[ref] = append(parts[ref], self)
			if self.Class != catalog.ClassRelation || ref.Class == catalog.ClassRelation {
				wholes[self] = ref
			}
		}
	}
	gone = closure(gone, parts)
	names := namesOf(db)
	var blockers []string
	for _, dep := range db.Depends {
		self, ref := dependent(dep), referenced(dep)
		if dep.Kind != 'n' || gone[self] || !gone[ref] {
			continue
		}
		name := names[self]
		if whole := wholes[self]; name.kind == "" {
			name = names[whole]
		}
		if name.kind != "" {
			blockers = append(blockers, name.kind+" "+name.name)
		}
	}
	slices.Sort(blockers)
	return slices.Compact(blockers)
}

// closure is a set of objects with all their parts.
func closure(set Nodes, parts map[Node][]Node) Nodes {
	all := Nodes{}
	var queue []Node
	for n := range set {
		queue = append(queue, n)
	}
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !all[n] {
			all[n] = true
			queue = append(queue, parts[n]...)
		}
	}
	return all
}
