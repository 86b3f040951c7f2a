package statement

import (
	"bascule/config/pgname"
)

// Answers to whether rows are rewritten.
const (
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown" // the catalogue decides
)

// Statement is what the grammar tells of one statement.
type Statement struct {
	// Text is the statement as it was written, without the semicolon. Comments inside
	// and before it are kept.
	Text string

	// Kind is the tag that PostgreSQL has for it: "ALTER TABLE", "CREATE TABLE AS".
	Kind string

	// Tables and other relations that must be there before it and that it locks,
	// strongest lock first, then by name. Those that an earlier statement of the same
	// command has made or renamed are left out: nobody else can hold or want them.
	Tables []Table

	// Also are sentences on relations that it concerns and that only the catalogue
	// knows.
	Also []string

	// Creates, Drops and Renames are of tables, partitioned ones and partitions
	// included, views and foreign tables not. A table that moves to another schema is
	// renamed too.
	Creates, Drops []Name
	Renames        []Rename

	// Makes are the other relations that it creates: views, materialized views, foreign
	// tables and sequences. Those of serial columns are not told.
	Makes []Name

	// Unsure: what Creates has may be there already, and then stays as it is.
	Unsure bool

	// Attaches and Detaches are of partitions. One that is created as a partition is
	// attached; a DROP detaches without being told here.
	Attaches, Detaches []Partition

	// Schemas that it creates, drops or renames.
	Schemas []Schema

	// Alters are types that it alters: an enum that gets a value, a composite type.
	Alters []Name

	// Objects that are no relations, and that it alters or drops.
	Objects []Object

	// Identities are what it changes of how rows of tables are told apart.
	Identities []Identity

	// Fires are tables on which something is made that acts when rows are written.
	Fires []Firing

	// Rewrite says whether all rows of a table in Tables are written anew, under its
	// lock: Yes, No or Unknown. SET TABLESPACE, which copies the files, counts.
	Rewrite string

	// Types are the changes of a column's type that Rewrite is Unknown for: Rewrites
	// decides, given the type that the column has. There may be other reasons for
	// Unknown, in Doubts.
	Types []TypeChange

	// Doubts say in words what else Rewrite depends on.
	Doubts []string

	// Volatile are the functions in what is computed for rows that are there (the default
	// of a new column, USING, CREATE TABLE AS) that are not known to be immutable:
	// now, public.f, nextval. Each side computes for itself, so the sides may differ.
	Volatile []string

	// Unqualified are names that lack a schema and are not known to be pg_catalog's:
	// users, status, f(). With an empty search_path they are not found.
	Unqualified []string

	// Roles that it names: OWNER TO, GRANT, POLICY. PUBLIC and CURRENT_USER are no names.
	Roles []string

	// Alone: it cannot run in a transaction. CLUSTER and REINDEX of a partitioned table
	// cannot either, and the catalogue knows whether it is one.
	Alone bool

	// Refused is the reason why a ddl block cannot have it, or "".
	Refused string

	// Opaque: it runs code that cannot be looked into, and what that does is unknown.
	Opaque bool
}

// Name is that of a table. Schema is "" when it was not written.
type Name struct{ Schema, Name string }

// String writes the name for people.
func (n Name) String() string { return pgname.Shown(n.Schema, n.Name) }

// Table is a relation that a statement locks.
type Table struct {
	Schema, Name string

	// Lock is the mode by PostgreSQL's name: "ACCESS EXCLUSIVE".
	Lock string

	// Kind is what the statement says it is: "table", "view", "materialized view",
	// "sequence", "foreign table", "index". Of an index, the lock is also on its table.
	Kind string

	// Optional: the statement does nothing, rather than fail, when it is not there.
	Optional bool
}

// String writes the table's name for people.
func (t Table) String() string { return pgname.Shown(t.Schema, t.Name) }

// Rename is a table under its old and its new name.
type Rename struct{ From, To Name }

// Partition is a table and the one it is a part of.
type Partition struct{ Parent, Child Name }

// Firing is something that acts when rows of a table are written.
type Firing struct {
	Table Name
	What  string // OfTrigger, OfForeignKey, or OfAlways: a trigger that fires for replication too
}

// What acts when rows are written.
const (
	OfTrigger    = "trigger"
	OfForeignKey = "foreign key"
	OfAlways     = "trigger that fires for replication"
)

// fires notes it, of a table that is named.
func (s *Statement) fires(what string, tables ...Name) {
	for _, n := range tables {
		if n.Name != "" {
			s.Fires = append(s.Fires, Firing{n, what})
		}
	}
}

// Schema is one that is renamed, dropped (To is "") or created (From is "").
type Schema struct{ From, To string }

// TypeChange is a column that gets another type.
type TypeChange struct {
	Table  Name
	Column string

	// To is the new type as format_type writes it: "character varying(20)".
	To string
}
