package planner

import (
	"fmt"
	"slices"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// checkApplying checks that changes can be written to the target without its own
// triggers and foreign keys acting on them.
func (d *draft) checkApplying() {
	a := &applying{draft: d, keyed: map[uint32]bool{}, there: map[[2]string]*catalog.Relation{}}
	a.read()
	for i := range d.out.Tables {
		if t := &d.out.Tables[i]; t.Follow != FollowNone && t.Work != WorkRemove {
			a.table(t)
		}
	}
	a.stay()
	a.say()
}

// applying collects what on the target would act on changes.
type applying struct {
	*draft
	keyed map[uint32]bool // tables of foreign keys, on either side
	there map[[2]string]*catalog.Relation

	noisy, foreign, always, hidden []string
	silenced                       []string // quoted
}

// read notes the foreign keys, and the tables of the target that stay.
func (a *applying) read() {
	from := a.source
	if a.target != nil && !a.decl.Schema.Copy {
		from = a.target
		for i := range from.Relations {
			r := &from.Relations[i]
			a.there[[2]string{r.Schema, r.Name}] = r
		}
	}
	for _, c := range from.Constraints {
		skipped := from == a.source && a.left.Has(catalog.ClassConstraint, c.OID)
		if c.Kind == 'f' && !skipped {
			a.keyed[c.Table], a.keyed[c.Referenced] = true, true
		}
	}
}

// table notes what would act on changes of one. Where the schema is copied, the
// target's table will be as the source's is.
func (a *applying) table(t *Table) {
	r := a.byOID[t.OID]
	triggers, always := r.UserTriggers, r.AlwaysTriggers
	schema, name := t.FinalName()
	mine := a.decl.Schema.Copy
	switch {
	case !mine && a.there[[2]string{schema, name}] == nil:
		return // said of the shapes
	case !mine:
		r = a.there[[2]string{schema, name}]
		triggers, always = r.UserTriggers, r.AlwaysTriggers
	case a.skipsKind("trigger"):
		triggers, always = 0, 0
	}
	role, final := a.server.Role, shown(schema, name)
	if always > 0 {
		a.always = append(a.always, final)
	}
	if mine && r.RowSecurity && r.ForceRowSecurity && !role.Superuser && !role.BypassRLS && !a.skipsKind("policy") {
		a.hidden = append(a.hidden, final)
	}
	if a.out.Stream.ReplicaRole {
		return
	}
	if a.keyed[r.OID] {
		a.foreign = append(a.foreign, final)
	}
	switch {
	case triggers == 0:
	case mine || r.IsOwner || role.Superuser:
		a.silenced = append(a.silenced, pgname.Qualified(schema, name))
	default:
		a.noisy = append(a.noisy, final)
	}
}

// stay keeps the triggers off that a mirror that streams has switched off: the target
// no longer shows that they would fire.
func (a *applying) stay() {
	if !a.running || a.before == nil || a.out.Stream.ReplicaRole {
		return
	}
	followed := map[string]bool{}
	for i := range a.out.Tables {
		t := &a.out.Tables[i]
		followed[pgname.Qualified(t.FinalName())] = t.Follow != FollowNone && t.Work != WorkRemove
	}
	for _, name := range a.before.DisableTriggers {
		if followed[name] && !slices.Contains(a.silenced, name) {
			a.silenced = append(a.silenced, name)
		}
	}
}

// say adds the findings.
func (a *applying) say() {
	role := a.server.Role.Name
	grant := fmt.Sprintf("GRANT SET ON PARAMETER session_replication_role TO %s", shown("", role))
	remedy, kept := "On the target: "+grant+".", " With "+grant+" they would stay on for other writers."
	if a.server.Version.Major() < 15 {
		kept = ""
		remedy = "Before PostgreSQL 15 only a superuser may set session_replication_role: apply as one, or leave them out with schema { skip = [\"foreign_key\"] } until the target takes over."
	}
	for _, list := range []*[]string{&a.foreign, &a.noisy, &a.silenced, &a.always, &a.hidden} {
		slices.Sort(*list)
	}
	if list := slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.foreign, a.noisy)))); len(list) > 0 {
		a.found("target", codeNoReplicaRole, Refusal, fmt.Sprintf("role %s may not set session_replication_role on the target, so foreign keys or triggers would act on changes of %s: %s",
			role, plural(len(list), "table", "tables"), few(list)), remedy, list...)
	} else if len(a.silenced) > 0 {
		a.out.Stream.DisableTriggers = a.silenced
		a.found("target", codeNoReplicaRole, Notice, fmt.Sprintf("triggers of %s are switched off on the target while the mirror lives", plural(len(a.silenced), "table", "tables")),
			"They are switched on again when it is removed."+kept, a.silenced...)
	}
	if len(a.always) > 0 {
		a.found("target", codeAlways, Warning, plural(len(a.always), "table has", "tables have")+" triggers that fire for the stream too (ENABLE ALWAYS or REPLICA): "+few(a.always),
			"What they write on the target, they wrote on the source already. Set them to fire for ordinary writers only (ALTER TABLE ... ENABLE TRIGGER), unless this is meant.", a.always...)
	}
	if len(a.hidden) > 0 {
		a.found("target", codeHidden, Refusal, fmt.Sprintf("row security of the target would hide rows from the stream of role %s: %s", role, few(a.hidden)),
			fmt.Sprintf("On the target: ALTER ROLE %s BYPASSRLS; or leave policies out with schema { skip = [\"policy\"] }.", shown("", role)), a.hidden...)
	}
}
