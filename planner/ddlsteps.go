package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/state"
)

// runSteps says what is done for a command, in order.
func runSteps(d *DDL) []Step {
	forget := Step{ID: "state", Kind: "state", Summary: "record in the state file that it is applied"}
	if d.Record {
		return []Step{forget}
	}
	steps := []Step{}
	timeout := fmt.Sprintf("set local lock_timeout = %d", d.LockTimeoutMillis)
	for _, s := range d.Mirrors {
		steps = append(steps, Step{ID: "ledger " + s.Address, Kind: "ledger", Peer: s.Target, Summary: "record the command for " + s.Address + " in schema bascule"})
	}
	whole := []string{"begin", "set local search_path = ''", timeout, d.Command, "commit"}
	onSource, onTarget := "run it in one transaction, with a message that says where it stands among the rows", "run it where the stream of %s comes to that message"
	switch {
	case d.Alone:
		limit := int64(0) // nobody waits behind it
		if slices.ContainsFunc(d.Statements, func(s DDLStatement) bool { return s.Queues() }) {
			limit = d.LockTimeoutMillis
		}
		whole = []string{"set search_path = ''", fmt.Sprintf("set lock_timeout = %d", limit), d.Command}
		onSource, onTarget = "run it, outside of a transaction", "run it, outside of a transaction, when the stream of %s has come to where it ended"
	case d.RanOnSource:
		onTarget = "run it where the stream of %s stands still for it"
	}
	if !d.RanOnSource {
		steps = append(steps, Step{ID: "source", Kind: "ddl", Peer: d.Source, Summary: onSource, SQL: d.throughPglogical(whole)})
	}
	for _, s := range d.Mirrors {
		step := Step{ID: "target " + s.Address, Kind: "ddl", Peer: s.Target, Summary: fmt.Sprintf(onTarget, s.Address), SQL: whole}
		if s.Engine == EnginePglogical && !d.Alone && !d.RanOnSource {
			step.Summary, step.SQL = "pglogical runs it as the role of the same name, in its place among the rows", []string{d.Command}
		}
		steps = append(steps, step)
	}
	return append(steps, forget)
}

// throughPglogical is how a command runs on a source that pglogical carries it from.
func (d *DDL) throughPglogical(whole []string) []string {
	carried := slices.ContainsFunc(d.Mirrors, func(m DDLMirror) bool { return m.Engine == EnginePglogical })
	if !carried || d.Alone {
		return whole
	}
	sets := "<those of its tables>"
	if len(d.ReplicationSets) > 0 {
		var quoted []string
		for _, name := range d.ReplicationSets {
			quoted = append(quoted, pgname.Literal(name))
		}
		sets = "array[" + strings.Join(quoted, ", ") + "]"
	}
	call := fmt.Sprintf("select pglogical.replicate_ddl_command(%s, %s)", pgname.Literal(d.Command), sets)
	return slices.Concat(whole[:len(whole)-2], []string{call}, whole[len(whole)-1:])
}

// forgottenCommands plans that recorded ddl blocks leave the state when they are no
// longer declared. Nothing runs.
func (m *maker) forgottenCommands() {
	for _, r := range m.in.State.Resources {
		if r.DDL == nil || !m.in.Destroy && m.declaresDDL(r.Address) {
			continue
		}
		alone := len(m.in.Targets) > 0 && !names(m.in.Excludes, r.Address) && m.withItsMirrors(r)
		if m.chosen(r.Address) || alone {
			m.forgetDDL(r)
		}
	}
}

func (m *maker) declaresDDL(address string) bool {
	return slices.ContainsFunc(slices.Concat(m.commands, m.applied), func(c *command) bool { return c.decl.Address == address })
}

// withItsMirrors reports whether the plan removes all mirrors of a recorded block.
func (m *maker) withItsMirrors(r *state.Resource) bool {
	return len(r.DDL.Mirrors) > 0 && !slices.ContainsFunc(r.DDL.Mirrors, func(address string) bool { return m.changed(address, Remove) == nil })
}

// changed is the plan's change of a mirror by one of these actions, or nil.
func (m *maker) changed(address string, actions ...string) *Change {
	i := slices.IndexFunc(m.plan.Changes, func(c Change) bool { return c.Address == address && slices.Contains(actions, c.Action) })
	if i < 0 {
		return nil
	}
	return &m.plan.Changes[i]
}

// forgetDDL plans that one leaves the state, and its record the ledgers of the mirrors
// that stay.
func (m *maker) forgetDDL(r *state.Resource) {
	d := &DDL{Source: r.DDL.Source, Mirrors: []DDLMirror{}, Checksum: r.DDL.Checksum, Statements: []DDLStatement{}}
	steps := []Step{}
	for _, address := range r.DDL.Mirrors {
		decl := m.declared(address)
		if decl == nil || m.in.Destroy {
			continue // its records go with it
		}
		s := &side{decl: decl, ledger: m.recordOf(decl)}
		m.settle(s)
		row := false
		for i := 0; s.ledger != nil && i < len(s.ledger.DDL); i++ {
			if s.row = &s.ledger.DDL[i]; s.row.Address == r.Address {
				row = row || s.row.Checksum == r.DDL.Checksum
				m.checkUnderWay(r, s)
			}
		}
		if !row || s.fresh {
			continue
		}
		d.Mirrors = append(d.Mirrors, DDLMirror{Address: address, ID: s.ledger.ID, Target: decl.Target.Address})
		steps = append(steps, Step{ID: "ledger " + address, Kind: "cleanup", Peer: decl.Target.Address, Summary: "delete its record for " + address + " from schema bascule",
			SQL: []string{fmt.Sprintf("delete from bascule.ddl where mirror = %s and id = %s", pgname.Literal(s.ledger.ID), pgname.Literal(DDLID(r.Address, r.DDL.Checksum)))}})
	}
	m.plan.Changes = append(m.plan.Changes, Change{Address: r.Address, Action: Forget, DDL: d,
		Reason: m.removeReason() + "; nothing runs", Steps: append(steps, Step{ID: "forget", Kind: "state", Summary: "leave the state file"})})
}

// checkUnderWay refuses to forget what the source has run and the target not: the stream
// would pass it over.
func (m *maker) checkUnderWay(r *state.Resource, s *side) {
	if s.stage() == ddlBegun && !s.fresh {
		m.find(Finding{Code: codeDDLForgotten, Severity: Refusal, Address: r.Address,
			Summary: fmt.Sprintf("%s has run on the source, and is on its way to the target of %s", r.Address, s.decl.Address),
			Detail:  "Put the block back and apply; take it out when it is through."})
	}
}
