package planner

import (
	"cmp"
	"fmt"
	"strings"

	"bascule/config"
	"bascule/planner/catalog"
)

// checkDatabase compares the two databases as wholes.
func (d *draft) checkDatabase() {
	s, t := d.source, d.target
	if d.sameDatabase() {
		d.found("target", codeSameDatabase, Refusal, fmt.Sprintf("%s and %s are the same database", d.out.Source, d.out.Target),
			fmt.Sprintf("Both are database %s of the server with system identifier %s.", s.Identity.Name, cmp.Or(s.Identity.SystemIdentifier, "(not known to the role)")))
	}
	d.checkEncoding()
	d.checkCollations()
	if s.CollationVersion != s.ActualCollationVersion && s.CollationVersion != "" && s.ActualCollationVersion != "" {
		d.found("source", codeCollation, Warning,
			fmt.Sprintf("the source's collation was changed under it: version %s when it was made, %s now", s.CollationVersion, s.ActualCollationVersion),
			"Its indexes on text may be wrong, and its unique keys may hold duplicates, which would stop the target's key. REINDEX there first.")
	}
	if len(d.out.Options.Settings) > 0 && !acts(t.Role, t.Owner) {
		d.found("schema.database_settings", codeOwners, Warning, fmt.Sprintf("role %s does not own database %s, and may not change its settings", t.Role.Name, t.Identity.Name),
			fmt.Sprintf("They stay as they are on the target, with a note. There: GRANT %s TO %s, or set database_settings = false.", shown("", t.Owner), shown("", t.Role.Name)))
	}
}

// sameDatabase tells by what the servers say of themselves. A copy of a server's files
// has its system identifier, and its databases their oids: the name must be the same,
// too. Where the role may not know the identifier, the way there decides.
func (d *draft) sameDatabase() bool {
	s, t := d.source.Identity, d.target.Identity
	known := s.SystemIdentifier != "" && t.SystemIdentifier != ""
	endpoint := func(p *config.Peer) string { return d.in.Live[p.Address].Endpoint }
	return s == t && (known || endpoint(d.decl.Source) == endpoint(d.decl.Target))
}

func (d *draft) checkEncoding() {
	s, t := d.source, d.target
	if s.Encoding == t.Encoding {
		return
	}
	severity, detail := Warning, "Text is converted. A character that the target's encoding lacks stops its table, with the row."
	switch {
	case s.Encoding == "SQL_ASCII":
		severity = Refusal
		detail = "Nothing says in which encoding the source's text is, so it cannot be converted. Create the target database with " +
			"ENCODING 'SQL_ASCII' TEMPLATE template0, or take one that does not exist yet and set create_database = true."
	case t.Encoding == "SQL_ASCII":
		detail = "Text is stored there as UTF-8, and the target does not check what is written to it later."
	}
	d.found("target", codeEncoding, severity, fmt.Sprintf("encodings differ: %s on the source, %s on the target", s.Encoding, t.Encoding), detail)
}

func (d *draft) checkCollations() {
	s, t := d.source, d.target
	switch {
	case collation(s) != collation(t):
		d.found("target", codeCollation, Warning,
			fmt.Sprintf("default collations differ: %s on the source, %s on the target", collation(s), collation(t)),
			"Text sorts and compares differently there, without an error. Create the target database with the source's collation, or set create_database = true for a new one.")
	case s.ActualCollationVersion != "" && t.ActualCollationVersion != "" && s.ActualCollationVersion != t.ActualCollationVersion:
		d.found("target", codeCollation, Notice,
			fmt.Sprintf("collation versions differ: %s on the source, %s on the target", s.ActualCollationVersion, t.ActualCollationVersion),
			"Indexes are built anew on the target, so they are right there. Some text may sort differently, and a partition or a check by ranges of text may refuse a row.")
	}
}

// collation names a database's default, so that the same has the same name: what
// the C library calls en_US.UTF-8 it also calls en_US.utf8.
func collation(db *catalog.Database) string {
	switch db.LocaleProvider {
	case "i":
		return "ICU " + db.ICULocale
	case "b":
		return "builtin " + db.ICULocale
	}
	collate, ctype := locale(db.Collate), locale(db.CType)
	if collate == ctype || ctype == "" {
		return collate
	}
	return collate + ", character types of " + ctype
}

func locale(name string) string {
	if name == "POSIX" {
		return "C"
	}
	language, codeset, dotted := strings.Cut(name, ".")
	if !dotted {
		return name
	}
	return language + "." + strings.ReplaceAll(strings.ToLower(codeset), "-", "")
}
