package planner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"bascule/planner/catalog"
	"bascule/planner/statement"
)

// InsertsAlone says, for people, that a command has taken a table the key that its rows
// were found by.
func InsertsAlone(table string) string {
	return fmt.Sprintf("updates and deletes of %s are not followed any more, its inserts alone are: it has no key left that its rows are found by; give it one, or REPLICA IDENTITY FULL, and copy it again", table)
}

// keying is what a command makes of how rows are found. Tables and indexes are by oid.
type keying struct {
	gone    map[uint32]bool            // indexes
	columns map[uint32]map[string]bool // of tables, that are gone or may be null
	primary map[uint32]bool            // tables that get a key
	replica map[uint32]string          // that are set

	// last is the last statement that is about a table.
	last map[*catalog.Relation]*statement.Statement
}

// keys says of which tables a mirror follows no updates and deletes any more when the
// command is through, or does from then on. It is said at the last statement that is
// about the table.
func (k *checking) keys(s *statement.Statement, x *side) (effects []string) {
	var tables []*catalog.Relation
	for r, last := range k.keyed.last {
		if last == s && k.member(x, r) {
			tables = append(tables, r)
		}
	}
	slices.SortFunc(tables, func(a, b *catalog.Relation) int { return cmp.Compare(a.OID, b.OID) })
	for _, r := range tables {
		name := shown(r.Schema, r.Name)
		was, is := k.updated(x, r), k.usable(r, k.keyed)
		switch {
		case was && !is:
			effects = append(effects, fmt.Sprintf("%s leaves the publication of updates and deletes: %s follows its inserts alone", name, x.decl.Address))
			k.found("command", codeNoKey, Warning, fmt.Sprintf("%s leaves %s no key that its rows are found by: %s follows its inserts alone from then on", statementText(s), name, x.decl.Address),
				"Its updates and deletes would not arrive. Give it another key, or REPLICA IDENTITY FULL, in the same block.", name)
		case !was && is:
			effects = append(effects, fmt.Sprintf("updates and deletes of %s are followed by %s from then on", name, x.decl.Address))
		}
	}
	return effects
}

// updated reports whether updates and deletes of a table are followed as it is now.
func (k *checking) updated(x *side, r *catalog.Relation) bool {
	if x.ledger != nil {
		for _, m := range x.ledger.Members {
			if m.Source == r.OID && m.State != catalog.MemberRemoved {
				return m.Follow == FollowAll
			}
		}
	}
	return k.usable(r, keying{})
}

// keying reads it from all statements of a command. A table that the command makes is
// none of those that it is about.
func (k *checking) keying(list []statement.Statement) keying {
	a := keying{gone: map[uint32]bool{}, columns: map[uint32]map[string]bool{}, primary: map[uint32]bool{}, replica: map[uint32]string{},
		last: map[*catalog.Relation]*statement.Statement{}}
	there := &relations{db: k.source.db, byName: maps.Clone(k.source.byName), made: map[statement.Name]bool{}}
	for i := range list {
		s := &list[i]
		for _, id := range s.Identities {
			a.take(there, s, id)
		}
		a.drop(there, s)
		there.after(s)
	}
	for more := true; more; { // an index goes with the one that it is attached to
		more = false
		for _, x := range there.db.Indexes {
			if a.gone[x.Parent] && !a.gone[x.OID] {
				a.gone[x.OID], more = true, true
			}
		}
	}
	return a
}

// take takes in a part of an ALTER TABLE, for the table and its partitions.
func (a *keying) take(there *relations, s *statement.Statement, id statement.Identity) {
	r := there.byName[id.Table]
	if r == nil || r.OID == 0 {
		return
	}
	if id.Replica != "" {
		a.replica[r.OID] = id.Replica
	}
	for _, c := range there.db.Constraints {
		if id.Constraint != "" && c.Table == r.OID && c.Name == id.Constraint && c.Index != 0 && c.Kind != 'f' {
			a.gone[c.Index] = true
		}
	}
	for _, part := range there.family(r) {
		a.last[part] = s
		a.primary[part.OID] = a.primary[part.OID] || id.Primary
		if id.Column != "" {
			if a.columns[part.OID] == nil {
				a.columns[part.OID] = map[string]bool{}
			}
			a.columns[part.OID][id.Column] = true
		}
	}
}

// drop takes in a DROP INDEX. That of a constraint goes with it alone.
func (a *keying) drop(there *relations, s *statement.Statement) {
	for _, x := range there.db.Indexes {
		r := there.byOID(x.Table)
		if s.Kind != "DROP INDEX" || x.Constraint != 0 || r == nil ||
			!slices.ContainsFunc(s.Tables, func(t statement.Table) bool { return t.Schema == x.Schema && t.Name == x.Name }) {
			continue
		}
		a.gone[x.OID] = true
		for _, part := range there.family(r) {
			a.last[part] = s
		}
	}
}

// usable reports whether updates and deletes of a table can be published when that is
// done.
func (k *checking) usable(r *catalog.Relation, a keying) bool {
	replica := a.replica[r.OID]
	switch {
	case replica == identityFull, replica == "" && r.ReplicaIdentity == 'f':
		return true
	case replica == identityNothing, replica == "" && r.ReplicaIdentity == 'n':
		return false
	case replica != "" && replica != identityDefault:
		return true // or the server refuses it
	}
	byIndex := replica == "" && r.ReplicaIdentity == 'i'
	if !byIndex && a.primary[r.OID] {
		return true
	}
	return slices.ContainsFunc(k.source.db.Indexes, func(x catalog.Index) bool {
		if x.Table != r.OID || byIndex && !x.ReplicaIdentity || !byIndex && !x.Primary || a.gone[x.OID] || unusable(r, &x) != "" {
			return false
		}
		return !slices.ContainsFunc(identityColumns(r, &x), func(name string) bool { return a.columns[r.OID][name] })
	})
}
