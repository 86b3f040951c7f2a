package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// checkServer compares the source with the server of the target, and checks its room
// and limits.
func (d *draft) checkServer() {
	s, t := d.source, d.server
	if t.Version.Major() < s.Version.Major() {
		d.found("target", codeOlder, Warning, fmt.Sprintf("the target is older: %s, the source is %s", t.Version.Text, s.Version.Text),
			"What the older server does not know cannot be created there. PostgreSQL does not test this direction.")
	}
	if t.InRecovery {
		d.found("target", codeReadOnly, Refusal, "the target is a standby and cannot be written", "Name its primary as the target.")
	}
	if d.target == nil && !t.Role.Superuser && !t.Role.CreateDB {
		d.found("schema.create_database", codeNoCreate, Refusal, fmt.Sprintf("role %s may not create databases", t.Role.Name),
			fmt.Sprintf("On the target: ALTER ROLE %s CREATEDB, or create the database by hand.", shown("", t.Role.Name)))
	}
	d.checkDisk()
	d.checkTablespaces()
	d.checkLimits()
}

func (d *draft) checkDisk() {
	var indexes int64
	for i := range d.out.Tables {
		if t := &d.out.Tables[i]; d.makes(t) {
			indexes += d.byOID[t.OID].IndexBytes
		}
	}
	free := d.in.Live[d.decl.Target.Address].Free
	if free > 0 && free < (d.out.Bytes+indexes)*5/4 {
		d.found("target", codeDisk, Warning, fmt.Sprintf("the target's disk has %s free; the source has %s of tables and %s of indexes to copy, and WAL comes on top",
			size(free), size(d.out.Bytes), size(indexes)), "Make room first: a full disk stops the copy part-way.")
	}
}

// checkTarget checks rights on the target's database.
func (d *draft) checkTarget() {
	t := d.target
	if ledger := d.in.Live[d.decl.Target.Address].Ledger; ledger != nil && ledger.Format > catalog.LedgerFormat {
		d.found("target", codeLedger, Refusal, fmt.Sprintf("schema bascule of the target was written by a newer build (format %d)", ledger.Format), "Use that build.")
	}
	if !t.CanCreate && d.createsSchemas() {
		d.found("target", codeNoCreate, Refusal, fmt.Sprintf("role %s may not create schemas in database %s", t.Role.Name, t.Identity.Name),
			fmt.Sprintf("On the target: GRANT CREATE ON DATABASE %s TO %s.", shown("", t.Identity.Name), shown("", t.Role.Name)))
	}
	if !d.decl.Schema.Copy {
		return
	}
	filled := d.filledSchemas()
	for _, s := range t.Schemas {
		rights := "CREATE"
		if !s.CanUse {
			rights = "USAGE, CREATE"
		}
		if filled[s.Name] && !(s.CanCreate && s.CanUse) {
			d.found("target", codeNoCreate, Refusal, fmt.Sprintf("role %s may not create objects in schema %s of the target", t.Role.Name, s.Name),
				fmt.Sprintf("On the target: GRANT %s ON SCHEMA %s TO %s.", rights, shown("", s.Name), shown("", t.Role.Name)))
		}
	}
}

// createsSchemas reports whether the mirror makes what takes CREATE on the database:
// its ledger, a schema, or an extension.
func (d *draft) createsSchemas() bool {
	if ledger := d.in.Live[d.decl.Target.Address].Ledger; ledger == nil || ledger.Format == 0 {
		return true
	}
	there := map[string]bool{}
	for _, s := range d.target.Schemas {
		there[s.Name] = true
	}
	for _, e := range d.target.Extensions {
		there["extension "+e.Name] = true
	}
	for schema := range d.filledSchemas() {
		if !there[schema] {
			return d.decl.Schema.Copy
		}
	}
	return d.decl.Schema.Copy && slices.ContainsFunc(d.out.Extensions, func(name string) bool { return !there["extension "+name] })
}

