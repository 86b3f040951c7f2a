package planner

import (
	"fmt"
	"strings"

	"bascule/config/pgname"
	"bascule/state"
)

// removeFromSource plans that a mirror goes whose target cannot be read. What it has on
// its source goes now: a slot holds WAL until the disk is full, whether or not anybody
// ever comes for it. On the target nothing is done, and the mirror stays in the state
// until an apply reaches that. When the source is in order there is nothing to do but to
// say so.
func (m *maker) removeFromSource(r *state.Resource, live *Live) {
	m.unfinished[r.Address] = true
	id, made := MirrorID(m.in.State.Lineage, r.Address), m.madeBy(r)
	m.find(leftOnTarget(r, id, made, live))
	if r.Left() {
		return
	}
	steps := m.sourceCleanup(r, made)
	if len(steps) > 0 && made.Engine == EnginePglogical {
		steps = append([]Step{providerCleanup(made, r.Mirror.Source)}, steps...)
	}
	m.plan.Changes = append(m.plan.Changes, Change{Address: r.Address, Action: Remove,
		Reason: m.removeReason() + "; its target cannot be reached, so what it has there stays for now",
		Mirror: &Mirror{Source: r.Mirror.Source, Target: r.Mirror.Target, ID: id, Digest: r.Mirror.Digest, Stream: made},
		Steps:  append(steps, Step{ID: StepStay, Kind: "state", Summary: "stay in the state file until " + r.Mirror.Target + " can be reached"})})
}

// StepStay is the step of a removal that ends with the mirror in the state: its target
// could not be reached when the plan was made.
const StepStay = "stay"

// providerCleanup takes off the source what pglogical has there for a mirror.
func providerCleanup(s *Stream, source string) Step {
	return Step{ID: "drop node", Kind: "cleanup", Peer: source, Summary: "drop pglogical's slot, replication sets, node and extension, as far as they were made for the mirror",
		SQL: []string{"DROP_REPLICATION_SLOT <that of subscription " + pgname.Quote(s.Subscription) + ">",
			"select pglogical.replication_set_remove_table(<set>, <each table>)",
			"select pglogical.drop_node(" + pgname.Literal(s.Subscription) + ", true)"}}
}

// leftOnTarget says what a mirror has on a target that cannot be reached.
func leftOnTarget(r *state.Resource, id string, made *Stream, live *Live) Finding {
	target := r.Mirror.Target
	has, sql := []string{"its records in schema bascule"}, []string{"delete from bascule.mirror where id = " + pgname.Literal(id) + ", or where no other mirror has records there, drop schema bascule cascade"}
	if made != nil && made.Engine != "" {
		has = append([]string{engineLeft(made)}, has...)
		sql = append(subscriptionSQL(made), sql...)
	}
	if made != nil && len(made.DisableTriggers) > 0 {
		has = append(has, "triggers that were switched off for it, of "+few(made.DisableTriggers))
		for _, table := range made.DisableTriggers {
			sql = append(sql, "alter table only "+table+" enable trigger user")
		}
	}
	done := "Its source is put in order by this apply."
	if r.Left() {
		done = "Its source is in order."
	}
	return Finding{Code: codeLeftOnTarget, Severity: Warning, Address: r.Address, Objects: has,
		Summary: fmt.Sprintf("%s cannot be reached, so what %s has there stays for now: %s", target, r.Address, strings.Join(has, ", ")),
		Detail: fmt.Sprintf("%s The mirror stays in the state until an apply that reaches %s, which takes that away. If it is gone for good: bascule state rm '%s'. "+
			"Should it come back after that, on %s: %s.", done, target, r.Address, live.Endpoint, strings.Join(sql, "; "))}
}

// engineLeft names the servers' engine on a target.
func engineLeft(s *Stream) string {
	if s.Engine == EnginePglogical {
		return "pglogical's subscription " + s.Subscription + " with its origin and node"
	}
	return "subscription " + s.Subscription + " with its origin"
}

// subscriptionSQL drops it, wherever its source is.
func subscriptionSQL(s *Stream) []string {
	if s.Engine == EnginePglogical {
		return []string{"select pglogical.drop_subscription(" + pgname.Literal(s.Subscription) + ", true)",
			"select pglogical.drop_node(node_name, true) from pglogical.local_node join pglogical.node using (node_id) where node_name like 'bascule\\_%'",
			"drop extension pglogical, where its comment says that Bascule created it"}
	}
	name := pgname.Quote(s.Subscription)
	return []string{"alter subscription " + name + " disable", "alter subscription " + name + " set (slot_name = none)", "drop subscription if exists " + name}
}
