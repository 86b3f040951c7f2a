package statement

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// alterTable reads ALTER TABLE and all that the grammar makes one with it: views,
// indexes, sequences, composite types. One lock is taken for all its parts.
func (s *Statement) alterTable(n *pg.AlterTableStmt) {
	table := n.GetRelation()
	kind, mode := relationKinds[n.GetObjtype()], ""
	if n.GetObjtype() == pg.ObjectType_OBJECT_TYPE {
		s.alters(rangeName(table))
		return
	}
	for _, part := range n.GetCmds() {
		cmd := part.GetAlterTableCmd()
		mode = stronger(mode, alterLock(cmd))
		s.alterPart(table, cmd)
		if kind == ofTable {
			s.identifies(table, cmd)
		}
	}
	if kind == ofIndex {
		s.alterIndex(n)
		return
	}
	s.lockOptional(table, mode, kind, n.GetMissingOk())
}

// alterIndex: an index is altered under a lock of its own, and only a change of
// partitions looks at the tables. That makes waiting for nobody, so it is not told.
func (s *Statement) alterIndex(n *pg.AlterTableStmt) {
	s.Tables, s.Attaches, s.Detaches = nil, nil, nil
	for _, part := range n.GetCmds() {
		cmd := part.GetAlterTableCmd()
		if cmd.GetSubtype() == pg.AlterTableType_AT_SetTableSpace {
			s.Also = append(s.Also, fmt.Sprintf("ACCESS EXCLUSIVE on index %s, which every query of its table waits for", rangeName(n.GetRelation())))
		}
	}
	s.Rewrite = No
}

// alterLock is the lock that one part of an ALTER TABLE takes on the table.
func alterLock(cmd *pg.AlterTableCmd) string {
	switch t := cmd.GetSubtype(); {
	case slices.Contains(underShareUpdateExclusive, t):
		return shareUpdateExclusive
	case slices.Contains(underShareRowExclusive, t):
		return shareRowExclusive
	case t == pg.AlterTableType_AT_SetRelOptions, t == pg.AlterTableType_AT_ResetRelOptions:
		return optionsLock(cmd.GetDef().GetList().GetItems())
	case t == pg.AlterTableType_AT_AddConstraint && cmd.GetDef().GetConstraint().GetContype() == pg.ConstrType_CONSTR_FOREIGN:
		return shareRowExclusive
	case t == pg.AlterTableType_AT_DetachPartition && cmd.GetDef().GetPartitionCmd().GetConcurrent():
		return shareUpdateExclusive
	}
	return accessExclusive
}

// Parts of ALTER TABLE that ACCESS EXCLUSIVE is not needed for.
var (
	underShareUpdateExclusive = []pg.AlterTableType{
		pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetOptions, pg.AlterTableType_AT_ResetOptions,
		pg.AlterTableType_AT_ClusterOn, pg.AlterTableType_AT_DropCluster, pg.AlterTableType_AT_ValidateConstraint,
		pg.AlterTableType_AT_AttachPartition, pg.AlterTableType_AT_DetachPartitionFinalize,
	}
	underShareRowExclusive = []pg.AlterTableType{
		pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig,
		pg.AlterTableType_AT_DisableTrig, pg.AlterTableType_AT_EnableTrigAll, pg.AlterTableType_AT_DisableTrigAll,
		pg.AlterTableType_AT_EnableTrigUser, pg.AlterTableType_AT_DisableTrigUser,
	}
)

// strictOptions are the storage parameters that queries look at, and that are changed
// with none running.
var strictOptions = []string{
	"user_catalog_table", "security_barrier", "security_invoker", "check_option",
	"fastupdate", "gin_pending_list_limit", "buffering", "pages_per_range", "autosummarize",
}

func optionsLock(options []*pg.Node) string {
	for _, o := range options {
		if slices.Contains(strictOptions, o.GetDefElem().GetDefname()) {
			return accessExclusive
		}
	}
	return shareUpdateExclusive
}

// alterPart reads what one part does to other tables, to the rows and to partitions.
func (s *Statement) alterPart(table *pg.RangeVar, cmd *pg.AlterTableCmd) {
	part := cmd.GetDef().GetPartitionCmd()
	partition := Partition{rangeName(table), rangeName(part.GetName())}
	switch cmd.GetSubtype() {
	case pg.AlterTableType_AT_AddColumn:
		s.addColumn(table, cmd.GetDef().GetColumnDef())
	case pg.AlterTableType_AT_AlterColumnType:
		s.alterType(table, cmd)
	case pg.AlterTableType_AT_SetLogged, pg.AlterTableType_AT_SetUnLogged, pg.AlterTableType_AT_SetExpression:
		s.rewrite(Yes)
	case pg.AlterTableType_AT_SetAccessMethod:
		s.doubt("whether the table has another access method")
	case pg.AlterTableType_AT_SetTableSpace:
		s.doubt("whether the table is in another tablespace")
	case pg.AlterTableType_AT_AddConstraint:
		if other := cmd.GetDef().GetConstraint().GetPktable(); other != nil {
			s.lock(other, shareRowExclusive, ofTable)
			s.fires(OfForeignKey, rangeName(table), rangeName(other))
		}
	case pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig:
		s.fires(OfAlways, rangeName(table))
	case pg.AlterTableType_AT_DropConstraint:
		s.Also = append(s.Also, "if it is a foreign key, ACCESS EXCLUSIVE on the other table too")
	case pg.AlterTableType_AT_ValidateConstraint:
		s.Also = append(s.Also, "if it is a foreign key, ROW SHARE on the other table too")
	case pg.AlterTableType_AT_AddInherit:
		s.lock(cmd.GetDef().GetRangeVar(), shareUpdateExclusive, ofTable)
	case pg.AlterTableType_AT_DropInherit:
		s.lock(cmd.GetDef().GetRangeVar(), accessShare, ofTable)
	case pg.AlterTableType_AT_AttachPartition:
		s.Attaches = append(s.Attaches, partition)
		s.lock(part.GetName(), accessExclusive, ofTable)
		s.Also = append(s.Also, "ACCESS EXCLUSIVE on the default partition, if there is one")
	case pg.AlterTableType_AT_DetachPartition, pg.AlterTableType_AT_DetachPartitionFinalize:
		s.Detaches = append(s.Detaches, partition)
		s.lock(part.GetName(), accessExclusive, ofTable)
		s.Alone = s.Alone || part.GetConcurrent()
	}
	s.cascades(cmd.GetBehavior(), cmd.GetName())
}

// cascades notes that what hangs on an object is dropped with it.
func (s *Statement) cascades(b pg.DropBehavior, what string) {
	if b == pg.DropBehavior_DROP_CASCADE {
		s.Also = append(s.Also, fmt.Sprintf("all that depends on %s is dropped too (CASCADE)", what))
	}
}

// rewrite takes the worse of two answers.
func (s *Statement) rewrite(answer string) {
	order := []string{No, Unknown, Yes}
	if slices.Index(order, answer) > slices.Index(order, s.Rewrite) {
		s.Rewrite = answer
	}
}

// doubt makes it unknown whether rows are rewritten, unless it is sure already.
func (s *Statement) doubt(whether string) {
	s.rewrite(Unknown)
	s.Doubts = append(s.Doubts, whether)
}

// alters notes a change of a composite type.
func (s *Statement) alters(n Name) {
	s.Alters = append(s.Alters, n)
	s.Also = append(s.Also, fmt.Sprintf("tables with columns of type %s are concerned", n))
}