// filledSchemas are the schemas of the target in which the mirror creates something.
func (d *draft) filledSchemas() map[string]bool {
	filled := map[string]bool{}
	for _, t := range d.out.Tables {
		if t.Kind != "config" {
			final, _ := t.FinalName()
			filled[t.Schema], filled[final] = true, true
		}
	}
	for _, r := range d.source.Relations {
		if !isTable(&r) && d.carriesTable(r.OID) {
			filled[r.Schema] = true
		}
	}
	for _, o := range d.source.Objects {
		if o.Schema != "" && o.Table == 0 && o.Extension == "" && o.Kind != "default_privilege" && !d.left.Has(o.Class, o.OID) {
			filled[o.Schema] = true
		}
	}
	return filled
}

func (d *draft) checkTablespaces() {
	if !d.decl.Schema.Copy {
		return
	}
	var lost []string
	for _, name := range d.usedTablespaces() {
		to, mapped := d.decl.Schema.Tablespaces[name]
		switch {
		case !mapped:
			lost = append(lost, name)
		case !slices.Contains(d.server.Tablespaces, to):
			d.found("schema.tablespaces", codeTablespaces, Refusal, fmt.Sprintf("the target has no tablespace %s", to), "Create it there, or map "+name+" to another.")
		}
	}
	if len(lost) > 0 {
		d.found("schema.tablespaces", codeTablespaces, Notice, "what is in "+plural(len(lost), "tablespace", "tablespaces")+" "+strings.Join(lost, ", ")+" goes to the target's default tablespace",
			"Map them in schema { tablespaces = { source = \"target\" } } to keep them apart.")
	}
}

func (d *draft) usedTablespaces() []string {
	var names []string
	for _, r := range d.source.Relations {
		if r.Tablespace != "" && r.Extension == "" && !d.left.Has(catalog.ClassRelation, r.OID) {
			names = append(names, r.Tablespace)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkLimits checks that the source can lock every table in one transaction, and
// that there are connections for the workers.
func (d *draft) checkLimits() {
	slots := param(d.source, "max_locks_per_transaction") * (param(d.source, "max_connections") + param(d.source, "max_prepared_transactions"))
	// A reader locks a table and its indexes; as a rule of thumb three objects a table.
	if need := int64(len(d.out.Tables)) * 3; slots > 0 && need > slots {
		d.found("source", codeLocks, Warning, fmt.Sprintf("%d tables may not fit the source's lock table, which has room for %d locks", len(d.out.Tables), slots),
			"Raise max_locks_per_transaction on the source if the copy stops with \"out of shared memory\" (53200).")
	}
	d.checkConnections(d.source, "source")
	d.checkConnections(d.server, "target")
}

// checkConnections checks that a server lets the role open enough sessions.
func (d *draft) checkConnections(db *catalog.Database, side string) {
	need := int64(d.out.Options.Workers) + 2
	if d.out.Stream != nil {
		need += 2 // the stream, and what looks after it
	}
	if most := param(db, "max_connections") - param(db, "superuser_reserved_connections") - param(db, "reserved_connections"); most > 0 && need > most {
		d.found("copy.workers", codeConnections, Refusal, fmt.Sprintf("%d workers need %d connections; the %s's server allows %d", d.out.Options.Workers, need, side, most),
			"Lower copy { workers }.")
	}
	role := roleNamed(db, db.Role.Name)
	if role == nil || db.Role.Superuser {
		return // a superuser has no limit
	}
	if most := role.ConnLimit; most >= 0 && need > int64(most) {
		d.found("copy.workers", codeConnections, Refusal, fmt.Sprintf("%d workers need %d connections; role %s of the %s may have %d", d.out.Options.Workers, need, db.Role.Name, side, most),
			fmt.Sprintf("Lower copy { workers }, or on the %s: ALTER ROLE %s CONNECTION LIMIT %d.", side, shown("", db.Role.Name), need))
	}
}

func param(db *catalog.Database, name string) int64 { return paramBytes(db.Params[name], 1) }

// size writes bytes for people.
func size(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
