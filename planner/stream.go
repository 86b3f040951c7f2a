package planner

import (
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// StreamNames are the names of what a mirror makes on its source: the slot, which is
// also that of the publication of all changes, and the publication of inserts. The
// first 8 hex digits of the lineage are in each.
func StreamNames(lineage, address string) (slot, publication, inserts string) {
	const longest = 33 // so that the id is never in the part that is cut off
	label, id := strings.TrimPrefix(address, "mirror."), lineage[:min(8, len(lineage))]
	if len(label) > longest {
		whole := pgname.Derived("", label, "") // ends in a hash of the label
		label = strings.TrimRight(label[:longest-11], "_") + "_" + whole[len(whole)-10:]
	}
	slot = pgname.Derived("bascule", label, id)
	return slot, slot, pgname.Derived("bascule", label, id+"i")
}

// LogName is the schema on the source that holds the log of a mirror's DDL, and the
// name of the event trigger that fills it. The first 8 hex digits of the lineage are
// in it.
func LogName(lineage, address string) string {
	slot, _, _ := StreamNames(lineage, address)
	return slot
}

// stream decides how the mirror follows its source.
func (d *draft) stream() {
	if !d.decl.Continuous {
		return
	}
	f := newFollowing(d)
	f.decide()
	s := &Stream{
		OwnSlot: true, OwnPublications: true,
		ViaRoot: d.viaRoot(), InitialCopy: d.decl.InitialCopy, Paused: d.decl.Paused,
		MaxDelayMillis: d.decl.Stream.MaxDelay.Milliseconds(), MissingRow: d.decl.Stream.MissingRow, DDL: d.decl.Stream.DDL,
		SystemIdentifier: d.source.Identity.SystemIdentifier,
	}
	s.Slot, s.Publication, s.Inserts = StreamNames(d.in.State.Lineage, d.decl.Address)
	if named := d.decl.Stream.Slot; named != "" {
		s.Slot, s.OwnSlot = named, false
	}
	if named := d.decl.Stream.Publications; len(named) > 0 {
		s.Publication, s.Inserts, s.OwnPublications = named[0], strings.Join(named[1:], ""), false
	}
	if b := d.before; d.running && b != nil { // it keeps its names, whatever state file it was made with
		s.Slot, s.Publication, s.Inserts, s.Failover = b.Slot, b.Publication, b.Inserts, b.Failover
	} else {
		s.Failover = s.OwnSlot && d.source.Version.Major() >= 17
	}
	s.OwnersKept, s.PrivilegesKept = d.decl.Schema.Owners, d.decl.Schema.Privileges
	d.engine(s)
	d.log(s)
	s.Binary = Binary(d.out.Tables, d.source) && d.takesBinary()
	s.ReplicaRole = d.server != nil && (d.server.Role.Superuser || d.server.Role.CanReplicaRole)
	s.Identities = f.changes()
	d.out.Stream = s
}

// Binary reports whether every value of the tables that are followed can travel from
// their source in its type's binary form.
func Binary(tables []Table, source *catalog.Database) bool {
	if source.Version.Major() < binarySince {
		return false
	}
	byOID := relationsByOID(source)
	return !slices.ContainsFunc(tables, func(t Table) bool {
		return t.Follow != FollowNone && slices.ContainsFunc(byOID[t.OID].Columns, func(c catalog.Column) bool { return !c.Binary })
	})
}

// binarySince is the version whose pgoutput can send values in binary form.
const binarySince = 14

// takesBinary reports whether the tables of the target that are there already can take
// values in binary form.
func (d *draft) takesBinary() bool {
	if d.target == nil || d.decl.Schema.Copy {
		return true
	}
	refused := map[[3]string]bool{} // schema, table, column
	for _, r := range d.target.Relations {
		for _, c := range r.Columns {
			refused[[3]string{r.Schema, r.Name, c.Name}] = !c.Binary
		}
	}
	return !slices.ContainsFunc(d.out.Tables, func(t Table) bool {
		schema, name := t.FinalName()
		return t.Follow != FollowNone && slices.ContainsFunc(d.byOID[t.OID].Columns, func(c catalog.Column) bool { return refused[[3]string{schema, name, c.Name}] })
	})
}
