package planner

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Stale says what moved between a saved plan and one made now of the same files,
// state and databases. It is empty when the saved plan may be applied.
//
// Where nothing else moved, and both plans are about the same part of the
// configuration, what would be done is compared too: rows of the target, its ledger,
// and what roles may do are in no fingerprint.
func Stale(saved, fresh *Plan) []string {
	var moved []string
	if saved.Version != fresh.Version {
		moved = append(moved, fmt.Sprintf("the program: it was made by %s, this is %s", saved.Version, fresh.Version))
	}
	if saved.Lineage != fresh.Lineage {
		moved = append(moved, "the state: it is another state file")
	} else if saved.StateSerial != fresh.StateSerial {
		moved = append(moved, fmt.Sprintf("the state: serial %d then, %d now", saved.StateSerial, fresh.StateSerial))
	}
	if saved.ConfigDigest != fresh.ConfigDigest {
		moved = append(moved, "the configuration: its files or variables changed")
	}
	for _, was := range saved.Peers {
		i := slices.IndexFunc(fresh.Peers, func(p Peer) bool { return p.Address == was.Address })
		if i < 0 {
			moved = append(moved, was.Address+": it is no longer declared")
			continue
		}
		moved = append(moved, stalePeer(was, fresh.Peers[i])...)
	}
	if len(moved) > 0 || !sameScope(saved, fresh) {
		return moved
	}
	return staleChanges(saved, fresh)
}

func stalePeer(was, now Peer) []string {
	switch {
	case was.Error == "" && now.Error != "":
		return []string{was.Address + ": it cannot be read now: " + now.Error}
	case was.SystemIdentifier != now.SystemIdentifier || was.DatabaseOID != now.DatabaseOID || was.Missing != now.Missing:
		return []string{was.Address + ": it is another database"}
	case was.Fingerprint != now.Fingerprint:
		return []string{was.Address + ": its definitions changed (DDL was run there)"}
	}
	return nil
}

func sameScope(a, b *Plan) bool {
	return a.Destroy == b.Destroy && slices.Equal(a.Targets, b.Targets) && slices.Equal(a.Excludes, b.Excludes) && slices.Equal(a.Replaces, b.Replaces)
}

// staleChanges compares what would be done, sizes left aside, and finds what would be
// refused now.
func staleChanges(saved, fresh *Plan) []string {
	var moved []string
	for _, was := range saved.Changes {
		i := slices.IndexFunc(fresh.Changes, func(c Change) bool { return c.Address == was.Address })
		if i < 0 {
			moved = append(moved, was.Address+": nothing is to be done any more")
			continue
		}
		moved = append(moved, staleChange(was, fresh.Changes[i])...)
	}
	for _, now := range fresh.Changes {
		if !slices.ContainsFunc(saved.Changes, func(c Change) bool { return c.Address == now.Address }) {
			moved = append(moved, now.Address+": it is to be changed too")
		}
	}
	for _, f := range fresh.Findings {
		known := slices.ContainsFunc(saved.Findings, func(was Finding) bool { return was.Code == f.Code && was.Address == f.Address })
		if f.Severity == Refusal && !known {
			moved = append(moved, f.Address+": it would be refused now: "+f.Summary)
		}
	}
	return moved
}

func staleChange(was, now Change) []string {
	lost := slices.DeleteFunc(slices.Clone(now.DataLoss), func(name string) bool { return slices.Contains(was.DataLoss, name) })
	switch {
	case was.Action != now.Action:
		return []string{fmt.Sprintf("%s: the action was %q, now it is %q", was.Address, was.Action, now.Action)}
	case len(lost) > 0:
		return []string{was.Address + ": the target has what it did not have: " + strings.Join(lost, ", ")}
	case !reflect.DeepEqual(stripped(was.Mirror), stripped(now.Mirror)), !reflect.DeepEqual(bare(was.DDL), bare(now.DDL)):
		return []string{was.Address + ": what is to be done changed"}
	}
	return nil
}

// stripped is what decides how a mirror is carried out, without sizes and estimates.
func stripped(m *Mirror) any {
	if m == nil {
		return nil
	}
	return struct {
		adopt             string
		clean, resume     bool
		roles             []Role
		leftOut           []LeftOut
		large, workMem    bool
		database, replica bool
		stream, before    *Stream
		tables            []Table
	}{m.AdoptFrom, m.Clean, m.Resume, m.Options.Roles, m.LeftOut, m.LargeObjects > 0, m.Options.MaintenanceWorkMem > 0,
		m.Options.Database != nil, m.Options.ReplicaRole, m.Stream, m.Before, followedTables(m)}
}

// bare is a command without what is known of its statements, which has sizes in it.
func bare(d *DDL) any {
	if d == nil {
		return nil
	}
	b := *d
	b.Statements = nil
	return b
}

// followedTables is what is done to the tables of a continuous mirror.
func followedTables(m *Mirror) []Table {
	if m.Stream == nil {
		return nil
	}
	var list []Table
	for _, t := range m.Tables {
		list = append(list, Table{OID: t.OID, Follow: t.Follow, Key: t.Key, Work: t.Work})
	}
	return list
}
