package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
	"bascule/planner/depend"
)

// check runs every preflight check of a mirror.
func (d *draft) check(change *Change) {
	d.checkDump()
	d.checkTables()
	d.checkRows()
	if !d.running {
		d.checkSource()
		d.checkLeftOut()
		d.checkSkips()
	}
	d.checkStream()
	if d.target == nil && !d.decl.Schema.CreateDatabase {
		d.noDatabase()
		return
	}
	if d.server != nil {
		d.checkServer()
	}
	if d.server != nil && !d.running {
		d.checkExtensions()
		d.checkSuperuser()
	}
	if !d.running {
		d.checkRoles()
	}
	if d.target != nil {
		d.checkDatabase()
		d.checkTarget()
		d.checkExisting(change)
	}
	d.checkProtect(change)
}

// found adds a finding about the mirror, at the attribute it comes from.
func (d *draft) found(attribute, code, severity, summary, detail string, objects ...string) {
	d.find(at(Finding{Code: code, Severity: severity, Address: d.decl.Address, Summary: summary, Detail: detail, Objects: objects},
		d.decl.RangeOf(attribute)))
}

func (d *draft) checkDump() {
	if !d.decl.Schema.Copy {
		return
	}
	need := d.source.Version.Major()
	switch {
	case d.dump.Path == "":
		d.found("source", codeNoDump, Refusal, "there is no pg_dump on this machine",
			fmt.Sprintf("The schema is read with pg_dump %d or newer. Install the PostgreSQL client programs, or set BASCULE_PG_DUMP to the path of one.", need))
	case d.dump.Version < need:
		d.found("source", codeOldDump, Refusal,
			fmt.Sprintf("pg_dump %d is too old for a server of version %d", d.dump.Version, need),
			fmt.Sprintf("Install the client programs of version %d, or set BASCULE_PG_DUMP to the path of a newer pg_dump (found: %s).", need, d.dump.Path))
	}
}

func (d *draft) checkTables() {
	if len(d.out.Tables) == 0 && len(d.out.Objects) == 0 {
		d.found("tables", codeNoTables, Warning, "the source has nothing to copy", "It has no table, and no other object, of its own.")
	}
	var keyless, unlogged []string
	for _, t := range d.out.Tables {
		if t.Kind == "table" && !t.PrimaryKey {
			keyless = append(keyless, shown(t.Schema, t.Name))
		}
		if t.Unlogged {
			unlogged = append(unlogged, shown(t.Schema, t.Name))
		}
	}
	if len(keyless) > 0 && d.out.Stream == nil {
		d.found("tables", codeNoKey, Notice, plural(len(keyless), "table has", "tables have")+" no primary key: "+few(keyless),
			"They are copied whole. A continuous mirror would carry their inserts only.", keyless...)
	}
	if len(unlogged) > 0 && d.source.InRecovery {
		d.found("tables", codeUnlogged, Refusal, plural(len(unlogged), "table is", "tables are")+" unlogged and cannot be read on a standby: "+few(unlogged),
			"Exclude them, or name the primary as the source.", unlogged...)
	}
}

// checkRows looks for rows that this role would not see, or may not read.
func (d *draft) checkRows() {
	var forbidden, hidden []string
	role := d.source.Role
	for _, t := range d.out.Tables {
		r := d.byOID[t.OID]
		if d.running && t.Work != WorkAdd && t.Work != WorkAgain {
			continue
		}
		if !r.CanSelect || d.closed(r.Schema) {
			forbidden = append(forbidden, shown(r.Schema, r.Name))
		}
		if t.Kind != "partitioned" && guarded(r, role) { // a partitioned one is only locked
			hidden = append(hidden, shown(r.Schema, r.Name))
		}
	}
	if len(forbidden) > 0 {
		d.found("source", codeNoSelect, Refusal,
			fmt.Sprintf("role %s may not read %s: %s", role.Name, plural(len(forbidden), "table", "tables"), few(forbidden)),
			fmt.Sprintf("On the source: GRANT USAGE on their schemas and SELECT on them TO %s; or exclude them.", shown("", role.Name)), forbidden...)
	}
	if len(hidden) > 0 {
		d.found("source", codeRowSecurity, Refusal,
			fmt.Sprintf("row security would hide rows of %s from role %s: %s", plural(len(hidden), "table", "tables"), role.Name, few(hidden)),
			fmt.Sprintf("On the source: ALTER ROLE %s BYPASSRLS, or connect as the tables' owner; or exclude them.", shown("", role.Name)), hidden...)
	}
	d.checkSequenceRights()
}

// closed reports whether the role may not look into a schema of the source.
func (d *draft) closed(schema string) bool {
	return slices.ContainsFunc(d.source.Schemas, func(s catalog.Schema) bool { return s.Name == schema && !s.CanUse })
}

// guarded reports whether row security stands between a role and rows of the table.
func guarded(r *catalog.Relation, role catalog.Role) bool {
	owner := r.IsOwner && !r.ForceRowSecurity
	return r.RowSecurity && !role.Superuser && !role.BypassRLS && !owner
}

func (d *draft) checkSequenceRights() {
	var forbidden []string
	for _, s := range d.out.Sequences {
		if !d.byOID[s.OID].CanSelect || d.closed(s.Schema) {
			forbidden = append(forbidden, shown(s.Schema, s.Name))
		}
	}
	if len(forbidden) > 0 {
		d.found("source", codeNoSelect, Refusal,
			fmt.Sprintf("role %s may not read %s: %s", d.source.Role.Name, plural(len(forbidden), "sequence", "sequences"), few(forbidden)),
			fmt.Sprintf("On the source: GRANT USAGE on their schemas and SELECT on them TO %s.", shown("", d.source.Role.Name)), forbidden...)
	}
}

