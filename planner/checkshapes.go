package planner

import (
	"fmt"
	"slices"

	"bascule/planner/catalog"
)

// shapes collects, where the schema is not copied, what keeps the target's tables
// from taking the rows.
type shapes struct {
	missing, noisy, closed, guarded []string
	lost                            []string // rows, without those of an interrupted attempt
}

// checkShapes checks, where the schema is not copied, that the target's tables can
// take the rows, and that the role may write them.
func (d *draft) checkShapes(change *Change, e *existing) {
	made := map[[2]string]bool{}
	if d.resume {
		for _, t := range d.ledger.Tables {
			made[[2]string{t.Schema, t.Name}] = true
		}
	}
	s := &shapes{}
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		schema, name := t.FinalName()
		if t.RootName != "" {
			continue // its rows go to the root
		}
		if r := e.byName[[2]string{schema, name}]; r == nil {
			s.missing = append(s.missing, shown(schema, name))
		} else if t.Kind != "config" {
			d.checkShape(s, t, r, e, made)
		}
	}
	change.DataLoss = s.lost
	d.sayShapes(s)
	d.out.Sequences = slices.DeleteFunc(d.out.Sequences, func(q Sequence) bool {
		r := e.byName[[2]string{q.Schema, q.Name}]
		return r == nil || r.Kind != catalog.Sequence
	})
	d.out.Refresh = nil
}

func (d *draft) checkShape(s *shapes, t *Table, r *catalog.Relation, e *existing, made map[[2]string]bool) {
	name := shown(r.Schema, r.Name)
	if t.Work == WorkRemove || d.running && t.Work == "" {
		return
	}
	if difference := d.shapeDifference(t, r); difference != "" {
		d.found("schema.copy", codeShape, Refusal, fmt.Sprintf("table %s of the target cannot take the rows: %s", name, difference),
			"Change the table, or let the schema be copied (schema { copy = true }).", name)
	}
	rows := filled(e.family(r, true))
	emptied := d.out.Stream == nil || d.out.Stream.InitialCopy || d.running
	if len(rows) > 0 && emptied && !made[[2]string{r.Schema, r.Name}] && !d.ours(r.Schema, r.Name) {
		s.lost = append(s.lost, rows...)
	}
	if t.Kind == "partitioned" && !d.viaRoot() {
		return // its rows are written to its partitions
	}
	keyed := slices.ContainsFunc(d.target.Constraints, func(c catalog.Constraint) bool { return c.Kind == 'f' && c.Table == r.OID })
	if (r.UserTriggers > 0 || keyed) && !d.out.Options.ReplicaRole && d.out.Stream == nil { // else see checkApplying
		s.noisy = append(s.noisy, name)
	}
	writes := r.CanInsert && (r.CanTruncate || len(rows) == 0)
	if t.Follow == FollowAll || t.Follow == FollowInserts {
		writes = r.CanInsert && r.CanTruncate && r.CanSelect && (r.CanChange || t.Follow == FollowInserts)
	}
	if !d.target.Role.Superuser && !r.IsOwner && !writes {
		s.closed = append(s.closed, name)
	}
	if guarded(r, d.target.Role) {
		s.guarded = append(s.guarded, name)
	}
}

// sayShapes adds the findings.
func (d *draft) sayShapes(s *shapes) {
	role := d.target.Role.Name
	slices.Sort(s.lost)
	s.lost = slices.Compact(s.lost)
	if len(s.missing) > 0 {
		d.found("schema.copy", codeShape, Refusal, "the target lacks "+plural(len(s.missing), "table", "tables")+": "+few(s.missing),
			"With schema { copy = false } the tables must be there. Create them, or let the schema be copied.", s.missing...)
	}
	if len(s.noisy) > 0 {
		d.found("target", codeTriggers, Refusal, "triggers or foreign keys would fire on "+plural(len(s.noisy), "table", "tables")+" of the target: "+few(s.noisy),
			fmt.Sprintf("On the target: GRANT SET ON PARAMETER session_replication_role TO %s (PostgreSQL 15 and newer), or drop them there until the rows are copied.", shown("", role)), s.noisy...)
	}
	rights := "INSERT, TRUNCATE"
	if d.out.Stream != nil {
		rights = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE"
	}
	if len(s.closed) > 0 {
		d.found("target", codeNoWrite, Refusal, fmt.Sprintf("role %s may not write %s of the target: %s", role, plural(len(s.closed), "table", "tables"), few(s.closed)),
			fmt.Sprintf("On the target: GRANT %s on them TO %s.", rights, shown("", role)), s.closed...)
	}
	if len(s.guarded) > 0 {
		d.found("target", codeNoWrite, Refusal, "row security keeps rows from being copied into "+plural(len(s.guarded), "table", "tables")+" of the target: "+few(s.guarded),
			fmt.Sprintf("On the target: ALTER ROLE %s BYPASSRLS, or connect as the tables' owner.", shown("", role)), s.guarded...)
	}
	if len(s.lost) > 0 {
		d.found("target", codeRows, Warning, plural(len(s.lost), "table of the target has", "tables of the target have")+" rows: "+few(s.lost),
			fmt.Sprintf("They are truncated only with -allow-data-loss='%s'.", d.decl.Address), s.lost...)
	}
}

// shapeDifference says how the target's table differs from what the rows need, ""
// when it does not.
func (d *draft) shapeDifference(t *Table, r *catalog.Relation) string {
	if r.Kind != catalog.Table && r.Kind != catalog.Partitioned {
		return "it is a " + catalog.RelationKind(r.Kind)
	}
	target := map[string]catalog.Column{}
	for _, c := range r.Columns {
		target[c.Name] = c
	}
	carried := map[string]bool{}
	for _, c := range d.byOID[t.OID].Columns {
		if slices.Contains(t.Dropped, c.Name) {
			continue
		}
		carried[c.Name] = true
		have, ok := target[c.Name]
		switch {
		case !ok:
			return "no column " + c.Name
		case have.Type != c.Type:
			return fmt.Sprintf("column %s is %s, not %s", c.Name, have.Type, c.Type)
		case have.Generated != c.Generated:
			return fmt.Sprintf("column %s is generated on one side only", c.Name)
		case have.NotNull && !c.NotNull:
			return fmt.Sprintf("column %s is not null there", c.Name)
		}
	}
	for _, c := range r.Columns {
		fills := !c.NotNull || c.Default || c.Identity != 0 || c.Generated != 0
		if !carried[c.Name] && (d.decl.Schema.Copy || !fills) {
			return "it also has column " + c.Name
		}
	}
	return ""
}
