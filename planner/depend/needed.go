package depend

import (
	"maps"
	"slices"

	"bascule/planner/catalog"
)

// Unneeded are those of the candidates that nothing of kept needs, in a fixed order. What
// stays behind already needs nothing. The candidates are consumed.
func (b *Behind) Unneeded(candidates Nodes, kept []Node) []Node {
	needs := map[Node][]Node{}
	parts := map[Node][]Node{}
	for _, dep := range b.db.Depends {
		self, ref := dependent(dep), referenced(dep)
		needs[self] = append(needs[self], ref)
		if dep.Kind == 'i' || dep.Kind == 'a' {
			parts[ref] = append(parts[ref], self)
		}
	}
	indexes := map[uint32]bool{}
	for _, i := range b.db.Indexes {
		indexes[i.OID] = true
	}
	seen := Nodes{}
	for len(kept) > 0 {
		n := kept[len(kept)-1]
		kept = kept[:len(kept)-1]
		if seen[n] || b.why[n] != "" {
			continue
		}
		seen[n] = true
		delete(candidates, n)
		kept = append(kept, needs[n]...)
		for _, p := range parts[n] {
			if slices.Contains(partClasses, p.Class) || p.Class == catalog.ClassRelation && indexes[p.OID] {
				kept = append(kept, p)
			}
		}
	}
	return slices.SortedFunc(maps.Keys(candidates), compare)
}

// partClasses are the classes of what comes with a table, besides its indexes.
var partClasses = []uint32{catalog.ClassDefault, catalog.ClassRewrite, catalog.ClassType, catalog.ClassConstraint, catalog.ClassTrigger,
	catalog.ClassPolicy, catalog.ClassStatistics}
