package archive

import (
	"fmt"
	"time"
)

// Archive is the table of contents of a dump.
type Archive struct {
	// Version of the format, as in "1.14".
	Version Version

	// DumpVersion is pg_dump's, ServerVersion the server's, as both print it.
	DumpVersion, ServerVersion string

	// Database that was dumped.
	Database string

	// Created by the clock of the machine that pg_dump ran on; it records no zone.
	Created time.Time

	// Encoding is the client_encoding of all text here, and of the SQL.
	Encoding string

	// StandardStrings is standard_conforming_strings, under which the SQL was
	// written.
	StandardStrings bool

	// SearchPath is the search_path under which the SQL was written. It is empty
	// for every pg_dump since 10.3.
	SearchPath string

	// Entries in pg_dump's order. The entries that only set the three fields
	// above are not among them. Those of the database itself always are: DATABASE,
	// DATABASE PROPERTIES (its settings), its COMMENT and its ACL, for which
	// pg_restore wants --create.
	Entries []Entry
}

// Version of the archive format.
type Version struct{ Major, Minor, Revision byte }

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// least reports whether v is at least 1.minor.
func (v Version) least(minor byte) bool {
	return v.Major > 1 || v.Major == 1 && v.Minor >= minor
}

// Section is the part of a restore that an entry belongs to.
type Section int

// The sections. None is for what goes with another object, whichever section
// that is in: comments, privileges, security labels.
const (
	None Section = iota + 1
	PreData
	Data
	PostData
)

func (s Section) String() string {
	switch s {
	case None:
		return "none"
	case PreData:
		return "pre-data"
	case Data:
		return "data"
	case PostData:
		return "post-data"
	}
	return fmt.Sprintf("section %d", int(s))
}

// Entry is one object, or one remark on an object, of a dump.
type Entry struct {
	// DumpID is the entry's number in this archive; in another it is another.
	DumpID int

	// Class and OID are the object's address in the catalogues of the source. Both
	// are 0 for what has none of its own: an ACL, a comment, ownership of a
	// sequence. A DEFAULT's is in pg_attrdef, a TABLE's in pg_class, and so on.
	Class, OID uint32

	// Tag names the object for people and is not quoted: a function with its
	// argument types, a trigger or constraint with its table before it.
	Tag string

	// Desc is the kind, in capitals: "TABLE", "FK CONSTRAINT".
	Desc string

	Section Section

	// Definition makes the object. It can hold several statements, and can be
	// empty. Drop removes it and is empty for what goes with something else.
	Definition, Drop string

	// Copy is the COPY statement of a TABLE DATA entry.
	Copy string

	// Schema is "" for what is in none.
	Schema string

	// Tablespace is "" for the database's default, and for what has none.
	Tablespace string

	// AccessMethod of a table, or "".
	AccessMethod string

	// Owner is "" for what has none.
	Owner string

	// RelKind is pg_class.relkind, for tables and since archive version 1.16 only;
	// else 0.
	RelKind rune

	// HasData: rows for this entry follow in the archive.
	HasData bool

	// Dependencies are dump ids that must be there first. An id with no entry in
	// the archive is of an object that was left out.
	Dependencies []int
}
