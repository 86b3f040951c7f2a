package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// checkExtensions checks that the target can have the extensions that are carried.
func (d *draft) checkExtensions() {
	if !d.decl.Schema.Copy {
		return
	}
	installed := map[string]catalog.Extension{}
	if d.target != nil {
		for _, e := range d.target.Extensions {
			installed[e.Name] = e
		}
	}
	for _, e := range d.source.Extensions {
		if d.left.Has(catalog.ClassExtension, e.OID) || e.Name == "plpgsql" {
			continue
		}
		have, there := installed[e.Name]
		available, known := d.server.Available[e.Name]
		skip := fmt.Sprintf("or leave it out with schema { skip_extensions = [%q] }.", e.Name)
		switch {
		case there && have.Version != e.Version:
			d.found("", codeExtensionOther, Notice, fmt.Sprintf("extension %s: version %s on the source, %s on the target", e.Name, e.Version, have.Version),
				"The target's stays as it is.")
		case there:
		case !known:
			d.found("schema.skip_extensions", codeNoExtension, Refusal, fmt.Sprintf("extension %s is not available on the target", e.Name),
				"Install its package on the target's server, "+skip)
		case !d.server.Role.Superuser && available.Superuser && !available.Trusted:
			d.found("schema.skip_extensions", codeExtensionRight, Refusal, fmt.Sprintf("role %s may not create extension %s, which takes a superuser", d.server.Role.Name, e.Name),
				fmt.Sprintf("Have it created on the target first (CREATE EXTENSION %s), %s", shown("", e.Name), skip))
		case available.DefaultVersion != e.Version:
			d.found("", codeExtensionOther, Notice, fmt.Sprintf("extension %s: version %s on the source, the target will have %s", e.Name, e.Version, available.DefaultVersion),
				"CREATE EXTENSION makes the target's default version, as pg_dump has it.")
		}
	}
}

// checkSuperuser names what only a superuser of the target can create.
func (d *draft) checkSuperuser() {
	if d.server.Role.Superuser || !d.decl.Schema.Copy {
		return
	}
	var kinds, names []string
	for _, o := range d.source.Objects {
		if o.NeedsSuperuser && o.Extension == "" && !d.left.Has(o.Class, o.OID) && !slices.Contains(neverCarried, o.Kind) {
			names = append(names, spaced(o.Kind)+" "+pgname.ShownObject(o.Schema, o.Name))
			kinds = append(kinds, fmt.Sprintf("%q", o.Kind))
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(kinds)
	d.found("schema.skip", codeSuperuser, Refusal,
		fmt.Sprintf("role %s may not create %s, which takes a superuser: %s", d.server.Role.Name, plural(len(names), "object", "objects"), few(names)),
		fmt.Sprintf("Leave them out with schema { skip = [%s] }, or apply as a superuser of the target.", strings.Join(slices.Compact(kinds), ", ")), names...)
}