// checkSource says what of the source cannot be carried, or only in part.
func (d *draft) checkSource() {
	var foreign, replication []string
	for _, r := range d.source.Relations {
		if r.Kind == catalog.Foreign && r.Extension == "" && !d.left.Has(catalog.ClassRelation, r.OID) {
			foreign = append(foreign, shown(r.Schema, r.Name))
		}
	}
	for _, o := range d.source.Objects {
		if slices.Contains(neverCarried, o.Kind) && !strings.HasPrefix(o.Name, "bascule_") { // ours go with their mirrors
			replication = append(replication, spaced(o.Kind)+" "+shown("", o.Name))
		}
	}
	if len(foreign) > 0 {
		d.found("tables", codeForeign, Notice, plural(len(foreign), "foreign table", "foreign tables")+": definition only: "+few(foreign),
			"The rows are on another server, and stay there. The target must reach that server itself.", foreign...)
	}
	if len(replication) > 0 {
		d.found("", codeReplication, Notice, "not carried: "+few(replication),
			"Publications and subscriptions belong to the server's replication, not to its data. Create them on the target when it takes over.", replication...)
	}
	if n := d.source.Temporary; n > 0 {
		d.found("", codeTemporary, Notice, plural(n, "temporary table", "temporary tables")+" of open sessions on the source: not carried",
			"A temporary table belongs to its session, and ends with it.")
	}
	if len(d.source.SecurityProviders) > 0 {
		d.found("", codeLabels, Notice, "security labels of "+strings.Join(d.source.SecurityProviders, ", ")+" need that provider on the target",
			"A label is skipped, with a note, where the target does not know its provider.")
	}
	lo := d.source.LargeObjects
	if d.out.LargeObjects == 0 {
		return
	}
	follows := "A continuous mirror cannot follow changes of them."
	if d.out.Stream != nil {
		follows = "Changes of them are not followed: that is beyond logical decoding."
	}
	if lo.Unreadable > 0 {
		d.found("source", codeLargeObjects, Refusal, fmt.Sprintf("role %s may not read %s", d.source.Role.Name, plural(int(lo.Unreadable), "large object", "large objects")),
			`On the source: GRANT SELECT ON LARGE OBJECT, or skip them with schema { skip = ["large_object"] }.`)
		return
	}
	d.found("", codeLargeObjects, Notice, plural(int(lo.Count), "large object is", "large objects are")+" copied",
		"They keep their oids. "+follows)
}

// ownParts are the indexes, constraints and the like of tables that stay behind. It
// goes without saying that they do, too.
func (d *draft) ownParts() depend.Nodes {
	own := depend.Nodes{}
	part := func(class, oid, table uint32) {
		if table != 0 && d.left.Has(catalog.ClassRelation, table) {
			own[depend.Node{Class: class, OID: oid}] = true
		}
	}
	for _, i := range d.source.Indexes {
		part(catalog.ClassRelation, i.OID, i.Table)
	}
	for _, c := range d.source.Constraints {
		part(catalog.ClassConstraint, c.OID, c.Table)
	}
	for _, o := range d.source.Objects {
		part(o.Class, o.OID, o.Table)
	}
	for _, r := range d.source.Relations {
		if r.Sequence != nil {
			part(catalog.ClassRelation, r.OID, r.Sequence.OwnedBy)
		}
	}
	return own
}

// checkLeftOut names what stays behind because something it needs does.
func (d *draft) checkLeftOut() {
	own := d.ownParts()
	var list []string
	for _, l := range d.out.LeftOut {
		if strings.HasPrefix(l.Why, "depends on") && !own[depend.Node{Class: l.Class, OID: l.OID}] {
			list = append(list, l.Kind+" "+l.Name)
		}
	}
	if len(list) > 0 {
		d.found("exclude", codeLeftOut, Warning, plural(len(list), "object stays", "objects stay")+" behind with what it depends on: "+few(list),
			"The plan lists each with the reason. Select what it needs to carry it too.", list...)
	}
}

// checkSkips names entries of skip and skip_extensions that leave nothing out. A
// bare kind may well have no object.
func (d *draft) checkSkips() {
	for i, p := range d.decl.Schema.Skip {
		if strings.Contains(p.Text, ":") && !d.skipped[i] {
			d.find(at(skipsNothing(d.decl.Address, "skip", p.Text), p.Range))
		}
	}
	for _, name := range d.decl.Schema.SkipExtensions {
		if !slices.ContainsFunc(d.source.Extensions, func(e catalog.Extension) bool { return e.Name == name }) {
			d.find(at(skipsNothing(d.decl.Address, "skip_extensions", name), d.decl.RangeOf("schema.skip_extensions")))
		}
	}
}

// noDatabase refuses a target that does not exist and is not to be created.
func (d *draft) noDatabase() {
	endpoint := d.in.Live[d.decl.Target.Address].Endpoint
	d.find(at(Finding{Code: codeTargetMissing, Severity: Refusal, Address: d.decl.Address,
		Summary: "database " + endpoint + " does not exist",
		Detail:  "Create it, or set create_database = true in the mirror's schema block."}, d.decl.Target.Range))
}

func (d *draft) checkProtect(change *Change) {
	if d.locked && len(change.DataLoss) > 0 && change.Action == Create {
		d.find(at(protected(d.decl.Address, "overwritten on the target"), d.decl.RangeOf("protect")))
	}
}
