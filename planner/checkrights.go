package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// checkExtensions checks that the target can have the extensions that are carried.
func (d *draft) checkExtensions() {
	if !d.decl.Schema.Copy {
		return
	}
	installed := map[string]catalog.Extension{}
	for _, e := range d.target.Extensions {
		installed[e.Name] = e
	}
	for _, e := range d.source.Extensions {
		if d.left.has(classExtension, e.OID) {
			continue
		}
		have, there := installed[e.Name]
		available, known := d.target.Available[e.Name]
		skip := fmt.Sprintf("or leave it out with schema { skip_extensions = [%q] }.", e.Name)
		switch {
		case there && have.Version != e.Version:
			d.found("", codeExtensionOther, Notice, fmt.Sprintf("extension %s: version %s on the source, %s on the target", e.Name, e.Version, have.Version),
				"The target's stays as it is.")
		case there:
		case !known:
			d.found("schema.skip_extensions", codeNoExtension, Refusal, fmt.Sprintf("extension %s is not available on the target", e.Name),
				"Install its package on the target's server, "+skip)
		case !d.target.Role.Superuser && available.Superuser && !available.Trusted:
			d.found("schema.skip_extensions", codeExtensionRight, Refusal, fmt.Sprintf("role %s may not create extension %s, which takes a superuser", d.target.Role.Name, e.Name),
				fmt.Sprintf("Have it created on the target first (CREATE EXTENSION %s), %s", shown("", e.Name), skip))
		case available.DefaultVersion != e.Version:
			d.found("", codeExtensionOther, Notice, fmt.Sprintf("extension %s: version %s on the source, the target will have %s", e.Name, e.Version, available.DefaultVersion),
				"CREATE EXTENSION makes the target's default version, as pg_dump has it.")
		}
	}
}

// checkRoles checks that the roles that are named exist on the target, or can be
// created.
func (d *draft) checkRoles() {
	s := d.decl.Schema
	existing := map[string]bool{"public": true}
	for _, r := range d.target.Roles {
		existing[r.Name] = true
	}
	needed := map[string][]string{}
	for _, use := range d.source.RoleUses {
		wanted := s.Owners && use.Use == "owner" || s.Privileges && (use.Use == "privilege" || use.Use == "default privilege") ||
			s.Copy && (use.Use == "policy" || use.Use == "user mapping") || len(d.out.Options.Settings) > 0 && use.Use == "setting"
		if wanted && !existing[use.Role] {
			needed[use.Role] = append(needed[use.Role], use.Use)
		}
	}
	if len(needed) == 0 {
		d.checkOwners()
		return
	}
	var names []string
	for name := range needed {
		names = append(names, name)
	}
	slices.Sort(names)
	if s.Roles {
		d.planRoles(slices.Clone(names), existing)
		d.checkOwners()
		return
	}
	d.found("schema.roles", codeRoles, Refusal, fmt.Sprintf("the target lacks %s that are named by objects: %s", plural(len(names), "role", "roles"), few(names)),
		"Create them on the target, or set roles = true in the schema block to have them created without passwords.", names...)
}

// planRoles plans the missing roles, and those that they are members of.
func (d *draft) planRoles(names []string, existing map[string]bool) {
	facts := map[string]catalog.RoleFact{}
	for _, r := range d.source.Roles {
		facts[r.Name] = r
	}
	planned := map[string]bool{}
	var plan func(name string)
	plan = func(name string) {
		if existing[name] || planned[name] || strings.HasPrefix(name, "pg_") {
			return
		}
		planned[name] = true
		f := facts[name]
		for _, parent := range f.MemberOf {
			plan(parent)
		}
		d.out.Options.Roles = append(d.out.Options.Roles, newRole(f, d.target.Role.Superuser))
	}
	// In the order of their oids, in which policies list them.
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(facts[a].OID, facts[b].OID) })
	for _, name := range names {
		plan(name)
	}
	if !d.target.Role.Superuser && !d.target.Role.CreateRole {
		d.found("schema.roles", codeRoles, Refusal, fmt.Sprintf("role %s may not create roles on the target", d.target.Role.Name),
			fmt.Sprintf("On the target: ALTER ROLE %s CREATEROLE, or create them by hand: %s.", shown("", d.target.Role.Name), few(names)), names...)
	}
}

// newRole is a role without a password. Attributes that only a superuser may give
// are left out for others.
func newRole(f catalog.RoleFact, superuser bool) Role {
	r := Role{Name: f.Name, MemberOf: f.MemberOf, Attributes: []string{}}
	add := func(have bool, attribute string) {
		if have {
			r.Attributes = append(r.Attributes, attribute)
		}
	}
	add(f.Login, "login")
	add(!f.Inherit, "noinherit")
	add(f.CreateRole, "createrole")
	add(f.CreateDB, "createdb")
	add(f.Superuser && superuser, "superuser")
	add(f.Replication && superuser, "replication")
	add(f.BypassRLS && superuser, "bypassrls")
	add(f.ConnLimit >= 0, fmt.Sprintf("connection limit %d", f.ConnLimit))
	return r
}

// checkOwners checks that the target's role can give objects to their owners.
func (d *draft) checkOwners() {
	if !d.decl.Schema.Owners || d.target.Role.Superuser {
		return
	}
	var foreign []string
	for _, use := range d.source.RoleUses {
		if use.Use == "owner" && !slices.Contains(d.target.Role.MemberOf, use.Role) {
			foreign = append(foreign, use.Role)
		}
	}
	if len(foreign) > 0 {
		d.found("schema.owners", codeOwners, Refusal,
			fmt.Sprintf("role %s is no member of %s, to whom objects are to be given", d.target.Role.Name, few(foreign)),
			fmt.Sprintf("On the target: GRANT those roles TO %s, or set owners = false.", shown("", d.target.Role.Name)), foreign...)
	}
}

// checkSuperuser names what only a superuser of the target can create.
func (d *draft) checkSuperuser() {
	if d.target.Role.Superuser || !d.decl.Schema.Copy {
		return
	}
	var kinds, names []string
	for _, o := range d.source.Objects {
		if o.NeedsSuperuser && o.Extension == "" && !d.left.has(o.Class, o.OID) && !slices.Contains(neverCarried, o.Kind) {
			names = append(names, spaced(o.Kind)+" "+shown(o.Schema, o.Name))
			kinds = append(kinds, fmt.Sprintf("%q", o.Kind))
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(kinds)
	d.found("schema.skip", codeSuperuser, Refusal,
		fmt.Sprintf("role %s may not create %s, which takes a superuser: %s", d.target.Role.Name, plural(len(names), "object", "objects"), few(names)),
		fmt.Sprintf("Leave them out with schema { skip = [%s] }, or apply as a superuser of the target.", strings.Join(slices.Compact(kinds), ", ")), names...)
}
