package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
)

// checkFollowed says which tables are followed in part, or not at all.
func (d *draft) checkFollowed() {
	var inserts, whole, once []string
	for _, t := range d.out.Tables {
		name := shown(t.Schema, t.Name)
		switch {
		case t.Work == WorkRemove, d.running && t.Work == "":
		case t.Follow == FollowInserts:
			inserts = append(inserts, name)
		case t.Follow == FollowAll && len(t.Key) == 0:
			whole = append(whole, name)
		case t.Unlogged, t.Kind == "config":
			once = append(once, name)
		}
	}
	if len(inserts) > 0 {
		d.found("tables", codeNoKey, Warning, plural(len(inserts), "table has", "tables have")+" no usable key: "+few(inserts),
			"Inserts will replicate, and TRUNCATE; updates and deletes will not. Add a primary key (not a deferrable one), or set replica_identity = \"full\", "+
				"or \"index:NAME\" with a unique index over NOT NULL columns, in a table block.", inserts...)
	}
	if len(whole) > 0 {
		d.found("tables", codeWholeRows, Notice, plural(len(whole), "table", "tables")+" without a key: rows are found by comparing whole rows: "+few(whole),
			"Each update and delete reads the table on the target, unless an index helps. That is slow on a large table; a primary key makes it fast.", whole...)
	}
	if len(once) > 0 {
		d.found("tables", codeNotFollowed, Notice, plural(len(once), "table is", "tables are")+" copied once and not followed: "+few(once),
			"Unlogged tables and the configuration of extensions are not in the stream. Copy them again with -replace before the target takes over.", once...)
	}
	if n := len(d.out.Sequences); n > 0 && !d.running && d.out.Stream.InitialCopy {
		d.found("", codeNotFollowed, Notice, plural(n, "sequence is", "sequences are")+" set once and not followed",
			"The stream carries rows, not values of sequences. Set them again when the target takes over, after the last write to the source.")
	}
}

// checkFilters refuses conditions on rows: filtered in the source they would break
// its own updates where a column is no part of the key, and a filter here could not
// tell a row that comes to meet the condition from one that always did.
func (d *draft) checkFilters() {
	for _, b := range d.decl.Blocks {
		if b.Where != "" {
			d.found("table."+shown(b.Schema, b.Name)+".where", codeFiltered, Refusal, fmt.Sprintf("%s: a continuous mirror cannot follow some rows of a table", shown(b.Schema, b.Name)),
				"A row that an update moves into the condition, or out of it, would be lost or left behind. Take `where` out, or copy once: continuous = false.")
		}
	}
}

// checkIdentities checks the replica identities that table blocks ask for, and the
// keys that tables have.
func (d *draft) checkIdentities() {
	f := newFollowing(d)
	for i := range d.out.Tables {
		t := &d.out.Tables[i]
		r := d.byOID[t.OID]
		if r == nil || t.Work == WorkRemove {
			continue
		}
		if why := f.wrongIdentity(r); why != "" {
			d.identity(f, r, why, "Correct replica_identity, or take it out.")
		}
		if t.Follow == FollowNone {
			continue
		}
		if x := f.index(r); x != nil && t.Follow != FollowAll {
			if why := generatedColumn(r, x); why != "" {
				d.identity(f, r, why, "Set replica_identity = \"full\", or \"index:NAME\" with another unique index, in a table block; or exclude the table.")
			}
		}
		for _, column := range t.Key {
			if slices.Contains(t.Dropped, column) {
				d.identity(f, r, "exclude_columns has "+shown("", column)+", which is part of the key", "Rows could not be found on the target. Keep the column.")
			}
		}
	}
	d.checkAlter()
}

func (d *draft) identity(f *following, r *catalog.Relation, why, remedy string) {
	at := ""
	if f.blocks[r.OID] != nil {
		at = "table." + shown(r.Schema, r.Name)
	}
	d.found(at, codeIdentity, Refusal, "replica identity of "+shown(r.Schema, r.Name)+": "+why, remedy, shown(r.Schema, r.Name))
}

// index is the one that is the table's replica identity, or nil.
func (f *following) index(r *catalog.Relation) *catalog.Index {
	identity := f.identity(r)
	for _, x := range f.indexes[r.OID] {
		if identity == identityDefault && x.Primary || identity == identityIndex+x.Name {
			return x
		}
	}
	return nil
}

// wrongIdentity says why the replica identity that a block asks for cannot be had.
func (f *following) wrongIdentity(r *catalog.Relation) string {
	b := f.blocks[r.OID]
	if b == nil {
		return ""
	}
	name, named := strings.CutPrefix(b.ReplicaIdentity, identityIndex)
	if !named {
		return ""
	}
	x := f.index(r)
	if x == nil {
		return "it has no index " + shown("", name)
	}
	if why := unusable(r, x); why != "" {
		return "index " + shown("", name) + " cannot be one: " + why
	}
	return ""
}

func generatedColumn(r *catalog.Relation, x *catalog.Index) string {
	for _, num := range x.Columns {
		if c := columnByNumber(r, num); c != nil && c.Generated != 0 {
			return "column " + shown("", c.Name) + " of its key is generated, and generated columns are not sent"
		}
	}
	return ""
}

// checkAlter checks that the role may change the replica identities.
func (d *draft) checkAlter() {
	var others []string
	for _, x := range d.out.Stream.Identities {
		i := slices.IndexFunc(d.out.Tables, func(t Table) bool { return t.Schema == x.Schema && t.Name == x.Name })
		if i >= 0 && !d.byOID[d.out.Tables[i].OID].IsOwner && !d.source.Role.Superuser {
			others = append(others, shown(x.Schema, x.Name))
		}
	}
	if len(others) > 0 && !d.out.Stream.OwnPublications { // otherwise said with the publications
		d.found("", codeIdentity, Refusal, fmt.Sprintf("role %s does not own %s, and may not change the replica identity: %s", d.source.Role.Name, plural(len(others), "table", "tables"), few(others)),
			"Have it changed by the tables' owners, and take replica_identity out.", others...)
	}
}

// checkViaRoot refuses partitions that are left out while their root is published for
// them all.
func (d *draft) checkViaRoot() {
	if !d.viaRoot() {
		return
	}
	var left []string
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		if r.IsPartition && len(r.Parents) > 0 && d.selected[r.Parents[0]] && !d.selected[r.OID] {
			left = append(left, shown(r.Schema, r.Name))
		}
	}
	if len(left) > 0 {
		d.found("stream.publish_via_partition_root", codePartition, Refusal, plural(len(left), "partition is", "partitions are")+" excluded, and their root sends their rows: "+few(left),
			"Take them in, exclude the root too, or set publish_via_partition_root = false.", left...)
	}
}

// checkAttach says what it means to follow tables that were copied by other means.
func (d *draft) checkAttach() {
	if d.out.Stream.InitialCopy || d.running {
		return
	}
	d.found("initial_copy", codeAttached, Warning, "nothing is copied: the tables are taken to be equal where the slot begins",
		"What is written to the source between the copy that was made and the creation of the slot is missing on the target. Stop the writers until the mirror streams, or name the slot that the copy was made under.")
}
