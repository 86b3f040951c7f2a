package statement

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// createTable reads a new table; a foreign one is no table of ours, but a partition it
// can be.
func (s *Statement) createTable(n *pg.CreateStmt, ours bool) {
	name := rangeName(n.GetRelation())
	if ours {
		s.Creates, s.Unsure = append(s.Creates, name), n.GetIfNotExists()
	} else {
		s.Makes = append(s.Makes, name)
	}
	for _, r := range n.GetInhRelations() {
		if n.GetPartbound() == nil {
			s.lock(r.GetRangeVar(), shareUpdateExclusive, ofTable)
			continue
		}
		s.lock(r.GetRangeVar(), accessExclusive, ofTable)
		s.Attaches = append(s.Attaches, Partition{rangeName(r.GetRangeVar()), name})
	}
	if n.GetPartbound() != nil {
		s.Also = append(s.Also, "ACCESS EXCLUSIVE on the default partition, if there is one")
	}
	refers := func(c *pg.Constraint) {
		other := c.GetPktable()
		if other == nil {
			return
		}
		s.fires(OfForeignKey, name, rangeName(other))
		if rangeName(other) != name {
			s.lock(other, shareRowExclusive, ofTable)
		}
	}
	for _, e := range n.GetTableElts() {
		refers(e.GetConstraint())
		for _, c := range e.GetColumnDef().GetConstraints() {
			refers(c.GetConstraint())
		}
		s.lock(e.GetTableLikeClause().GetRelation(), accessShare, ofTable)
	}
}

// createTableAs reads CREATE TABLE AS and CREATE MATERIALIZED VIEW: their rows are
// computed on each side.
func (s *Statement) createTableAs(n *pg.CreateTableAsStmt) {
	if name := rangeName(n.GetInto().GetRel()); n.GetObjtype() == pg.ObjectType_OBJECT_TABLE {
		s.Creates, s.Unsure = append(s.Creates, name), n.GetIfNotExists()
	} else {
		s.Makes = append(s.Makes, name)
	}
	if !n.GetInto().GetSkipData() {
		s.differs(n.GetQuery())
	}
	s.queries(n.GetQuery())
}

// selects reads a SELECT, which runs functions, and SELECT INTO, which makes a table.
func (s *Statement) selects(n *pg.SelectStmt) {
	into := n.GetIntoClause()
	if into != nil {
		s.Creates = append(s.Creates, rangeName(into.GetRel()))
		s.differs(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: n}})
	}
	s.Opaque = into == nil
	s.queries(n)
	if into != nil {
		s.unlock(rangeName(into.GetRel()))
	}
}

func (s *Statement) createIndex(n *pg.IndexStmt) {
	mode := share
	if n.GetConcurrent() {
		mode, s.Alone = shareUpdateExclusive, true
	}
	s.lock(n.GetRelation(), mode, ofTable)
}

// createView: a view that is replaced must not be there, but is locked when it is.
func (s *Statement) createView(n *pg.ViewStmt) {
	s.queries(n.GetQuery())
	s.Makes = append(s.Makes, rangeName(n.GetView()))
	if n.GetReplace() {
		s.lockOptional(n.GetView(), accessExclusive, ofView, true)
	}
}

// createFunction reads the body of a function in SQL: it is analysed as it is stored,
// which locks its tables. Bodies in other languages are just text.
func (s *Statement) createFunction(n *pg.CreateFunctionStmt) {
	s.queries(n.GetSqlBody())
	for _, body := range sqlBody(n) {
		s.queries(body)
	}
}

// sqlBody parses the text of a function in SQL. One that does not parse is the
// server's to refuse.
func sqlBody(n *pg.CreateFunctionStmt) []*pg.Node {
	language, text := "", ""
	for _, o := range n.GetOptions() {
		switch d := o.GetDefElem(); d.GetDefname() {
		case "language":
			language = d.GetArg().GetString_().GetSval()
		case "as":
			text = strings.Join(words(d.GetArg().GetList().GetItems()), "")
		case "set":
			return nil // a search_path of its own, or settings that its names depend on
		}
	}
	if !strings.EqualFold(language, "sql") || strings.IndexByte(text, 0) >= 0 {
		return nil
	}
	tree, err := parse(text)
	if err != nil {
		return nil
	}
	var body []*pg.Node
	for _, raw := range tree.GetStmts() {
		body = append(body, raw.GetStmt())
	}
	return body
}

// queries notes the locks of all tables that queries in m read and write.
func (s *Statement) queries(m proto.Message) {
	common := commonNames(m)
	table := func(r *pg.RangeVar, mode string) {
		if r != nil && (r.GetSchemaname() != "" || !common[r.GetRelname()]) {
			s.lock(r, mode, ofTable)
		}
	}
	walk(m, func(m proto.Message) bool {
		switch q := m.(type) {
		case *pg.InsertStmt:
			table(q.GetRelation(), rowExclusive)
		case *pg.UpdateStmt:
			table(q.GetRelation(), rowExclusive)
		case *pg.DeleteStmt:
			table(q.GetRelation(), rowExclusive)
		case *pg.MergeStmt:
			table(q.GetRelation(), rowExclusive)
		case *pg.SelectStmt:
			for _, f := range q.GetFromClause() {
				if len(q.GetLockingClause()) > 0 {
					table(f.GetRangeVar(), rowShare)
				}
			}
		case *pg.RangeVar:
			table(q, accessShare)
		}
		return true
	})
}

// unlock takes back what looked like a table to be read.
func (s *Statement) unlock(n Name) {
	var left []Table
	for _, t := range s.Tables {
		if (Name{t.Schema, t.Name}) != n {
			left = append(left, t)
		}
	}
	s.Tables = left
}
