package planner

import "bascule/planner/depend"

// checkBlockers names what of the target is not dropped and depends on something that
// is: DROP without CASCADE is all that is ever used.
func (d *draft) checkBlockers(gone depend.Nodes) {
	if len(gone) == 0 {
		return
	}
	if blockers := depend.Blockers(d.target, gone); len(blockers) > 0 {
		d.found("target", codeBlocked, Refusal, plural(len(blockers), "object of the target depends", "objects of the target depend")+" on what would be dropped there: "+few(blockers),
			"They are not the mirror's, and nothing of them is dropped. Drop them there, or take another target.", blockers...)
	}
}
