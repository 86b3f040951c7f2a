package statement

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// walk visits a part of the tree and all that is in it, from the outside in, in the
// order of the grammar's fields. It goes into a node only when visit returns true.
func walk(m proto.Message, visit func(proto.Message) bool) {
	if m == nil || !m.ProtoReflect().IsValid() || !visit(m) {
		return
	}
	r := m.ProtoReflect()
	for _, field := range filled(r) {
		if field.IsList() {
			list := r.Get(field).List()
			for i := range list.Len() {
				walk(list.Get(i).Message().Interface(), visit)
			}
			continue
		}
		walk(r.Get(field).Message().Interface(), visit)
	}
}

// filled returns the fields of a message that hold messages. A node has one of some
// three hundred.
func filled(r protoreflect.Message) []protoreflect.FieldDescriptor {
	var fields []protoreflect.FieldDescriptor
	if oneofs := r.Descriptor().Oneofs(); oneofs.Len() == 1 && oneofs.Get(0).Fields().Len() == r.Descriptor().Fields().Len() {
		if f := r.WhichOneof(oneofs.Get(0)); f != nil && f.Message() != nil {
			fields = append(fields, f)
		}
		return fields
	}
	all := r.Descriptor().Fields()
	for i := range all.Len() {
		if f := all.Get(i); f.Message() != nil && r.Has(f) {
			fields = append(fields, f)
		}
	}
	return fields
}

// typeOf is the grammar's name for what a node is: "AlterTableStmt".
func typeOf(n *pg.Node) string {
	r := n.ProtoReflect()
	if !r.IsValid() {
		return ""
	}
	f := r.WhichOneof(r.Descriptor().Oneofs().Get(0))
	if f == nil || f.Message() == nil {
		return ""
	}
	return string(f.Message().Name())
}

// commonNames are the names that WITH gives inside m: they look like tables.
func commonNames(m proto.Message) map[string]bool {
	names := map[string]bool{}
	walk(m, func(m proto.Message) bool {
		if cte, is := m.(*pg.CommonTableExpr); is {
			names[cte.GetCtename()] = true
		}
		return true
	})
	return names
}

// words are the strings in a list of nodes, as the parts of a name are.
func words(nodes []*pg.Node) []string {
	var parts []string
	for _, n := range nodes {
		if s := n.GetString_(); s != nil {
			parts = append(parts, s.GetSval())
		}
	}
	return parts
}

// nameOf makes a name of its parts; of more than two, a database's name is first.
func nameOf(parts []string) Name {
	switch n := len(parts); n {
	case 0:
		return Name{}
	case 1:
		return Name{Name: parts[0]}
	default:
		return Name{parts[n-2], parts[n-1]}
	}
}

// partsOf are the parts of the name of an object, however the grammar holds them.
func partsOf(n *pg.Node) []string {
	switch {
	case n.GetList() != nil:
		return words(n.GetList().GetItems())
	case n.GetTypeName() != nil:
		return words(n.GetTypeName().GetNames())
	case n.GetObjectWithArgs() != nil:
		return words(n.GetObjectWithArgs().GetObjname())
	case n.GetString_() != nil:
		return []string{n.GetString_().GetSval()}
	}
	return nil
}

func rangeName(r *pg.RangeVar) Name { return Name{r.GetSchemaname(), r.GetRelname()} }
