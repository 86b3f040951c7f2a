package statement

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// drop reads DROP of anything.
func (s *Statement) drop(n *pg.DropStmt) {
	for _, object := range n.GetObjects() {
		parts := partsOf(object)
		s.dropOne(n, parts)
		s.cascades(n.GetBehavior(), strings.Join(parts, "."))
	}
	s.Alone = n.GetConcurrent()
}

func (s *Statement) dropOne(n *pg.DropStmt, parts []string) {
	name, mode := nameOf(parts), accessExclusive
	switch t := n.GetRemoveType(); t {
	case pg.ObjectType_OBJECT_TABLE:
		s.Drops = append(s.Drops, name)
		s.lockNamed(name, mode, ofTable, n.GetMissingOk())
	case pg.ObjectType_OBJECT_INDEX:
		if n.GetConcurrent() {
			mode = shareUpdateExclusive
		}
		s.lockNamed(name, mode, ofIndex, n.GetMissingOk())
	case pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE:
		s.lockNamed(name, mode, relationKinds[t], n.GetMissingOk())
	case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_RULE, pg.ObjectType_OBJECT_POLICY:
		s.lockNamed(nameOf(holder(parts)), mode, ofTable, n.GetMissingOk())
	case pg.ObjectType_OBJECT_SCHEMA:
		s.Schemas = append(s.Schemas, Schema{From: name.Name})
	}
}

// alterDomain reads ALTER DOMAIN: a new constraint is held against all that is there.
func (s *Statement) alterDomain(n *pg.AlterDomainStmt) {
	name := nameOf(words(n.GetTypeName()))
	if subtype := n.GetSubtype(); subtype == "C" || subtype == "O" || subtype == "V" {
		s.Also = append(s.Also, "SHARE on the tables with columns of domain "+name.String())
	}
	s.cascades(n.GetBehavior(), n.GetName())
}

// rename reads ALTER ... RENAME of anything.
func (s *Statement) rename(n *pg.RenameStmt) {
	table := n.GetRelation()
	switch t := n.GetRenameType(); t {
	case pg.ObjectType_OBJECT_TABLE:
		from := rangeName(table)
		s.Renames = append(s.Renames, Rename{from, Name{from.Schema, n.GetNewname()}})
		s.lockOptional(table, accessExclusive, ofTable, n.GetMissingOk())
	case pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE:
		s.lockOptional(table, accessExclusive, relationKinds[t], n.GetMissingOk())
	case pg.ObjectType_OBJECT_COLUMN:
		s.lockOptional(table, accessExclusive, relationKinds[n.GetRelationType()], n.GetMissingOk())
	case pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_RULE, pg.ObjectType_OBJECT_POLICY:
		s.lockOptional(table, accessExclusive, ofTable, n.GetMissingOk())
	case pg.ObjectType_OBJECT_ATTRIBUTE:
		s.alters(rangeName(table))
	case pg.ObjectType_OBJECT_SCHEMA:
		s.Schemas = append(s.Schemas, Schema{n.GetSubname(), n.GetNewname()})
	}
}

// move reads ALTER ... SET SCHEMA of anything.
func (s *Statement) move(n *pg.AlterObjectSchemaStmt) {
	from := rangeName(n.GetRelation())
	switch t := n.GetObjectType(); t {
	case pg.ObjectType_OBJECT_TABLE:
		s.Renames = append(s.Renames, Rename{from, Name{n.GetNewschema(), from.Name}})
		s.lockOptional(n.GetRelation(), accessExclusive, ofTable, n.GetMissingOk())
	case pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE:
		s.lockOptional(n.GetRelation(), accessExclusive, relationKinds[t], n.GetMissingOk())
	}
}

// describe reads COMMENT and SECURITY LABEL.
func (s *Statement) describe(t pg.ObjectType, object *pg.Node) {
	parts := partsOf(object)
	switch t {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
		pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE:
		s.lockNamed(nameOf(parts), shareUpdateExclusive, relationKinds[t], false)
	case pg.ObjectType_OBJECT_COLUMN:
		s.lockNamed(nameOf(holder(parts)), shareUpdateExclusive, ofTable, false)
	case pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_RULE, pg.ObjectType_OBJECT_POLICY:
		s.lockNamed(nameOf(holder(parts)), accessShare, ofTable, false)
	}
}
