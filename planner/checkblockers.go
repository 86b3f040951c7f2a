package planner

import (
	"slices"
)

// checkBlockers names what of the target is not dropped and depends on something
// that is. DROP without CASCADE, which is all that is ever used, would stop there.
func (d *draft) checkBlockers(o *overwriting) {
	if len(o.gone) == 0 {
		return
	}
	wholes := map[node]node{} // of what goes with another object
	parts := map[node][]node{}
	for _, dep := range d.target.Depends {
		self, ref := node{class: dep.Class, oid: dep.OID}, node{class: dep.RefClass, oid: dep.RefOID}
		if dep.Kind != 'n' && self != ref {
			parts[ref] = append(parts[ref], self)
			if self.class != classRelation || ref.class == classRelation {
				wholes[self] = ref
			}
		}
	}
	gone := closure(o.gone, parts)
	names := namesOf(d.target)
	var blockers []string
	for _, dep := range d.target.Depends {
		self, ref := node{class: dep.Class, oid: dep.OID}, node{class: dep.RefClass, oid: dep.RefOID}
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
	if blockers = slices.Compact(blockers); len(blockers) > 0 {
		d.found("target", codeBlocked, Refusal, plural(len(blockers), "object of the target depends", "objects of the target depend")+" on what would be dropped there: "+few(blockers),
			"They are not the mirror's, and nothing of them is dropped. Drop them there, or take another target.", blockers...)
	}
}

// closure is a set of objects with all their parts.
func closure(set nodes, parts map[node][]node) nodes {
	all := nodes{}
	var queue []node
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
