package planner

import (
	"fmt"
	"slices"

	"bascule/planner/catalog"
	"bascule/planner/statement"
)

// carriedBy is the name by which pglogical runs the command on the target of a side: that
// of the role that runs it on the source. "" where something else brings it there.
func (k *checking) carriedBy(x *side) string {
	if s := k.settings(x); s == nil || s.Engine != EnginePglogical || s.Paused || k.out.Alone || k.onSource() || x.stage() == ddlApplied {
		return ""
	}
	return k.source.db.Role.Name
}

// checkCarriers refuses a command that pglogical would run on a target by a role that is
// not there: its worker ends with that, and nothing behind it arrives.
func (k *checking) checkCarriers() {
	for _, x := range k.sides {
		name := k.carriedBy(x)
		there := k.in.Live[x.decl.Target.Address].Database
		if name == "" || there == nil || roleNamed(there, name) != nil || x.makesRole(name) {
			continue
		}
		k.found("mirrors", codePglogicalRole, Refusal, fmt.Sprintf("the target of %s has no role %s, by which pglogical would run the command there", x.decl.Address, shown("", name)),
			fmt.Sprintf("On %s: CREATE ROLE %s, and make it own the tables (or SUPERUSER).", x.decl.Target.Address, shown("", name)))
	}
}

// checkCarrierOwns refuses what that role may not do with what is on the target.
func (k *checking) checkCarrierOwns(s *statement.Statement) {
	for _, x := range k.sides {
		there, name := k.target(x), k.carriedBy(x)
		if name == "" || there == nil {
			continue
		}
		role := roleNamed(there.db, name)
		if role == nil || role.Superuser {
			continue
		}
		if list := k.anothers(s, there, role); len(list) > 0 {
			k.found("command", codeNotOwner, Refusal, fmt.Sprintf("%s: pglogical runs it as role %s on %s, which does not own %s", statementText(s), shown("", name), x.decl.Target.Address, few(list)),
				fmt.Sprintf("On %s: give it to that role, or make the role a member of the owner, or a superuser.", x.decl.Target.Address), list...)
		}
	}
}

// anothers is what a statement alters on a target that is there and not the role's.
func (k *checking) anothers(s *statement.Statement, there *relations, role *catalog.RoleFact) []string {
	its := func(owner string) bool { return owner == role.Name || belongs(there.db, role, owner) }
	list := foreignObjects(s, there.db, its)
	for _, t := range s.Tables {
		r := there.table(t)
		if slices.Contains(owned, s.Kind) && r != nil && r.OID != 0 && !its(r.Owner) && k.altering(s, t) {
			list = append(list, t.String())
		}
	}
	return list
}

// makesRole reports whether the plan makes a role on the target of a side.
func (x *side) makesRole(name string) bool {
	return x.change != nil && slices.ContainsFunc(x.change.Mirror.Options.Roles, func(r Role) bool { return r.Name == name })
}

func roleNamed(db *catalog.Database, name string) *catalog.RoleFact {
	i := slices.IndexFunc(db.Roles, func(r catalog.RoleFact) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &db.Roles[i]
}

// belongs reports whether a role is a member of another, if only of a member of it.
func belongs(db *catalog.Database, role *catalog.RoleFact, to string) bool {
	seen := map[string]bool{}
	for next := []*catalog.RoleFact{role}; len(next) > 0; next = next[1:] {
		for _, name := range next[0].MemberOf {
			if name == to {
				return true
			}
			if r := roleNamed(db, name); r != nil && !seen[name] {
				seen[name] = true
				next = append(next, r)
			}
		}
	}
	return false
}
