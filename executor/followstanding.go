package executor

import (
	"context"
	"slices"
	"strings"

	"bascule/executor/schema"
	"bascule/planner"
	"bascule/planner/catalog"
)

// findStanding notes what a mirror that streams needs, has no record of having made,
// and stands on its target all the same: ddl blocks made it there, or renamed it. What
// belongs to tables that are made now is none of that.
func (f *following) findStanding(ctx context.Context) error {
	var added []uint32
	for i := range f.plan.Tables {
		if t := &f.plan.Tables[i]; t.Work == planner.WorkAdd {
			added = append(added, t.OID)
		}
	}
	unmade := map[string]*schema.Item{}
	for _, it := range slices.Concat(f.choice.Pre, f.choice.Post, f.choice.Last) {
		if !f.made[it.Object.Key] {
			unmade[it.Object.Key] = it
		}
	}
	for _, it := range f.choice.Own(added) {
		delete(unmade, it.Object.Key)
	}
	if len(unmade) == 0 {
		return nil
	}
	there, err := catalog.Read(ctx, f.conn, catalog.ReadOptions{})
	if err != nil {
		return err
	}
	s := newStanding(there)
	for key, it := range unmade {
		if s.has(it) {
			f.made[key] = true
		}
	}
	return nil
}

// standing finds archive entries in a catalogue, by kind, schema and tag.
type standing struct {
	relations map[[2]string]*catalog.Relation
	names     map[[3]string]bool // of what else there is
}

func newStanding(db *catalog.Database) *standing {
	s := &standing{relations: map[[2]string]*catalog.Relation{}, names: map[[3]string]bool{}}
	byOID := map[uint32]*catalog.Relation{}
	for i := range db.Relations {
		r := &db.Relations[i]
		byOID[r.OID], s.relations[[2]string{r.Schema, r.Name}] = r, r
		for _, c := range r.Columns {
			if c.Default {
				s.names[[3]string{"DEFAULT", r.Schema, r.Name + " " + c.Name}] = true
			}
		}
	}
	for _, x := range db.Indexes {
		s.names[[3]string{"INDEX", x.Schema, x.Name}] = true
		if x.Parent != 0 {
			s.names[[3]string{"INDEX ATTACH", x.Schema, x.Name}] = true
		}
	}
	for _, c := range db.Constraints {
		if r := byOID[c.Table]; r != nil {
			s.names[[3]string{"CONSTRAINT", r.Schema, r.Name + " " + c.Name}] = true
		}
	}
	for _, o := range db.Objects {
		name := o.Name
		if r := byOID[o.Table]; r != nil && o.Kind != "statistics" {
			name = r.Name + " " + name
			o.Schema = r.Schema
		}
		s.names[[3]string{kindOf[o.Kind], o.Schema, name}] = true
	}
	return s
}

// kindOf is what an archive calls the kinds of objects that tables are made of, or that
// stand on them.
var kindOf = map[string]string{"enum": "TYPE", "composite": "TYPE", "range": "TYPE", "type": "TYPE", "domain": "DOMAIN",
	"function": "FUNCTION", "procedure": "PROCEDURE", "aggregate": "AGGREGATE", "trigger": "TRIGGER", "rule": "RULE", "policy": "POLICY",
	"statistics": "STATISTICS"}

// has reports whether what the item makes is there.
func (s *standing) has(it *schema.Item) bool {
	r := s.relations[[2]string{it.Schema, it.Tag}]
	switch it.Desc {
	case "TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE":
		return r != nil
	case "TABLE ATTACH":
		return r != nil && r.IsPartition
	}
	desc := it.Desc
	if strings.HasSuffix(desc, " CONSTRAINT") { // FK, CHECK
		desc = "CONSTRAINT"
	}
	return s.names[[3]string{desc, it.Schema, it.Tag}]
}
