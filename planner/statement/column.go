package statement

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// addColumn reads a new column of a table that has rows. Only what differs from row to
// row has them written anew; else PostgreSQL keeps the value with the table.
func (s *Statement) addColumn(table *pg.RangeVar, c *pg.ColumnDef) {
	if slices.Contains(serials, typeName(c.GetTypeName()).Name) {
		s.rewrite(Yes)
		s.Volatile = append(s.Volatile, "nextval")
	}
	for _, n := range c.GetConstraints() {
		switch con := n.GetConstraint(); con.GetContype() {
		case pg.ConstrType_CONSTR_DEFAULT:
			s.computes(con.GetRawExpr(), c.GetTypeName())
		case pg.ConstrType_CONSTR_IDENTITY:
			s.rewrite(Yes)
			s.Volatile = append(s.Volatile, "nextval")
		case pg.ConstrType_CONSTR_GENERATED:
			s.rewrite(Yes)
		case pg.ConstrType_CONSTR_FOREIGN:
			s.lock(con.GetPktable(), shareRowExclusive, ofTable)
			s.fires(OfForeignKey, rangeName(table), rangeName(con.GetPktable()))
		}
	}
	t := c.GetTypeName()
	if !builtinType(t) && len(t.GetArrayBounds()) == 0 {
		s.doubt(fmt.Sprintf("whether type %s is a domain with constraints or a volatile default", typeName(t)))
	}
}

// computes reads an expression that one value, or each row's, comes from.
func (s *Statement) computes(expr *pg.Node, t *pg.TypeName) {
	for _, f := range functions(expr) {
		switch f.volatility {
		case volatile:
			s.rewrite(Yes)
		case unknown:
			s.doubt(fmt.Sprintf("whether %s is volatile", f.name))
		}
		if f.volatility != immutable {
			s.Volatile = append(s.Volatile, f.name)
		}
	}
	if word := clockWord(expr); word != "" && slices.Contains(clockTypes, typeName(t).Name) {
		s.Volatile = append(s.Volatile, "'"+word+"'")
	}
}

// alterType reads ALTER COLUMN TYPE. Without USING it is the old and the new type that
// decide; with it, anything but the column itself, cast to the new type, is computed.
func (s *Statement) alterType(table *pg.RangeVar, cmd *pg.AlterTableCmd) {
	def := cmd.GetDef().GetColumnDef()
	using := def.GetRawDefault()
	s.differs(using)
	if using != nil && !isColumn(using, cmd.GetName(), def.GetTypeName()) {
		if onlyCasts(using) {
			s.doubt(fmt.Sprintf("the type that column %s has now", cmd.GetName()))
			return
		}
		s.rewrite(Yes)
		return
	}
	s.rewrite(Unknown)
	s.Types = append(s.Types, TypeChange{Table: rangeName(table), Column: cmd.GetName(), To: spelled(def.GetTypeName())})
}

// differs notes the functions that may give each side other rows.
func (s *Statement) differs(expr *pg.Node) {
	for _, f := range functions(expr) {
		if f.volatility != immutable {
			s.Volatile = append(s.Volatile, f.name)
		}
	}
}

// isColumn says whether an expression is a column, at most cast to a type.
func isColumn(expr *pg.Node, column string, t *pg.TypeName) bool {
	if cast := expr.GetTypeCast(); cast != nil && spelled(cast.GetTypeName()) == spelled(t) {
		expr = cast.GetArg()
	}
	fields := words(expr.GetColumnRef().GetFields())
	return len(fields) == 1 && fields[0] == column
}

// onlyCasts says whether an expression is a column under casts: such as PostgreSQL sees
// through where the value stays as it is.
func onlyCasts(expr *pg.Node) bool {
	for {
		switch {
		case expr.GetColumnRef() != nil:
			return true
		case expr.GetTypeCast() != nil:
			expr = expr.GetTypeCast().GetArg()
		case expr.GetCollateClause() != nil:
			expr = expr.GetCollateClause().GetArg()
		default:
			return false
		}
	}
}
