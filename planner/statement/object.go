package statement

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// Object is no relation, and its owner alone may alter or drop it. Of functions the name
// is all that is told: there may be several.
type Object struct {
	Kind string // OfType, OfFunction or OfSchema
	Name Name   // of a schema, its Name
}

// Kinds of objects that are no relations.
const (
	OfType     = "type"
	OfFunction = "function"
	OfSchema   = "schema"
)

// objectKinds are those that are told of.
var objectKinds = map[pg.ObjectType]string{
	pg.ObjectType_OBJECT_TYPE:      OfType,
	pg.ObjectType_OBJECT_DOMAIN:    OfType,
	pg.ObjectType_OBJECT_FUNCTION:  OfFunction,
	pg.ObjectType_OBJECT_PROCEDURE: OfFunction,
	pg.ObjectType_OBJECT_ROUTINE:   OfFunction,
	pg.ObjectType_OBJECT_AGGREGATE: OfFunction,
	pg.ObjectType_OBJECT_SCHEMA:    OfSchema,
}

// objects are what a statement alters or drops and that is no relation.
func objects(n *pg.Node) (list []Object) {
	add := func(kind string, name Name) {
		if kind != "" && name.Name != "" {
			list = append(list, Object{kind, name})
		}
	}
	switch {
	case n.GetDropStmt() != nil:
		for _, object := range n.GetDropStmt().GetObjects() {
			add(objectKinds[n.GetDropStmt().GetRemoveType()], nameOf(partsOf(object)))
		}
	case n.GetAlterOwnerStmt() != nil:
		add(objectKinds[n.GetAlterOwnerStmt().GetObjectType()], nameOf(partsOf(n.GetAlterOwnerStmt().GetObject())))
	case n.GetAlterObjectSchemaStmt() != nil:
		add(objectKinds[n.GetAlterObjectSchemaStmt().GetObjectType()], nameOf(partsOf(n.GetAlterObjectSchemaStmt().GetObject())))
	case n.GetCommentStmt() != nil:
		add(objectKinds[n.GetCommentStmt().GetObjtype()], nameOf(partsOf(n.GetCommentStmt().GetObject())))
	case n.GetAlterFunctionStmt() != nil:
		add(OfFunction, nameOf(words(n.GetAlterFunctionStmt().GetFunc().GetObjname())))
	case n.GetAlterEnumStmt() != nil:
		add(OfType, nameOf(words(n.GetAlterEnumStmt().GetTypeName())))
	case n.GetAlterTypeStmt() != nil:
		add(OfType, nameOf(words(n.GetAlterTypeStmt().GetTypeName())))
	case n.GetAlterDomainStmt() != nil:
		add(OfType, nameOf(words(n.GetAlterDomainStmt().GetTypeName())))
	case n.GetAlterTableStmt().GetObjtype() == pg.ObjectType_OBJECT_TYPE:
		add(OfType, rangeName(n.GetAlterTableStmt().GetRelation()))
	case n.GetRenameStmt() != nil:
		r := n.GetRenameStmt()
		switch t := r.GetRenameType(); t {
		case pg.ObjectType_OBJECT_ATTRIBUTE:
			add(OfType, rangeName(r.GetRelation()))
		case pg.ObjectType_OBJECT_SCHEMA:
			add(OfSchema, Name{Name: r.GetSubname()})
		default:
			add(objectKinds[t], nameOf(partsOf(r.GetObject())))
		}
	}
	return list
}
