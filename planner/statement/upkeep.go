package statement

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// owner reads OWNED BY, which names a table's column.
func (s *Statement) owner(options []*pg.Node) {
	for _, o := range options {
		d := o.GetDefElem()
		parts := partsOf(d.GetArg())
		if d.GetDefname() == "owned_by" && len(parts) > 1 {
			s.lockNamed(nameOf(holder(parts)), accessShare, ofTable, false)
		}
	}
}

func (s *Statement) refresh(n *pg.RefreshMatViewStmt) {
	mode := accessExclusive
	if n.GetConcurrent() {
		mode = exclusive
	}
	if !n.GetConcurrent() {
		s.rewrite(Yes)
	}
	s.lock(n.GetRelation(), mode, ofMatview)
	s.Also = append(s.Also, "ACCESS SHARE on the tables that its query reads")
}

// vacuum reads VACUUM, which needs transactions of its own, and ANALYZE, which does not.
func (s *Statement) vacuum(n *pg.VacuumStmt) {
	s.Alone = n.GetIsVacuumcmd()
	mode := shareUpdateExclusive
	if enabled(n.GetOptions(), "full") {
		mode = accessExclusive
		s.rewrite(Yes)
	}
	for _, r := range n.GetRels() {
		s.lock(r.GetVacuumRelation().GetRelation(), mode, ofTable)
	}
	if len(n.GetRels()) == 0 {
		s.Also = append(s.Also, mode+" on every table of the database, one after the other")
	}
}

func (s *Statement) cluster(n *pg.ClusterStmt) {
	s.rewrite(Yes)
	s.lock(n.GetRelation(), accessExclusive, ofTable)
	if n.GetRelation() == nil {
		s.Alone = true
		s.Also = append(s.Also, "ACCESS EXCLUSIVE on every table that was clustered before, one after the other")
	}
}

func (s *Statement) reindex(n *pg.ReindexStmt) {
	mode := share
	if enabled(n.GetParams(), "concurrently") {
		mode, s.Alone = shareUpdateExclusive, true
	}
	switch n.GetKind() {
	case pg.ReindexObjectType_REINDEX_OBJECT_INDEX:
		s.lock(n.GetRelation(), mode, ofIndex)
	case pg.ReindexObjectType_REINDEX_OBJECT_TABLE:
		s.lock(n.GetRelation(), mode, ofTable)
	default:
		s.Alone = true
		s.Also = append(s.Also, mode+" on one table after the other")
	}
}

// enabled says whether an option of a list is given and not switched off.
func enabled(options []*pg.Node, name string) bool {
	on := false
	for _, o := range options {
		d := o.GetDefElem()
		if d.GetDefname() != name {
			continue
		}
		word := d.GetArg().GetString_().GetSval()
		if b := d.GetArg().GetBoolean(); b != nil && !b.GetBoolval() {
			word = "false"
		}
		zero := d.GetArg().GetInteger() != nil && d.GetArg().GetInteger().GetIval() == 0
		on = !zero && !slices.Contains([]string{"false", "off"}, word)
	}
	return on
}
