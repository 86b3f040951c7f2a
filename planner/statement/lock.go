package statement

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// Lock modes by PostgreSQL's names.
const (
	accessShare          = "ACCESS SHARE"
	rowShare             = "ROW SHARE"
	rowExclusive         = "ROW EXCLUSIVE"
	shareUpdateExclusive = "SHARE UPDATE EXCLUSIVE"
	share                = "SHARE"
	shareRowExclusive    = "SHARE ROW EXCLUSIVE"
	exclusive            = "EXCLUSIVE"
	accessExclusive      = "ACCESS EXCLUSIVE"
)

// locks are the modes by PostgreSQL's numbers, from the weakest to the strongest.
var locks = []string{"", accessShare, rowShare, rowExclusive, shareUpdateExclusive, share, shareRowExclusive, exclusive, accessExclusive}

// stronger returns the stronger of two modes.
func stronger(a, b string) string {
	if slices.Index(locks, a) < slices.Index(locks, b) {
		return b
	}
	return a
}

// What a statement calls a relation; see Table.Kind.
const (
	ofTable        = "table"
	ofView         = "view"
	ofMatview      = "materialized view"
	ofSequence     = "sequence"
	ofForeignTable = "foreign table"
	ofIndex        = "index"
)

// relationKinds are the kinds of object that are relations.
var relationKinds = map[pg.ObjectType]string{
	pg.ObjectType_OBJECT_TABLE:         ofTable,
	pg.ObjectType_OBJECT_VIEW:          ofView,
	pg.ObjectType_OBJECT_MATVIEW:       ofMatview,
	pg.ObjectType_OBJECT_SEQUENCE:      ofSequence,
	pg.ObjectType_OBJECT_FOREIGN_TABLE: ofForeignTable,
	pg.ObjectType_OBJECT_INDEX:         ofIndex,
}

// lock notes that a relation is locked. No relation, no lock.
func (s *Statement) lock(r *pg.RangeVar, mode, kind string) {
	s.lockOptional(r, mode, kind, false)
}

// lockOptional is lock for a relation that need not be there.
func (s *Statement) lockOptional(r *pg.RangeVar, mode, kind string, optional bool) {
	if r != nil {
		s.lockNamed(rangeName(r), mode, kind, optional)
	}
}

// lockNamed keeps, of the locks on one relation, the strongest.
func (s *Statement) lockNamed(n Name, mode, kind string, optional bool) {
	if n.Name == "" {
		return
	}
	for i, t := range s.Tables {
		if t.Schema == n.Schema && t.Name == n.Name {
			s.Tables[i].Lock = stronger(t.Lock, mode)
			s.Tables[i].Optional = t.Optional && optional
			return
		}
	}
	s.Tables = append(s.Tables, Table{Schema: n.Schema, Name: n.Name, Lock: mode, Kind: kind, Optional: optional})
}
