package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// checkNamedSlot checks a slot that is there already and that the mirror is to read.
func (d *draft) checkNamedSlot() {
	s, live := d.out.Stream, d.in.Live[d.decl.Source.Address]
	wrong := func(summary, remedy string) { d.found("stream.slot", codeNamedSlot, Refusal, summary, remedy, s.Slot) }
	i := slices.IndexFunc(live.Slots, func(x catalog.Slot) bool { return x.Name == s.Slot })
	if i < 0 {
		wrong("the source has no replication slot "+s.Slot, "Correct the name, or take it out: the mirror then makes a slot of its own.")
		return
	}
	switch x := live.Slots[i]; {
	case x.Plugin != "pgoutput":
		wrong(fmt.Sprintf("slot %s decodes with %s, not pgoutput", s.Slot, orPhysical(x.Plugin)), "Name a slot that was made for pgoutput.")
	case x.Database != d.source.Identity.Name:
		wrong(fmt.Sprintf("slot %s is of database %s", s.Slot, x.Database), "Name a slot of the source's database.")
	case x.WALStatus == "lost":
		wrong("slot "+s.Slot+" is lost: the WAL that it needs is gone", "Drop it, and make another, or let the mirror make its own.")
	case x.Active && !d.running && d.ledger == nil:
		wrong(fmt.Sprintf("slot %s is read by another session: %s", s.Slot, slotHolder(x)), "Stop that session first.")
	}
}

func orPhysical(plugin string) string {
	if plugin == "" {
		return "nothing (it is a physical one)"
	}
	return plugin
}

// checkNamedPublications checks publications that are there already.
func (d *draft) checkNamedPublications() {
	for _, name := range d.decl.Stream.Publications {
		p := d.published(name)
		switch {
		case p == nil:
			d.named("the source has no publication "+name, "Correct the name, or take publications out: the mirror then makes its own.", name)
			return
		case p.ViaRoot != d.viaRoot():
			d.named(fmt.Sprintf("publication %s has publish_via_partition_root = %t, and the mirror %t", name, p.ViaRoot, d.viaRoot()),
				fmt.Sprintf("Set stream { publish_via_partition_root = %t }.", p.ViaRoot), name)
		}
	}
	var missing, narrowed []string
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		if t.Follow == FollowNone || t.Work == WorkRemove {
			continue
		}
		_, entry := d.publishes(t.OID)
		switch {
		case entry == nil:
			missing = append(missing, shown(t.Schema, t.Name))
		case entry.Filter != "" || len(entry.Columns) > 0 && !d.covers(t, entry.Columns):
			narrowed = append(narrowed, shown(t.Schema, t.Name))
		}
	}
	if len(missing) > 0 {
		d.named(plural(len(missing), "table is", "tables are")+" not published: "+few(missing), fmt.Sprintf("On the source: ALTER PUBLICATION %s ADD TABLE for each; or exclude them.",
			d.decl.Stream.Publications[0]), missing...)
	}
	if len(narrowed) > 0 {
		d.named(plural(len(narrowed), "table is", "tables are")+" published in part, with a row filter or without columns that the mirror carries: "+few(narrowed),
			"Publish them whole; what is not wanted on the target is left out with exclude_columns.", narrowed...)
	}
}

func (d *draft) named(summary, remedy string, objects ...string) {
	d.found("stream.publications", codeNamedSlot, Refusal, summary, remedy, objects...)
}

func (d *draft) published(name string) *catalog.Publication {
	list := d.in.Live[d.decl.Source.Address].Publications
	i := slices.IndexFunc(list, func(p catalog.Publication) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// publishes finds the publication, of those that are named, by which changes of a
// table arrive: the one with the most of them.
func (d *draft) publishes(table uint32) (*catalog.Publication, *catalog.PublishedTable) {
	var best *catalog.Publication
	var entry *catalog.PublishedTable
	if d.entries == nil {
		d.readEntries()
	}
	for i, found := range d.entries[table] {
		p := d.published(d.decl.Stream.Publications[i])
		if found != nil && p.Insert && (best == nil || !whole(best)) {
			best, entry = p, found
		}
	}
	return best, entry
}

// readEntries notes what the named publications send, by table and in their order.
func (d *draft) readEntries() {
	d.entries = map[uint32][]*catalog.PublishedTable{}
	names := d.decl.Stream.Publications
	for i, name := range names {
		p := d.published(name)
		for j := 0; p != nil && j < len(p.Tables); j++ {
			t := &p.Tables[j]
			if t.Published && d.entries[t.OID] == nil {
				d.entries[t.OID] = make([]*catalog.PublishedTable, len(names))
			}
			if t.Published {
				d.entries[t.OID][i] = t
			}
		}
	}
}

// whole reports whether a publication sends every kind of change.
func whole(p *catalog.Publication) bool { return p.Insert && p.Update && p.Delete && p.Truncate }

// covers reports whether a column list has all that is carried of a table.
func (d *draft) covers(t *Table, list []string) bool {
	return !slices.ContainsFunc(t.Columns, func(c string) bool { return !slices.Contains(list, c) })
}

// partly says that a named publication sends some kinds of changes only, and which
// ones it does not.
func partly(p *catalog.Publication) string {
	var lacks []string
	for _, kind := range []struct {
		sent bool
		word string
	}{{p.Update, "updates"}, {p.Delete, "deletes"}, {p.Truncate, "TRUNCATE"}} {
		if !kind.sent {
			lacks = append(lacks, kind.word)
		}
	}
	return strings.Join(lacks, ", ")
}
