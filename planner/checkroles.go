package planner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// databaseOwner is a role that nobody can be made a member of. It owns schema public,
// which is there.
const databaseOwner = "pg_database_owner"

// acts reports whether a role has the rights of another one.
func acts(role catalog.Role, of string) bool {
	return role.Superuser || role.Name == of || slices.Contains(role.MemberOf, of)
}

// checkRoles checks that the roles that are named exist on the target, or can be
// created, and that objects can be given to them.
func (d *draft) checkRoles() {
	existing := map[string]bool{"public": true}
	if d.server != nil {
		for _, r := range d.server.Roles {
			existing[r.Name] = true
		}
	}
	missing := slices.DeleteFunc(d.namedRoles(), func(name string) bool { return existing[name] })
	builtin, missing := partition(missing, func(name string) bool { return strings.HasPrefix(name, "pg_") })
	if len(builtin) > 0 && d.server != nil {
		d.found("schema.privileges", codeRoles, Refusal, fmt.Sprintf("the target's server does not have %s of PostgreSQL's own: %s", plural(len(builtin), "role", "roles"), few(builtin)),
			"They come with another version of PostgreSQL. Leave out what names them (privileges = false, or skip the policies).", builtin...)
	}
	switch {
	case len(missing) == 0:
	case d.decl.Schema.Roles:
		d.planRoles(missing, existing)
	case d.server != nil:
		d.found("schema.roles", codeRoles, Refusal, fmt.Sprintf("the target lacks %s that are named by objects: %s", plural(len(missing), "role", "roles"), few(missing)),
			"Create them on the target, or set roles = true in the schema block to have them created without passwords.", missing...)
	}
	if d.server != nil {
		d.checkOwners()
	}
}

// partition splits a list by a question.
func partition(list []string, is func(string) bool) (yes, no []string) {
	for _, s := range list {
		if is(s) {
			yes = append(yes, s)
		} else {
			no = append(no, s)
		}
	}
	return yes, no
}

// namedRoles are the roles that must be there for what is carried, sorted.
func (d *draft) namedRoles() []string {
	s := d.decl.Schema
	carried := map[string]bool{}
	for _, o := range d.source.Objects {
		if !d.left.Has(o.Class, o.OID) {
			carried[o.Kind] = true
		}
	}
	wanted := map[string]bool{
		"owner":             s.Copy && s.Owners,
		"privilege":         s.Copy && s.Privileges,
		"default privilege": s.Copy && s.Privileges && carried["default_privilege"],
		"policy":            s.Copy && carried["policy"],
		"user mapping":      s.Copy && carried["user_mapping"],
		"setting":           len(d.out.Options.Settings) > 0,
	}
	named := map[string]bool{}
	for _, use := range d.source.RoleUses {
		if wanted[use.Use] && !(use.Use == "owner" && use.Role == databaseOwner) {
			named[use.Role] = true
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// planRoles plans the missing roles, and those that they are members of.
func (d *draft) planRoles(missing []string, existing map[string]bool) {
	facts := map[string]catalog.RoleFact{}
	for _, r := range d.source.Roles {
		facts[r.Name] = r
	}
	planned := map[string]bool{}
	var lost []string
	var plan func(name string)
	plan = func(name string) {
		f, known := facts[name]
		if existing[name] || planned[name] || !known || strings.HasPrefix(name, "pg_") {
			return
		}
		planned[name] = true
		for _, parent := range f.MemberOf {
			plan(parent)
		}
		role, without := d.newRole(f)
		role.MemberOf = slices.DeleteFunc(slices.Clone(f.MemberOf), func(parent string) bool { return d.server != nil && !existing[parent] && !planned[parent] })
		d.out.Options.Roles = append(d.out.Options.Roles, role)
		if len(without) > 0 {
			lost = append(lost, shown("", name)+" ("+strings.Join(without, ", ")+")")
		}
	}
	// In the order of their oids, in which policies list them.
	inOrder := slices.SortedStableFunc(slices.Values(missing), func(a, b string) int { return cmp.Compare(facts[a].OID, facts[b].OID) })
	for _, name := range inOrder {
		plan(name)
	}
	if d.server == nil {
		return
	}
	role := d.server.Role
	if !role.Superuser && !role.CreateRole {
		d.found("schema.roles", codeRoles, Refusal, fmt.Sprintf("role %s may not create roles on the target", role.Name),
			fmt.Sprintf("On the target: ALTER ROLE %s CREATEROLE, or create them by hand: %s.", shown("", role.Name), few(missing)), missing...)
	}
	if len(lost) > 0 {
		d.found("schema.roles", codeRoles, Warning, fmt.Sprintf("role %s may not give new roles all their attributes: %s", role.Name, few(lost)),
			"They are created without these. Give them later, as a superuser of the target.", lost...)
	}
}

// newRole is a role without a password, and the attributes that are left out because
// the connected role may not give them.
func (d *draft) newRole(f catalog.RoleFact) (Role, []string) {
	r := Role{Name: f.Name, Attributes: []string{}}
	var without []string
	add := func(have, may bool, attribute string) {
		switch {
		case have && may:
			r.Attributes = append(r.Attributes, attribute)
		case have:
			without = append(without, attribute)
		}
	}
	giver, since16 := catalog.Role{}, false
	if d.server != nil {
		giver, since16 = d.server.Role, d.server.Version.Major() >= 16
	}
	add(f.Login, true, "login")
	add(!f.Inherit, true, "noinherit")
	add(f.CreateRole, true, "createrole")
	// From 16 on nobody gives what he does not have; before, some take a superuser.
	add(f.CreateDB, giver.Superuser || !since16 || giver.CreateDB, "createdb")
	add(f.Superuser, giver.Superuser, "superuser")
	add(f.Replication, giver.Superuser || since16 && giver.Replication, "replication")
	add(f.BypassRLS, giver.Superuser || since16 && giver.BypassRLS, "bypassrls")
	add(f.ConnLimit >= 0, true, fmt.Sprintf("connection limit %d", f.ConnLimit))
	r.Join = d.decl.Schema.Owners && d.server != nil && !giver.Superuser
	return r, without
}

// checkOwners checks that the target's role can give objects to their owners. Of a
// role that it creates it becomes a member.
func (d *draft) checkOwners() {
	if !d.decl.Schema.Copy || !d.decl.Schema.Owners || d.server.Role.Superuser {
		return
	}
	var foreign []string
	for _, use := range d.source.RoleUses {
		joins := slices.ContainsFunc(d.out.Options.Roles, func(r Role) bool { return r.Name == use.Role && r.Join })
		if use.Use == "owner" && use.Role != databaseOwner && !joins && !acts(d.server.Role, use.Role) {
			foreign = append(foreign, use.Role)
		}
	}
	if len(foreign) > 0 {
		d.found("schema.owners", codeOwners, Refusal,
			fmt.Sprintf("role %s is no member of %s, to whom objects are to be given", d.server.Role.Name, few(foreign)),
			fmt.Sprintf("On the target: GRANT %s TO %s, or set owners = false.", few(quoted(foreign)), shown("", d.server.Role.Name)), foreign...)
	}
}

func quoted(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = shown("", name)
	}
	return list
}
