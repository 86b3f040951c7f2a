package planner

import (
	"slices"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/statement"
	"bascule/state"
)

// command is the planning of one ddl block.
type command struct {
	decl     *config.DDL
	id       string
	checksum string
	sides    []*side // of its mirrors, in their order

	read       bool
	statements []statement.Statement
	failed     error // it could not be parsed
}

// side is one mirror of a command.
type side struct {
	decl   *config.Mirror
	ledger *catalog.LedgerMirror // its record, or nil
	row    *catalog.LedgerDDL    // the command's, or nil

	// Known once the mirrors are planned. Fresh: the plan makes it, as its source is now.
	change *Change
	fresh  bool
}

// How far a command is on one side, by the ledger.
const (
	ddlAbsent   = iota
	ddlRecorded // an apply was about to run it
	ddlBegun    // the source ran it, and was about to commit
	ddlApplied
)

func (s *side) stage() int {
	switch {
	case s.row == nil:
		return ddlAbsent
	case !s.row.Applied.IsZero():
		return ddlApplied
	case s.row.Begun:
		return ddlBegun
	}
	return ddlRecorded
}

// readCommands sorts the ddl blocks into those that are applied, as the state has it,
// and those that are not. It goes before the mirrors, which look at what is to come.
func (m *maker) readCommands() {
	if m.in.Destroy {
		return
	}
	for _, decl := range m.in.Config.DDL {
		c := &command{decl: decl, checksum: Checksum(decl.Command)}
		c.id = DDLID(decl.Address, c.checksum)
		for _, mirror := range decl.Mirrors {
			c.sides = append(c.sides, m.side(c, mirror))
		}
		if rec := m.in.State.Find(decl.Address); rec != nil && rec.DDL != nil && rec.Status == state.Ready && rec.DDL.Checksum == c.checksum {
			m.applied = append(m.applied, c)
			continue
		}
		m.commands = append(m.commands, c)
	}
}

func (m *maker) side(c *command, decl *config.Mirror) *side {
	s := &side{decl: decl, ledger: m.recordOf(decl)}
	for i := 0; s.ledger != nil && i < len(s.ledger.DDL); i++ {
		if d := &s.ledger.DDL[i]; d.Address == c.decl.Address && d.Checksum == c.checksum {
			s.row = d
		}
	}
	return s
}

// recordOf is a mirror's record in the ledger of its target: its own or, where the state
// does not know it, that of a state which was lost.
func (m *maker) recordOf(decl *config.Mirror) *catalog.LedgerMirror {
	live := m.in.Live[decl.Target.Address]
	led := ledgerMirror(live, MirrorID(m.in.State.Lineage, decl.Address))
	if led != nil || live == nil || live.Ledger == nil || m.in.State.Find(decl.Address) != nil {
		return led
	}
	i := slices.IndexFunc(live.Ledger.Mirrors, func(l catalog.LedgerMirror) bool { return l.Address == decl.Address })
	if i < 0 {
		return nil
	}
	return &live.Ledger.Mirrors[i]
}

// parse reads the command, once. What is applied is never read: the first time costs
// seconds.
func (c *command) parse() []statement.Statement {
	if !c.read {
		c.statements, c.failed = statement.Parse(c.decl.Command)
		c.read = true
	}
	return c.statements
}

// onSource reports whether the source has what the command makes, or is to be taken to
// have it: somebody ran it there, or an apply that was interrupted did.
func (c *command) onSource() bool {
	return c.decl.RanOnSource || slices.ContainsFunc(c.sides, func(s *side) bool { return s.stage() >= ddlBegun })
}

// side of a mirror, or nil.
func (c *command) side(decl *config.Mirror) *side {
	i := slices.IndexFunc(c.sides, func(s *side) bool { return s.decl == decl })
	if i < 0 {
		return nil
	}
	return c.sides[i]
}

// source is the database that the command runs on; nil when it could not be read.
func (m *maker) source(c *command) *catalog.Database {
	if live := m.in.Live[c.decl.Mirrors[0].Source.Address]; live != nil {
		return live.Database
	}
	return nil
}

// held reports whether the source is ahead of a mirror by a command that has yet to come
// through: how its tables differ from what is followed is that command's doing, and no
// reason to copy them.
func (m *maker) held(decl *config.Mirror) bool {
	return slices.ContainsFunc(m.commands, func(c *command) bool {
		s := c.side(decl)
		if s == nil || s.stage() == ddlApplied {
			return false
		}
		return s.stage() == ddlBegun || c.decl.RanOnSource && m.chosen(c.decl.Address)
	})
}

// coming are the statements that are yet to run on the source of a mirror, for it.
func (m *maker) coming(decl *config.Mirror) []statement.Statement {
	var list []statement.Statement
	for _, c := range m.commands {
		if c.side(decl) != nil && !c.onSource() {
			list = append(list, c.parse()...)
		}
	}
	return list
}

// commanded reports whether a ddl block that is to be planned, and is not applied, has one
// of its mirrors at this peer.
func (m *maker) commanded(peer string) bool {
	return slices.ContainsFunc(m.commands, func(c *command) bool {
		return m.chosen(c.decl.Address) && !m.excluded(c) && slices.ContainsFunc(c.decl.Mirrors, func(decl *config.Mirror) bool {
			return decl.Source.Address == peer || decl.Target.Address == peer
		})
	})
}

// excluded reports whether a mirror of the command is left out of the plan by name: the
// command is then left out too.
func (m *maker) excluded(c *command) bool {
	return slices.ContainsFunc(c.decl.Mirrors, func(decl *config.Mirror) bool { return names(m.in.Excludes, decl.Address) })
}
