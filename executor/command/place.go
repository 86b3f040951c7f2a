package command

import (
	"context"
	"regexp"
	"slices"

	"bascule/executor/journal"
	"bascule/executor/ledger"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/statement"
	"bascule/state"
)

// blocks are this one and those behind it in the plan that ran on the source, too, as the
// stream runs them in their places: a transaction that needs more than one cannot come
// through with the first alone. None, where this one is not for the stream to run.
func (s *side) blocks(ctx context.Context) (list []stream.Block, err error) {
	var found *shift
	for i := range s.cfg.Plan.Changes {
		c := &s.cfg.Plan.Changes[i]
		own := c == s.change
		if !own && (len(list) == 0 || !s.alsoRan(c)) {
			continue
		}
		statements, failed := statement.Parse(c.DDL.Command)
		if c.DDL.Alone || failed != nil && endsTransaction.MatchString(c.DDL.Command) {
			continue
		}
		b := stream.Block{ID: planner.DDLID(c.Address, c.DDL.Checksum), Address: c.Address, Command: c.DDL.Command, LockTimeout: lockTimeout(c.DDL), Tables: named(statements)}
		if !s.fromLog(c.DDL) {
			if found == nil {
				if found, err = s.soon(ctx); err != nil {
					return nil, err
				}
			}
			b.Become = (&becoming{statements: statements, names: b.Tables, unsure: failed != nil || unsure(statements), now: found.members}).become
		}
		if !own {
			if err := s.recordAhead(ctx, c); err != nil {
				return nil, err
			}
		}
		list = append(list, b)
	}
	return list, nil
}

// soon is what will have become of the mirror's tables. What is to be published of one is
// from here on: behind its place it is missed. What is no longer, when the place is passed
// (see withdrawn): before it, it is missed.
func (s *side) soon(ctx context.Context) (*shift, error) {
	found, err := s.shifted(ctx)
	if err != nil {
		return nil, err
	}
	return found, s.publish(ctx, found.members, func(m ledger.Member) bool { return m.State == ledger.Followed && m.Follow == planner.FollowAll })
}

// withdrawn has the publications let go of what the members are no longer followed by.
func (s *side) withdrawn(ctx context.Context, members []ledger.Member, there map[uint32]bool) error {
	return s.publish(ctx, members, func(m ledger.Member) bool {
		return there[m.Source] && (m.State == ledger.Removed || m.State == ledger.Followed && m.Follow == planner.FollowInserts)
	})
}

// endsTransaction finds what may end the transaction that it runs in, in what cannot be
// read: the rows before it would be committed without it.
var endsTransaction = regexp.MustCompile(`(?i)\b(commit|rollback|abort|end|prepare)\b`)

// alsoRan reports whether a change is a block of this mirror that ran on the source, and
// is yet to run on its target.
func (s *side) alsoRan(c *planner.Change) bool {
	return c.DDL != nil && c.Action == planner.Run && c.DDL.RanOnSource && !c.DDL.Record &&
		slices.ContainsFunc(c.DDL.Mirrors, func(m planner.DDLMirror) bool { return m.Address == s.address })
}

// fromLog reports whether a block stands for entries of the log that the mirror follows:
// these say what becomes of the members.
func (s *side) fromLog(d *planner.DDL) bool {
	return s.settings.Log != "" && stream.FromLog(d.Command)
}

// recordAhead records a block with the target before its turn has come. Its nonce is of no
// use: no message will carry it.
func (s *side) recordAhead(ctx context.Context, c *planner.Change) error {
	d, err := newCommanding(s.cfg, c)
	if err != nil {
		return err
	}
	if err := s.cfg.Journal.Save(ctx, func(f *state.File) { journal.Put(f, c.Address, d.resource(state.Creating, nil)) }); err != nil {
		return err
	}
	_, err = d.recordWith(ctx, s.conn, s.id, s.row.Nonce)
	return err
}

// named are the tables that statements name.
func named(statements []statement.Statement) (names []string) {
	for i := range statements {
		x := &statements[i]
		for _, t := range x.Tables {
			names = append(names, t.String())
		}
		for _, n := range slices.Concat(x.Creates, x.Drops) {
			names = append(names, n.String())
		}
		for _, r := range x.Renames {
			names = append(names, r.From.String())
		}
	}
	return names
}

// becoming is what a block makes of members, by its statements and by what the source has
// made of them since. Of the latter only what the block is about counts: the rest has
// places of its own, further on in the stream.
type becoming struct {
	statements []statement.Statement
	names      []string // of the tables that they name
	unsure     bool     // they do not tell all
	now        []ledger.Member
}

// unsure reports whether statements do not tell all that they do to tables.
func unsure(list []statement.Statement) bool {
	return slices.ContainsFunc(list, func(x statement.Statement) bool { return x.Opaque || len(x.Schemas) > 0 })
}

func (b *becoming) become(all []ledger.Member) (changed []ledger.Member) {
	for _, was := range all {
		if was.State == ledger.Removed {
			continue
		}
		if m := b.of(was); !sameMember(m, was) {
			changed = append(changed, m)
		}
	}
	for _, m := range b.now {
		known := slices.ContainsFunc(all, func(was ledger.Member) bool { return was.Source == m.Source && was.State != ledger.Removed })
		if !known && m.State != ledger.Removed {
			changed = append(changed, m)
		}
	}
	return changed
}

// of is what becomes of one.
func (b *becoming) of(was ledger.Member) ledger.Member {
	m := was
	i := slices.IndexFunc(b.now, func(now ledger.Member) bool { return now.Source == was.Source })
	name := b.renamed(statement.Name{Schema: was.TargetSchema, Name: was.TargetName})
	switch {
	case b.drops(was):
		m.State = ledger.Removed
		return m
	case i >= 0 && b.unsure && b.now[i].State != ledger.Removed:
		now := b.now[i]
		m.Schema, m.Name, m.TargetSchema, m.TargetName = now.Schema, now.Name, now.TargetSchema, now.TargetName
	case was.Schema == was.TargetSchema && was.Name == was.TargetName:
		m.Schema, m.Name, m.TargetSchema, m.TargetName = name.Schema, name.Name, name.Schema, name.Name
	default:
		m.TargetSchema, m.TargetName = name.Schema, name.Name
	}
	if i >= 0 && b.now[i].State != ledger.Removed && (b.unsure || b.about(was)) {
		m.Follow, m.Key, m.Dropped = b.now[i].Follow, b.now[i].Key, b.now[i].Dropped
	}
	return m
}

// renamed is the name that a table has behind the statements.
func (b *becoming) renamed(n statement.Name) statement.Name {
	for _, x := range b.statements {
		for _, r := range x.Renames {
			if r.From == n {
				n = r.To
				break
			}
		}
	}
	return n
}

// drops reports whether a statement drops a member's table by its name.
func (b *becoming) drops(m ledger.Member) bool {
	return slices.ContainsFunc(b.statements, func(x statement.Statement) bool {
		return slices.Contains(x.Drops, statement.Name{Schema: m.TargetSchema, Name: m.TargetName})
	})
}

// about reports whether a statement names a member's table.
func (b *becoming) about(m ledger.Member) bool {
	return slices.Contains(b.names, statement.Name{Schema: m.TargetSchema, Name: m.TargetName}.String())
}
