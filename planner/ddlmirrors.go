package planner

import (
	"fmt"
	"slices"

	"bascule/planner/catalog"
)

// checkOrder refuses a block whose plan leaves out what it depends on.
func (m *maker) checkOrder(c *command, planned map[string]bool) {
	for _, other := range m.commands {
		if slices.Contains(c.decl.DependsOn, other.decl.Address) && !planned[other.decl.Address] && m.reached(other) {
			m.findDDL(c, "depends_on", codeDDLOrder, Refusal, fmt.Sprintf("%s depends on %s, which has not run and is not in this plan", c.decl.Address, other.decl.Address),
				"Take it into the plan, or leave this one out, with -target or -exclude.")
		}
	}
}

// checkLateMirrors looks for mirrors that an applied block names since it was applied.
func (m *maker) checkLateMirrors(c *command) {
	rec := m.in.State.Find(c.decl.Address).DDL
	lsn, err := catalog.ParseLSN(rec.LSN)
	if err != nil {
		return // of an older build
	}
	for _, s := range c.sides {
		m.settle(s)
		if !slices.Contains(rec.Mirrors, s.decl.Address) && s.ledger != nil && s.stage() != ddlApplied && !s.fresh && !s.copiedAfter(lsn) {
			m.namedLater(c, s)
		}
	}
}

// namedLater refuses a mirror that streamed when the command ran without it.
func (m *maker) namedLater(c *command, s *side) {
	m.findDDL(c, "mirrors", codeDDLMirror, Refusal, fmt.Sprintf("%s ran before %s was named in it, and does not run again", c.decl.Address, s.decl.Address),
		fmt.Sprintf("Take %s out of mirrors. For its target add a block of its own, with the same command, mirrors = [%[1]s] and ran_on_source = true.", s.decl.Address), s.decl.Address)
}

// madeMeanwhile refuses a mirror that is made anew while the command is on its way: its
// copy may have what the command makes, and would get it again.
func (m *maker) madeMeanwhile(c *command, s *side) {
	m.findDDL(c, "mirrors", codeDDLMirror, Refusal, fmt.Sprintf("%s is on its way, and this plan makes %s anew, whose copy has then what the command made on the source", c.decl.Address, s.decl.Address),
		fmt.Sprintf("Take %s out of mirrors or, where it names no other, take the block out. Or let the command come through first, and make the mirror anew then.", s.decl.Address), s.decl.Address)
}

// checkSides checks that the command can come through on each side.
func (k *checking) checkSides() {
	for _, s := range k.sides {
		if s.stage() == ddlApplied {
			continue
		}
		k.checkCopied(s)
		k.checkStanding(s)
	}
}

// checkCopied refuses to run, on a target that this plan fills, what the source has.
func (k *checking) checkCopied(s *side) {
	if k.decl.RanOnSource && s.fresh && s.decl.Schema.Copy {
		k.found("ran_on_source", codeDDLMirror, Refusal, fmt.Sprintf("%s is made by this plan, and its copy has what the command made on the source", s.decl.Address),
			fmt.Sprintf("Take %s out of mirrors or, where it names no other, take the block out.", s.decl.Address), s.decl.Address)
	}
}

// checkStanding looks for mirrors that stand still.
func (k *checking) checkStanding(s *side) {
	name := s.decl.Address
	recorded := recordedStream(s.ledger)
	switch {
	case s.decl.Paused, s.change == nil && recorded != nil && recorded.Paused:
		k.found("mirrors", codeDDLStill, Refusal, name+" is paused, and the command waits for its stream", "Let it stream first: paused = false. Or leave the block out of this plan with -exclude.", name)
		return
	case s.change == nil && !running(s.ledger):
		if !k.chosen(name) {
			k.found("mirrors", codeDDLStill, Refusal, name+" does not stream yet, and is not in this plan", fmt.Sprintf("Take it into the plan with -target='%s', or apply it first.", name), name)
		}
		return
	}
	if s.fresh || s.ledger == nil || s.ledger.Stream == nil || s.ledger.Stream.Halt == nil {
		return
	}
	switch h := s.ledger.Stream.Halt; {
	case catalog.AwaitsCommand(h.Code) && k.onSource(), s.stage() == ddlBegun && !h.Terminal:
	case catalog.AwaitsCommand(h.Code) && !catalog.ByDefinition(h.Code): // else its remedy says more
		k.found("mirrors", codeDDLStill, Warning, fmt.Sprintf("%s is halted: %s", name, h.Text),
			"If this command is what changed the source, it ran there already: set ran_on_source = true. If not, mend that first: the command waits for the stream.", name)
	case h.Terminal:
		k.found("mirrors", codeDDLStill, Refusal, fmt.Sprintf("%s is halted, and the command cannot come through: %s", name, h.Text), sentence(h.Remedy), name)
	default:
		k.found("mirrors", codeDDLStill, Warning, fmt.Sprintf("%s is halted: %s", name, h.Text), "Apply tries that again; the command waits until it is mended. "+sentence(h.Remedy), name)
	}
}
