package statement

import (
	"slices"
	"strings"
	"unicode"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"bascule/config/pgname"
)

// roles are the roles that a statement names, sorted.
func roles(n *pg.Node) []string {
	var names []string
	walk(n, func(m proto.Message) bool {
		if r, is := m.(*pg.RoleSpec); is && r.GetRoletype() == pg.RoleSpecType_ROLESPEC_CSTRING {
			names = append(names, r.GetRolename())
		}
		return true
	})
	return sorted(names)
}

// unqualified are the names that an empty search_path leaves unfound, sorted. What
// pg_catalog has is found; collations, operators and what has no schema are passed over.
func unqualified(n *pg.Node) []string {
	var names []string
	for _, part := range append([]*pg.Node{n}, sqlBody(n.GetCreateFunctionStmt())...) {
		names = append(names, bareNames(part)...)
	}
	suffix := ""
	if n.GetCreateFunctionStmt() != nil {
		suffix = "()"
	}
	for _, name := range ownNames(n) {
		if name.Schema == "" && name.Name != "" {
			names = append(names, pgname.Shown("", name.Name)+suffix)
		}
	}
	return sorted(names)
}

// bareNames are those that the tree says are names of relations, types and functions.
func bareNames(n *pg.Node) []string {
	var names []string
	common := commonNames(n)
	add := func(name Name, suffix string) {
		if name.Schema == "" && name.Name != "" {
			names = append(names, pgname.Shown("", name.Name)+suffix)
		}
	}
	walk(n, func(m proto.Message) bool {
		switch x := m.(type) {
		case *pg.RangeVar:
			if !common[x.GetRelname()] {
				add(rangeName(x), "")
			}
		case *pg.DefElem:
			return x.GetArg().GetTypeName() == nil || slices.Contains(typeOptions, x.GetDefname())
		case *pg.TypeName:
			if !builtinType(x) && !x.GetPctType() {
				add(typeName(x), "")
			}
		case *pg.FuncCall:
			name := nameOf(words(x.GetFuncname()))
			if volatilityOf(name) == unknown {
				add(name, "()")
			}
			add(sequenceIn(name, x.GetArgs()), "")
		case *pg.CreateTrigStmt:
			if name := nameOf(words(x.GetFuncname())); volatilityOf(name) == unknown {
				add(name, "()")
			}
		case *pg.ObjectWithArgs:
			name := nameOf(words(x.GetObjname()))
			if volatilityOf(name) == unknown && strings.ContainsFunc(name.Name, unicode.IsLetter) {
				add(name, "()")
			}
		}
		return true
	})
	return names
}

// holder is the name of the table that holds what is named by parts: its column, its
// trigger.
func holder(parts []string) []string { return parts[:max(len(parts)-1, 0)] }

// typeOptions are the options whose value is a type. The grammar takes a bare word, such
// as off, for a type in all others too.
var typeOptions = []string{"stype", "mstype", "basetype", "leftarg", "rightarg", "subtype", "element", "like"}

// sequenceIn is the sequence that nextval and its like name in a text.
func sequenceIn(function Name, args []*pg.Node) Name {
	if len(args) == 0 || !slices.Contains([]string{"nextval", "currval", "setval"}, function.Name) {
		return Name{}
	}
	arg := args[0]
	if cast := arg.GetTypeCast(); cast != nil {
		arg = cast.GetArg()
	}
	text := constant(arg)
	if strings.Contains(text, ".") {
		return Name{}
	}
	return Name{Name: strings.Trim(text, `"`)}
}

// ownNames are the names of what the statement is about, where the tree has them as
// mere lists of words.
func ownNames(n *pg.Node) []Name {
	switch {
	case n.GetDropStmt() != nil:
		var names []Name
		for _, object := range n.GetDropStmt().GetObjects() {
			names = append(names, objectName(n.GetDropStmt().GetRemoveType(), object))
		}
		return names
	case n.GetCommentStmt() != nil:
		return []Name{objectName(n.GetCommentStmt().GetObjtype(), n.GetCommentStmt().GetObject())}
	case n.GetSecLabelStmt() != nil:
		return []Name{objectName(n.GetSecLabelStmt().GetObjtype(), n.GetSecLabelStmt().GetObject())}
	case n.GetAlterOwnerStmt() != nil:
		return []Name{objectName(n.GetAlterOwnerStmt().GetObjectType(), n.GetAlterOwnerStmt().GetObject())}
	case n.GetAlterObjectSchemaStmt() != nil:
		return []Name{objectName(n.GetAlterObjectSchemaStmt().GetObjectType(), n.GetAlterObjectSchemaStmt().GetObject())}
	case n.GetRenameStmt() != nil:
		return []Name{objectName(n.GetRenameStmt().GetRenameType(), n.GetRenameStmt().GetObject())}
	}
	return []Name{nameOf(listedName(n))}
}

// listedName is the name of a type or a function that is created or altered.
func listedName(n *pg.Node) []string {
	for _, list := range [][]*pg.Node{
		n.GetCreateEnumStmt().GetTypeName(), n.GetAlterEnumStmt().GetTypeName(), n.GetAlterTypeStmt().GetTypeName(),
		n.GetCreateRangeStmt().GetTypeName(), n.GetCreateDomainStmt().GetDomainname(), n.GetAlterDomainStmt().GetTypeName(),
		n.GetCreateFunctionStmt().GetFuncname(), n.GetDefineStmt().GetDefnames(), n.GetCreateStatsStmt().GetDefnames(),
		n.GetAlterStatsStmt().GetDefnames(), n.GetCreateEventTrigStmt().GetFuncname(), n.GetCreateConversionStmt().GetConversionName(),
	} {
		if parts := words(list); len(parts) > 0 {
			return parts
		}
	}
	return nil
}

// objectName is the name of an object whose kind has schemas. What belongs to a table
// (a column, a trigger) has the table's name before its own. Types and functions have
// nodes that bareNames knows.
func objectName(t pg.ObjectType, object *pg.Node) Name {
	parts := partsOf(object)
	switch t {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_SEQUENCE,
		pg.ObjectType_OBJECT_FOREIGN_TABLE, pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_COLLATION,
		pg.ObjectType_OBJECT_CONVERSION, pg.ObjectType_OBJECT_STATISTIC_EXT, pg.ObjectType_OBJECT_TSCONFIGURATION,
		pg.ObjectType_OBJECT_TSDICTIONARY, pg.ObjectType_OBJECT_TSPARSER, pg.ObjectType_OBJECT_TSTEMPLATE:
		return nameOf(parts)
	case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
		if object.GetList() != nil {
			return nameOf(parts)
		}
	case pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_TRIGGER,
		pg.ObjectType_OBJECT_RULE, pg.ObjectType_OBJECT_POLICY:
		return nameOf(holder(parts))
	}
	return Name{}
}

// typeName is the name of a type: pg_catalog's own types have no schema here.
func typeName(t *pg.TypeName) Name {
	n := nameOf(words(t.GetNames()))
	if n.Schema == "pg_catalog" {
		n.Schema = ""
	}
	return n
}
