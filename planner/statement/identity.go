package statement

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// Identity is a part of a statement that changes how rows of a table are told apart. One
// of the fields behind Table is set.
type Identity struct {
	Table Name

	// Constraint is one that it drops. Column is dropped, or may be null from then on.
	Constraint, Column string

	// Primary: the table gets a primary key that rows can be found by.
	Primary bool

	// Replica is REPLICA IDENTITY: "default", "full", "nothing", or "index:" and a name.
	Replica string
}

// identifies reads that from one part of an ALTER TABLE.
func (s *Statement) identifies(table *pg.RangeVar, cmd *pg.AlterTableCmd) {
	i := Identity{Table: rangeName(table)}
	switch cmd.GetSubtype() {
	case pg.AlterTableType_AT_DropConstraint:
		i.Constraint = cmd.GetName()
	case pg.AlterTableType_AT_DropColumn, pg.AlterTableType_AT_DropNotNull:
		i.Column = cmd.GetName()
	case pg.AlterTableType_AT_AddConstraint:
		i.Primary = primary(cmd.GetDef().GetConstraint())
	case pg.AlterTableType_AT_AddColumn:
		for _, c := range cmd.GetDef().GetColumnDef().GetConstraints() {
			i.Primary = i.Primary || primary(c.GetConstraint())
		}
	case pg.AlterTableType_AT_ReplicaIdentity:
		r := cmd.GetDef().GetReplicaIdentityStmt()
		i.Replica = replicaIdentities[r.GetIdentityType()] + r.GetName()
	}
	if i != (Identity{Table: i.Table}) {
		s.Identities = append(s.Identities, i)
	}
}

func primary(c *pg.Constraint) bool {
	return c.GetContype() == pg.ConstrType_CONSTR_PRIMARY && !c.GetDeferrable()
}

// replicaIdentities are by the letter that pg_class has for them.
var replicaIdentities = map[string]string{"d": "default", "f": "full", "n": "nothing", "i": "index:"}
