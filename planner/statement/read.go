package statement

import (
	"cmp"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// read says what is known of one statement.
func read(text string, n *pg.Node) Statement {
	s := Statement{Text: text, Kind: kindOf(n), Refused: refusal(n), Rewrite: No}
	s.node(n)
	s.Unqualified = unqualified(n)
	s.Roles = roles(n)
	s.Objects = objects(n)
	slices.SortFunc(s.Tables, func(a, b Table) int {
		return cmp.Or(slices.Index(locks, b.Lock)-slices.Index(locks, a.Lock), cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	s.Volatile = sorted(s.Volatile)
	s.Also, s.Doubts = distinct(s.Also), distinct(s.Doubts)
	return s
}

// node reads what a statement does. What is passed over concerns no table.
func (s *Statement) node(n *pg.Node) {
	switch {
	case n.GetAlterTableStmt() != nil:
		s.alterTable(n.GetAlterTableStmt())
	case n.GetCreateStmt() != nil:
		s.createTable(n.GetCreateStmt(), true)
	case n.GetCreateForeignTableStmt() != nil:
		s.createTable(n.GetCreateForeignTableStmt().GetBaseStmt(), false)
	case n.GetCreateTableAsStmt() != nil:
		s.createTableAs(n.GetCreateTableAsStmt())
	case n.GetIndexStmt() != nil:
		s.createIndex(n.GetIndexStmt())
	case n.GetDropStmt() != nil:
		s.drop(n.GetDropStmt())
	case n.GetRenameStmt() != nil:
		s.rename(n.GetRenameStmt())
	case n.GetAlterObjectSchemaStmt() != nil:
		s.move(n.GetAlterObjectSchemaStmt())
	case n.GetSelectStmt() != nil:
		s.selects(n.GetSelectStmt())
	case n.GetCreateSchemaStmt() != nil:
		s.createSchema(n.GetCreateSchemaStmt())
	default:
		s.dependent(n)
	}
}

// dependent reads statements about what hangs on a table: triggers, policies, views.
func (s *Statement) dependent(n *pg.Node) {
	switch {
	case n.GetCreateTrigStmt() != nil:
		t := n.GetCreateTrigStmt()
		s.lock(t.GetRelation(), shareRowExclusive, ofTable)
		s.lock(t.GetConstrrel(), accessShare, ofTable)
		s.fires(OfTrigger, rangeName(t.GetRelation()))
	case n.GetCreatePolicyStmt() != nil:
		s.lock(n.GetCreatePolicyStmt().GetTable(), accessExclusive, ofTable)
		s.queries(n)
	case n.GetAlterPolicyStmt() != nil:
		s.lock(n.GetAlterPolicyStmt().GetTable(), accessExclusive, ofTable)
		s.queries(n)
	case n.GetRuleStmt() != nil:
		s.lock(n.GetRuleStmt().GetRelation(), accessExclusive, ofTable)
		s.queries(n)
	case n.GetViewStmt() != nil:
		s.createView(n.GetViewStmt())
	case n.GetCreateStatsStmt() != nil:
		for _, r := range n.GetCreateStatsStmt().GetRelations() {
			s.lock(r.GetRangeVar(), shareUpdateExclusive, ofTable)
		}
	case n.GetCreateFunctionStmt() != nil:
		s.createFunction(n.GetCreateFunctionStmt())
	case n.GetAlterObjectDependsStmt() != nil:
		s.lock(n.GetAlterObjectDependsStmt().GetRelation(), accessExclusive, ofTable)
	case n.GetCommentStmt() != nil:
		s.describe(n.GetCommentStmt().GetObjtype(), n.GetCommentStmt().GetObject())
	case n.GetSecLabelStmt() != nil:
		s.describe(n.GetSecLabelStmt().GetObjtype(), n.GetSecLabelStmt().GetObject())
	default:
		s.maintain(n)
	}
}

// maintain reads the rest: sequences, types, upkeep, and what runs code.
func (s *Statement) maintain(n *pg.Node) {
	switch {
	case n.GetAlterSeqStmt() != nil:
		q := n.GetAlterSeqStmt()
		s.lockOptional(q.GetSequence(), shareRowExclusive, ofSequence, q.GetMissingOk())
		s.owner(q.GetOptions())
	case n.GetCreateSeqStmt() != nil:
		s.owner(n.GetCreateSeqStmt().GetOptions())
		s.Makes = append(s.Makes, rangeName(n.GetCreateSeqStmt().GetSequence()))
	case n.GetAlterDomainStmt() != nil:
		s.alterDomain(n.GetAlterDomainStmt())
	case n.GetAlterEnumStmt() != nil:
		s.Alters = append(s.Alters, nameOf(words(n.GetAlterEnumStmt().GetTypeName())))
	case n.GetRefreshMatViewStmt() != nil:
		s.refresh(n.GetRefreshMatViewStmt())
	case n.GetVacuumStmt() != nil:
		s.vacuum(n.GetVacuumStmt())
	case n.GetClusterStmt() != nil:
		s.cluster(n.GetClusterStmt())
	case n.GetReindexStmt() != nil:
		s.reindex(n.GetReindexStmt())
	case n.GetGrantStmt() != nil:
		for _, r := range n.GetGrantStmt().GetObjects() {
			s.lock(r.GetRangeVar(), accessShare, cmp.Or(relationKinds[n.GetGrantStmt().GetObjtype()], ofTable))
		}
	case n.GetLockStmt() != nil:
		for _, r := range n.GetLockStmt().GetRelations() {
			s.lock(r.GetRangeVar(), locks[n.GetLockStmt().GetMode()], ofTable)
		}
	case n.GetAlterTableMoveAllStmt() != nil:
		s.Rewrite = Yes
		s.Also = append(s.Also, "ACCESS EXCLUSIVE on all that is in the tablespace")
	case slices.Contains(opaque, typeOf(n)):
		s.Opaque = true
		s.queries(n)
	}
}

// opaque are the statements that run what cannot be read here.
var opaque = []string{"DoStmt", "CallStmt", "CreateExtensionStmt", "AlterExtensionStmt", "ImportForeignSchemaStmt"}

// createSchema reads a schema and what is made in it at once, where names without a
// schema are of this one.
func (s *Statement) createSchema(n *pg.CreateSchemaStmt) {
	name := cmp.Or(n.GetSchemaname(), n.GetAuthrole().GetRolename())
	s.Schemas = append(s.Schemas, Schema{To: name})
	for _, element := range n.GetSchemaElts() {
		common := commonNames(element)
		walk(element, func(m proto.Message) bool {
			if r, is := m.(*pg.RangeVar); is && r.GetSchemaname() == "" && !common[r.GetRelname()] {
				r.Schemaname = name
			}
			return true
		})
		s.node(element)
	}
	s.Tables = slices.DeleteFunc(s.Tables, func(t Table) bool { return t.Schema == name })
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

func distinct(list []string) []string {
	var out []string
	for _, text := range list {
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}
