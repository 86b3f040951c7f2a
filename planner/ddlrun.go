package planner

import (
	"fmt"
	"slices"

	"bascule/planner/catalog"
	"bascule/planner/statement"
	"bascule/state"
)

// runs plans the ddl blocks, in their order, once the mirrors are planned.
func (m *maker) runs() {
	for _, c := range m.applied {
		if m.chosen(c.decl.Address) && !m.excluded(c) {
			m.checkLateMirrors(c)
		}
	}
	seen := map[string]*relations{}
	planned := map[string]bool{}
	for _, c := range m.commands {
		if m.chosen(c.decl.Address) && !m.excluded(c) && m.reached(c) {
			planned[c.decl.Address] = true
			m.checkOrder(c, planned)
			m.run(c, seen)
		}
	}
	m.forgottenCommands()
}

// reached reports whether all peers of a command could be read, or are made by the plan.
func (m *maker) reached(c *command) bool {
	return !slices.ContainsFunc(c.sides, func(s *side) bool {
		source, target := m.in.Live[s.decl.Source.Address], m.in.Live[s.decl.Target.Address]
		return source == nil || target == nil || source.Err != nil || target.Err != nil || source.Database == nil
	})
}

// run plans one.
func (m *maker) run(c *command, seen map[string]*relations) {
	for _, s := range c.sides {
		m.settle(s)
	}
	superseded, fine := m.checkEdited(c)
	record, continues, sides := m.progress(c)
	if !fine || sides == nil {
		return
	}
	change := Change{Address: c.decl.Address, Action: Run, File: c.decl.Range.Filename, Line: c.decl.Range.Start.Line,
		DDL: &DDL{Source: c.decl.Mirrors[0].Source.Address, Mirrors: []DDLMirror{}, Command: c.decl.Command, Checksum: c.checksum,
			LockTimeoutMillis: c.decl.LockTimeout.Milliseconds(), RanOnSource: c.decl.RanOnSource,
			ReplicationSets: c.decl.ReplicationSets, Record: record, Continues: continues, Superseded: superseded, Statements: []DDLStatement{}}}
	for _, s := range sides {
		change.DDL.Mirrors = append(change.DDL.Mirrors, s.mirror(m.in.State.Lineage))
	}
	if !record {
		k := &checking{maker: m, command: c, sides: sides, seen: seen, out: change.DDL}
		k.check()
	}
	change.Reason = runReason(change.DDL)
	change.Steps = runSteps(change.DDL)
	m.plan.Changes = append(m.plan.Changes, change)
}

// mirror is the side as the plan has it.
func (s *side) mirror(lineage string) DDLMirror {
	d := DDLMirror{Address: s.decl.Address, ID: MirrorID(lineage, s.decl.Address), Target: s.decl.Target.Address}
	if s.decl.Engine == EnginePglogical {
		d.Engine = EnginePglogical
	}
	return d
}

func runReason(d *DDL) string {
	switch {
	case d.Record:
		return "the ledgers of its mirrors have it as applied; it is taken into the state, and nothing runs"
	case d.Continues:
		return "an apply before this one began with it; it goes on from there"
	case d.RanOnSource:
		return "it ran on the source already; it runs on the target alone, where the stream stands still for it"
	}
	return ""
}

// settle notes what the plan does to the mirror of a side.
func (m *maker) settle(s *side) {
	for i := range m.plan.Changes {
		if c := &m.plan.Changes[i]; c.Address == s.decl.Address && c.Mirror != nil {
			s.change = c
		}
	}
	if s.change != nil && s.change.Mirror.AdoptFrom == "" {
		s.fresh = s.change.Action == Replace || s.change.Action == Create && !running(s.ledger)
	}
}

// progress says how far a command is, and on which sides it has yet to run or to be
// recorded; none where the plan has to be refused.
func (m *maker) progress(c *command) (record, continues bool, sides []*side) {
	ran, lsn := c.ran()
	record = ran
	fine := true
	for _, s := range c.sides {
		stage := s.stage()
		switch {
		case stage == ddlApplied:
			sides = append(sides, s)
		case !ran:
			continues = continues || stage == ddlRecorded
			sides = append(sides, s)
		case s.copiedAfter(lsn), s.fresh && stage == ddlAbsent && lsn != 0:
			// its copy has what the command made
		case s.fresh:
			m.madeMeanwhile(c, s)
			fine = false
		case stage == ddlAbsent:
			m.namedLater(c, s)
			fine = false
		default:
			record, continues = false, true
			sides = append(sides, s)
		}
	}
	if !fine {
		return false, false, nil
	}
	return record, continues, sides
}

// ran reports whether the source ran the command, or was about to commit it, and where
// it did; 0 where no target has it yet.
func (c *command) ran() (begun bool, lsn catalog.LSN) {
	for _, s := range c.sides {
		begun = begun || s.stage() >= ddlBegun
		if s.stage() == ddlApplied {
			lsn = max(lsn, s.row.LSN)
		}
	}
	return begun, lsn
}

// copiedAfter reports whether all tables of the mirror were copied after a commit of the
// source, and the schema with them.
func (s *side) copiedAfter(lsn catalog.LSN) bool {
	if s.ledger == nil || lsn == 0 {
		return false
	}
	after := false
	for _, t := range s.ledger.Members {
		switch {
		case t.State == catalog.MemberRemoved, t.Point == 0:
		case t.Point < lsn:
			return false
		default:
			after = true
		}
	}
	return after
}

// checkEdited refuses a block whose command is another than the one that ran. Versions
// that never ran are returned: their records go.
func (m *maker) checkEdited(c *command) (superseded []string, fine bool) {
	rec := m.in.State.Find(c.decl.Address)
	edited := rec != nil && rec.DDL != nil && rec.Status == state.Ready
	for _, s := range c.sides {
		for i := 0; s.ledger != nil && i < len(s.ledger.DDL); i++ {
			switch d := &s.ledger.DDL[i]; {
			case d.Address != c.decl.Address || d.Checksum == c.checksum:
			case d.Begun || !d.Applied.IsZero():
				edited = true
			case !slices.Contains(superseded, d.ID):
				superseded = append(superseded, d.ID)
			}
		}
	}
	slices.Sort(superseded)
	if edited {
		m.findDDL(c, "command", codeEdited, Refusal, c.decl.Address+" was edited, and its command has run",
			"A command runs once. Put it back as it was, and add a new ddl block with what is to run now.")
	}
	return superseded, !edited
}

// findDDL adds a finding about a ddl block, at one of its attributes.
func (m *maker) findDDL(c *command, attribute, code, severity, summary, detail string, objects ...string) {
	m.find(at(Finding{Code: code, Severity: severity, Address: c.decl.Address, Summary: summary, Detail: detail, Objects: objects}, c.decl.RangeOf(attribute)))
}

// statementText shortens a statement to one line for a finding.
func statementText(s *statement.Statement) string {
	const longest = 60
	text := []rune(oneSpace(s.Text))
	if len(text) > longest {
		text = append(text[:longest-3], []rune("...")...)
	}
	return fmt.Sprintf("`%s`", string(text))
}
