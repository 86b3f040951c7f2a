package planner

import (
	"strings"

	"bascule/config/pgname"
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
	s.Binary = d.source.Version.Major() >= 14 && d.binary()
	s.ReplicaRole = d.server != nil && (d.server.Role.Superuser || d.server.Role.CanReplicaRole)
	s.Identities = f.changes()
	d.out.Stream = s
}

// binary reports whether every value of the tables that are followed can travel in
// its type's binary form.
func (d *draft) binary() bool {
	there := map[string]map[string]bool{} // what the target's tables can take
	if d.target != nil && !d.decl.Schema.Copy {
		for _, r := range d.target.Relations {
			columns := map[string]bool{}
			for _, c := range r.Columns {
				columns[c.Name] = c.Binary
			}
			there[r.Schema+"\x00"+r.Name] = columns
		}
	}
	for _, t := range d.out.Tables {
		if t.Follow == FollowNone {
			continue
		}
		schema, name := t.FinalName()
		columns := there[schema+"\x00"+name]
		for _, c := range d.byOID[t.OID].Columns {
			if binary, known := columns[c.Name]; !c.Binary || known && !binary {
				return false
			}
		}
	}
	return true
}
