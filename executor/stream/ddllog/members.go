package ddllog

import (
	"fmt"
	"slices"

	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
)

// Become is what a command of the transaction with this commit makes of the mirror's
// members: those that are new, or other than before. Notes are for the operator.
//
// A table that is published and no member was made by the command, or has on the target
// all rows that came before it as those of its root: its changes are applied from this
// very place on. One that was made with rows waits for these, and so does one that was
// late to join its publication: what was written to it until then is not sent.
func Become(all []ledger.Member, e *Entry, final catalog.LSN) (changed []ledger.Member, notes []string) {
	for i := range e.Tables {
		t := &e.Tables[i]
		at := slices.IndexFunc(all, func(m ledger.Member) bool { return m.Source == t.OID })
		switch {
		case t.followed() && (at < 0 || all[at].State == ledger.Removed):
			m := t.fresh(final)
			if e.Definition != "" {
				m.State, m.Point = ledger.Waiting, 0
			}
			changed = append(changed, m)
		case e.late(t) && (at < 0 || all[at].State == ledger.Removed):
			m := t.fresh(final)
			m.Follow, m.Key, m.State, m.Point = t.Could.Follow, t.Could.key(), ledger.Waiting, 0
			changed = append(changed, m)
		case at >= 0 && all[at].State != ledger.Removed:
			m, note := t.become(all[at], final)
			if !same(m, all[at]) {
				changed = append(changed, m)
			}
			if note != "" {
				notes = append(notes, note)
			}
		}
	}
	return changed, notes
}

func (t *Touched) fresh(final catalog.LSN) ledger.Member {
	return ledger.Member{Source: t.OID, Schema: t.Schema, Name: t.Name, TargetSchema: t.Schema, TargetName: t.Name,
		Follow: t.Follow, Key: t.key(), State: ledger.Followed, Point: final}
}

// become carries over what is not the log's to say. The target's name follows the
// source's, where it was the same.
func (t *Touched) become(was ledger.Member, final catalog.LSN) (m ledger.Member, note string) {
	m = was
	switch {
	case t.Dropped:
		m.State = ledger.Removed
		return m, ""
	case was.State == ledger.Copying && !t.followed():
		return m, "" // it is published, and copied, behind this
	}
	m.Schema, m.Name = t.Schema, t.Name
	if was.Schema == was.TargetSchema && was.Name == was.TargetName {
		m.TargetSchema, m.TargetName = t.Schema, t.Name
	}
	if t.Could != nil && !t.followed() && (was.State == ledger.Waiting || was.State == ledger.Followed && was.Point.Covers(final)) {
		m.Follow, m.Key = t.Could.Follow, t.Could.key() // it has joined, or will, behind this
		return m, ""
	}
	switch {
	case t.followed():
		m.Follow, m.Key = t.Follow, t.key()
	case t.Partition:
		m.State = ledger.Removed // its root stands for it
	default:
		m.State = ledger.Removed
		note = t.String() + " is not published any more, and not followed"
	}
	switch {
	case m.State == ledger.Removed:
	case was.Follow == planner.FollowAll && m.Follow == planner.FollowInserts:
		note = planner.InsertsAlone(t.String())
	case was.State == ledger.Followed && was.Follow == planner.FollowInserts && m.Follow == planner.FollowAll:
		note = fmt.Sprintf("updates and deletes of %s are followed from now on; where it had some before, copy it again", t)
	}
	return m, note
}

func (t *Touched) key() []string { return Followed{t.Follow, t.Key}.key() }

// key is nil for a table of which inserts alone are followed.
func (f Followed) key() []string {
	if f.Follow != planner.FollowAll {
		return nil
	}
	return f.Key
}

func same(a, b ledger.Member) bool {
	return a.Schema == b.Schema && a.Name == b.Name && a.TargetSchema == b.TargetSchema && a.TargetName == b.TargetName &&
		a.Follow == b.Follow && slices.Equal(a.Key, b.Key) && a.State == b.State
}

// Apply returns the members with changes made.
func Apply(all, changed []ledger.Member) []ledger.Member {
	list := slices.Clone(all)
	for _, m := range changed {
		if at := slices.IndexFunc(list, func(x ledger.Member) bool { return x.Source == m.Source }); at >= 0 {
			list[at] = m
		} else {
			list = append(list, m)
		}
	}
	return list
}
