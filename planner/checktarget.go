package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// checkServers compares what the two servers are.
func (d *draft) checkServers() {
	s, t := d.source, d.target
	if s.Identity == t.Identity {
		d.found("target", codeSameDatabase, Refusal, fmt.Sprintf("%s and %s are the same database", d.out.Source, d.out.Target),
			fmt.Sprintf("Both are database %s of the server with system identifier %s.", s.Identity.Name, s.Identity.SystemIdentifier))
	}
	if t.Version.Major() < s.Version.Major() {
		d.found("target", codeOlder, Warning, fmt.Sprintf("the target is older: %s, the source is %s", t.Version.Text, s.Version.Text),
			"What the older server does not know cannot be created there. PostgreSQL does not test this direction.")
	}
	if s.Encoding != t.Encoding {
		severity := Warning
		if s.Encoding == "SQL_ASCII" {
			severity = Refusal
		}
		d.found("target", codeEncoding, severity, fmt.Sprintf("encodings differ: %s on the source, %s on the target", s.Encoding, t.Encoding),
			"Text is converted. A character that the target's encoding lacks stops its table, with the row.")
	}
	d.checkCollations()
	if t.InRecovery {
		d.found("target", codeReadOnly, Refusal, "the target is a standby and cannot be written", "Name its primary as the target.")
	}
}

func (d *draft) checkCollations() {
	s, t := d.source, d.target
	switch {
	case s.Collate != t.Collate || s.CType != t.CType || s.LocaleProvider != t.LocaleProvider || s.ICULocale != t.ICULocale:
		d.found("target", codeCollation, Warning,
			fmt.Sprintf("default collations differ: %s on the source, %s on the target", collation(s), collation(t)),
			"Text sorts and compares differently there, without an error. Create the target database with the source's collation, or set create_database = true for a new one.")
	case s.ActualCollationVersion != "" && t.ActualCollationVersion != "" && s.ActualCollationVersion != t.ActualCollationVersion:
		d.found("target", codeCollation, Notice,
			fmt.Sprintf("collation versions differ: %s on the source, %s on the target", s.ActualCollationVersion, t.ActualCollationVersion),
			"Indexes are built anew on the target, so they are right there. Some text may sort differently.")
	}
	if s.CollationVersion != s.ActualCollationVersion && s.CollationVersion != "" && s.ActualCollationVersion != "" {
		d.found("source", codeCollation, Warning,
			fmt.Sprintf("the source's collation was changed under it: version %s when it was made, %s now", s.CollationVersion, s.ActualCollationVersion),
			"Its indexes on text may be wrong, and its unique keys may hold duplicates, which would stop the target's key. REINDEX there first.")
	}
}

func collation(db *catalog.Database) string {
	if db.LocaleProvider == "c" || db.LocaleProvider == "" {
		return db.Collate
	}
	return db.LocaleProvider + " " + db.ICULocale
}

// checkTarget checks rights and room on the target.
func (d *draft) checkTarget() {
	t := d.target
	if !t.CanCreate {
		d.found("target", codeNoCreate, Refusal, fmt.Sprintf("role %s may not create schemas in database %s", t.Role.Name, t.Identity.Name),
			fmt.Sprintf("On the target: GRANT CREATE ON DATABASE %s TO %s.", shown("", t.Identity.Name), shown("", t.Role.Name)))
	}
	for _, s := range t.Schemas {
		if !s.CanCreate && d.createsIn(s.Name) {
			d.found("target", codeNoCreate, Refusal, fmt.Sprintf("role %s may not create objects in schema %s of the target", t.Role.Name, s.Name),
				fmt.Sprintf("On the target: GRANT CREATE ON SCHEMA %s TO %s.", shown("", s.Name), shown("", t.Role.Name)))
		}
	}
	live := d.in.Live[d.decl.Target.Address]
	if live.Free > 0 && live.Free < d.out.Bytes*5/4 {
		d.found("target", codeDisk, Warning, fmt.Sprintf("the target's disk has %s free; %s of tables are to be copied, and indexes and WAL come on top", size(live.Free), size(d.out.Bytes)),
			"Make room first: a full disk stops the copy part-way.")
	}
	if live.Ledger != nil && live.Ledger.Format > 1 {
		d.found("target", codeLedger, Refusal, fmt.Sprintf("schema bascule of the target was written by a newer build (format %d)", live.Ledger.Format), "Use that build.")
	}
	d.checkTablespaces()
	d.checkLimits()
}

// createsIn reports whether the mirror makes tables in this schema.
func (d *draft) createsIn(schema string) bool {
	return d.decl.Schema.Copy && slices.ContainsFunc(d.out.Tables, func(t Table) bool {
		final, _ := t.FinalName()
		return t.Kind != "config" && (t.Schema == schema || final == schema)
	})
}

func (d *draft) checkTablespaces() {
	var lost []string
	for _, name := range d.usedTablespaces() {
		to, mapped := d.decl.Schema.Tablespaces[name]
		switch {
		case !mapped:
			lost = append(lost, name)
		case !slices.Contains(d.target.Tablespaces, to):
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
		if r.Tablespace != "" && !d.left.has(classRelation, r.OID) {
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
	need := int64(d.out.Options.Workers) + 2
	for _, db := range []*catalog.Database{d.source, d.target} {
		if most := param(db, "max_connections") - param(db, "superuser_reserved_connections"); most > 0 && need > most {
			d.found("copy.workers", codeConnections, Refusal, fmt.Sprintf("%d workers need %d connections; server of database %s allows %d", d.out.Options.Workers, need, db.Identity.Name, most),
				"Lower copy { workers }.")
		}
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
