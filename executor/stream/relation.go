package stream

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/target"
	"bascule/planner"
	"bascule/planner/catalog"
)

// members are the mirror's, by their oid on the source.
type members struct {
	known   map[uint32]string // their states
	applied map[uint32]ledger.Member
	waiting map[uint32]ledger.Member // for rows that this stream copies
	schemas map[string]bool          // of those that are not removed, on the source
}

func (s *Stream) choose(all []ledger.Member) members {
	m := members{known: make(map[uint32]string), applied: make(map[uint32]ledger.Member), waiting: make(map[uint32]ledger.Member), schemas: map[string]bool{}}
	names := make(map[string]string, len(all))
	for _, one := range all {
		m.known[one.Source] = one.State
		if one.State != ledger.Removed {
			m.schemas[one.Schema] = true
		}
		if one.State == ledger.Waiting && s.fills() {
			m.waiting[one.Source] = one
		}
		names[pgname.Shown(one.TargetSchema, one.TargetName)] = pgname.Shown(one.Schema, one.Name)
	}
	for _, one := range s.cfg.Members(all) {
		m.applied[one.Source] = one
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = names
	s.unfilled = max(s.unfilled, len(m.waiting)) // fewer are known when that is committed
	return m
}

// relation is a table as the source described it, and what is done with its changes.
type relation struct {
	pgoutput.Relation

	// decided: member says whether its changes are applied. table is nil until one is.
	// log: it has the DDL that was run on the source, and is no table of the mirror.
	decided bool
	applied bool
	log     bool
	member  ledger.Member
	table   *target.Table
}

// describe takes a Relation message in. What was known of the table before is of no
// use any more.
func (r *receiver) describe(rel pgoutput.Relation) {
	r.relations[rel.OID] = &relation{Relation: rel}
	r.last = nil
}

// find returns what is known of the table that a change is of.
func (r *receiver) find(life context.Context, oid uint32) (*relation, error) {
	if r.last != nil && r.last.OID == oid {
		return r.last, nil
	}
	rel, ok := r.relations[oid]
	if !ok {
		return nil, fmt.Errorf("the source sent a change of relation %d without describing it", oid)
	}
	if !rel.decided {
		if err := r.decide(life, rel); err == errFit {
			return r.find(life, oid)
		} else if err != nil {
			return nil, err
		}
		rel = r.relations[oid] // what was known may have been read again
	}
	r.last = rel
	return rel, nil
}

// decide looks a table up among the members. One that is none may have become one
// since they were read.
func (r *receiver) decide(life context.Context, rel *relation) error {
	if _, known := r.members.known[rel.OID]; !known {
		if r.isLog(rel) {
			rel.decided, rel.log = true, true
			return nil
		}
		if r.steps == nil { // then what others see is of before
			if err := r.reload(life); err != nil {
				return err
			}
		}
		if _, known := r.members.known[rel.OID]; !known {
			e := &unknownError{final: r.final, table: pgname.Shown(rel.Schema, rel.Name)}
			return cmp.Or[error](r.fit(life, rel, e), e)
		}
	}
	rel = r.relations[rel.OID]
	rel.member, rel.applied = r.members.applied[rel.OID]
	rel.decided = true
	return nil
}

// reload reads the members again. What was decided by the old ones is forgotten.
func (r *receiver) reload(life context.Context) error {
	m, err := r.link.s.members(life)
	if err != nil {
		return err
	}
	r.members = m
	r.forget()
	return nil
}

// forget has every table looked up again.
func (r *receiver) forget() {
	for oid, rel := range r.relations {
		r.relations[oid] = &relation{Relation: rel.Relation}
	}
	r.last = nil
}

// follows reports whether a change of the table is to be applied, in a transaction
// with this commit.
func (rel *relation) follows(kind byte, final catalog.LSN) bool {
	if !rel.applied || rel.begins().Covers(final) {
		return false
	}
	return rel.member.Follow != planner.FollowInserts || kind == pgoutput.TypeInsert || kind == pgoutput.TypeTruncate
}

// onTarget returns the table's counterpart, which the applier looks up the first time; nil
// where a block has taken the table out of the mirror.
func (r *receiver) onTarget(life context.Context, rel *relation) (*target.Table, error) {
	if rel.table != nil {
		return rel.table, nil
	}
	_, inOrder := r.link.s.inOrder[rel.OID]
	q := &lookup{relation: rel.described(), member: rel.member, inOrder: inOrder, answer: make(chan counterpart, 1)}
	if err := r.order(life, order{table: q}); err != nil {
		return nil, err
	}
	var at counterpart
	select {
	case at = <-q.answer:
	case <-life.Done():
		return nil, context.Cause(life)
	}
	var differences target.Differences
	if at.misfit != nil {
		differences = at.misfit.Differences
	} else {
		differences = at.table.Differences
	}
	rel.table = at.table
	err := r.examine(life, rel, differences, at.misfit)
	if err == errPast {
		rel.member.Dropped = slices.Clone(rel.member.Dropped)
		for _, c := range differences.Missing {
			rel.member.Dropped = append(rel.member.Dropped, c.Name)
		}
		return r.onTarget(life, rel)
	}
	if err == errFit {
		if rel, err = r.find(life, rel.OID); err == nil && rel.applied {
			return r.onTarget(life, rel)
		}
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return rel.table, nil
}

// described is the relation in the target's words.
func (rel *relation) described() target.Relation {
	t := target.Relation{OID: rel.OID, Schema: rel.Schema, Name: rel.Name, Full: rel.Identity == identityFull}
	for _, c := range rel.Columns {
		t.Columns = append(t.Columns, target.Column{Name: c.Name, Type: c.TypeOID, TypMod: c.Modifier, Key: c.Key})
	}
	return t
}

const identityFull = 'f'
