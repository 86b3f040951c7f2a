package archive

import (
	"strings"

	"bascule/config/pgname"
)

// OwnerSQL returns the statement by which pg_restore would give the object to its
// owner, and false for what has no owner of its own.
//
// What has no owner in the archive, and no statement that drops it, is not
// ownable: comments, privileges, the attachment of a partition.
func (e Entry) OwnerSQL() (string, bool) {
	if e.Owner == "" || e.Drop == "" {
		return "", false
	}
	object, ok := e.ownable()
	if !ok {
		return "", false
	}
	return "ALTER " + object + " OWNER TO " + pgname.Quote(e.Owner) + ";", true
}

// ownable returns how ALTER names the object.
func (e Entry) ownable() (string, bool) {
	switch e.Desc {
	case "COLLATION", "CONVERSION", "DOMAIN", "FOREIGN TABLE", "MATERIALIZED VIEW", "SEQUENCE", "STATISTICS", "TABLE",
		"TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TYPE", "VIEW":
		if e.Schema == "" {
			return e.Desc + " " + pgname.Quote(e.Tag), true
		}
		return e.Desc + " " + pgname.Qualified(e.Schema, e.Tag), true
	case "DATABASE", "EVENT TRIGGER", "FOREIGN DATA WRAPPER", "PROCEDURAL LANGUAGE", "PUBLICATION", "SCHEMA", "SERVER", "SUBSCRIPTION":
		return e.Desc + " " + pgname.Quote(e.Tag), true
	case "BLOB":
		return "LARGE OBJECT " + e.Tag, true // a number, which quotes would spoil
	case "AGGREGATE", "FUNCTION", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE":
		// The DROP statement has the argument types or the access method that
		// ALTER needs too.
		return strings.CutPrefix(strings.TrimRight(e.Drop, ";\n"), "DROP ")
	}
	return "", false
}
