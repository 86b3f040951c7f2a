package planner

import (
	"slices"

	"bascule/config"
	"bascule/planner/catalog"
)

// Replica identities as a table block and ReplicaIdentity write them.
const (
	identityDefault = "default"
	identityNothing = "nothing"
	identityFull    = "full"
	identityIndex   = "index:"
)

// following decides what a continuous mirror follows of each table, and by which
// columns its rows are found.
type following struct {
	*draft
	blocks  map[uint32]*config.TableBlock
	indexes map[uint32][]*catalog.Index // by table
	leaves  map[uint32][]uint32         // partitions, one level down
}

func newFollowing(d *draft) *following {
	f := &following{draft: d, blocks: d.blocks(), indexes: map[uint32][]*catalog.Index{}, leaves: map[uint32][]uint32{}}
	for i := range d.source.Indexes {
		x := &d.source.Indexes[i]
		f.indexes[x.Table] = append(f.indexes[x.Table], x)
	}
	for i := range d.source.Relations {
		r := &d.source.Relations[i]
		if r.IsPartition && len(r.Parents) > 0 {
			f.leaves[r.Parents[0]] = append(f.leaves[r.Parents[0]], r.OID)
		}
	}
	return f
}

// decide fills in Follow and Key of every table.
func (f *following) decide() {
	for i := range f.out.Tables {
		t := &f.out.Tables[i]
		t.Notes = slices.DeleteFunc(t.Notes, func(n Note) bool { return n.Code == codeNoKey }) // said better here
		t.Follow, t.Key = f.table(t)
	}
}

// changes are the replica identities that table blocks ask for and the source does
// not have.
func (f *following) changes() []ReplicaIdentity {
	var list []ReplicaIdentity
	for _, t := range f.out.Tables {
		b := f.blocks[t.OID]
		if b == nil || b.ReplicaIdentity == "" {
			continue
		}
		was := f.identityNow(f.byOID[t.OID])
		if set := f.set(t.Schema, t.Name); set != nil {
			was = set.Was
		}
		if was != b.ReplicaIdentity {
			list = append(list, ReplicaIdentity{Schema: t.Schema, Name: t.Name, Is: b.ReplicaIdentity, Was: was})
		}
	}
	return list
}

// table decides for one.
func (f *following) table(t *Table) (follow string, key []string) {
	r := f.byOID[t.OID]
	root, part := t.Kind == "partitioned", len(t.PartitionOf) > 0 && f.selected[t.PartitionOf[0]]
	switch {
	case t.Kind == "config", t.Unlogged:
		t.Notes = append(t.Notes, Note{Text: "copied once, not followed", Code: codeNotFollowed})
		return FollowNone, nil
	case root && (!f.viaRoot() || part), part && f.viaRoot():
		return FollowNone, nil
	}
	key, ok := f.found(r)
	if ok && root {
		ok = f.leavesFound(r, key)
	}
	if !ok {
		t.Notes = append(t.Notes, Note{Text: f.without(r) + ", inserts only", Code: codeNoKey})
		return FollowInserts, nil
	}
	if p, _ := f.publishes(t.OID); p != nil && !whole(p) {
		t.Notes = append(t.Notes, Note{Text: "published without " + partly(p) + ", inserts only", Code: codeNoKey})
		return FollowInserts, nil
	}
	if key == nil {
		t.Notes = append(t.Notes, Note{Text: "no key, whole rows are compared", Code: codeWholeRows})
	}
	return FollowAll, key
}

// set is the change of a table's replica identity that the mirror has made, or nil.
func (d *draft) set(schema, name string) *ReplicaIdentity {
	if d.before == nil {
		return nil
	}
	i := slices.IndexFunc(d.before.Identities, func(x ReplicaIdentity) bool { return x.Schema == schema && x.Name == name })
	if i < 0 {
		return nil
	}
	return &d.before.Identities[i]
}

func (d *draft) viaRoot() bool { return d.decl.Stream.PublishViaPartitionRoot }

// identity is the replica identity that the table will have: the one that its block
// asks for, or the one that it has, or had before the mirror changed it.
func (f *following) identity(r *catalog.Relation) string {
	if b := f.blocks[r.OID]; b != nil && b.ReplicaIdentity != "" {
		return b.ReplicaIdentity
	}
	if set := f.set(r.Schema, r.Name); set != nil {
		return set.Was
	}
	return f.identityNow(r)
}

func (f *following) identityNow(r *catalog.Relation) string {
	switch r.ReplicaIdentity {
	case 'f':
		return identityFull
	case 'n':
		return identityNothing
	case 'i':
		for _, x := range f.indexes[r.OID] {
			if x.ReplicaIdentity {
				return identityIndex + x.Name
			}
		}
		return identityNothing // the index was dropped
	}
	return identityDefault
}

// found says by which columns rows of the table are found once the source sends its
// updates and deletes, and whether it may send them at all: nil and true are for
// whole rows.
func (f *following) found(r *catalog.Relation) (key []string, ok bool) {
	identity := f.identity(r)
	switch {
	case identity == identityNothing:
		return nil, false
	case identity == identityFull:
		key, _ := f.primaryKey(r)
		return key, true
	case identity == identityDefault:
		return f.primaryKey(r)
	}
	for _, x := range f.indexes[r.OID] {
		if identity == identityIndex+x.Name {
			return f.columns(r, x)
		}
	}
	return nil, false
}

func (f *following) primaryKey(r *catalog.Relation) ([]string, bool) {
	for _, x := range f.indexes[r.OID] {
		if x.Primary {
			return f.columns(r, x)
		}
	}
	return nil, false
}

// columns are those of an index that can tell rows apart, as the server asks it of
// a replica identity.
func (f *following) columns(r *catalog.Relation, x *catalog.Index) ([]string, bool) {
	return identityColumns(r, x), unusable(r, x) == "" && len(x.Columns) > 0
}

func identityColumns(r *catalog.Relation, x *catalog.Index) []string {
	var names []string
	for _, num := range x.Columns {
		if c := columnByNumber(r, num); c != nil {
			names = append(names, c.Name)
		}
	}
	return names
}

func columnByNumber(r *catalog.Relation, num int) *catalog.Column {
	i := slices.IndexFunc(r.Columns, func(c catalog.Column) bool { return c.Num == num })
	if i < 0 {
		return nil
	}
	return &r.Columns[i]
}

// unusable says why an index cannot be a replica identity, "" when it can.
func unusable(r *catalog.Relation, x *catalog.Index) string {
	switch {
	case !x.Unique:
		return "it is not unique"
	case !x.Immediate:
		return "it is deferrable"
	case !x.Valid:
		return "it is not valid"
	case x.Partial:
		return "it is partial"
	}
	for _, num := range x.Columns {
		c := columnByNumber(r, num)
		switch {
		case c == nil:
			return "it has an expression"
		case !c.NotNull:
			return "its column " + shown("", c.Name) + " may be null"
		case c.Generated != 0:
			return "its column " + shown("", c.Name) + " is generated, and generated columns are not sent"
		}
	}
	return ""
}

// leavesFound reports whether the rows of every partition of a root are found by the
// same columns: the source looks at a partition's identity when it logs a change, and
// sends it as one of the root.
func (f *following) leavesFound(root *catalog.Relation, key []string) bool {
	for _, oid := range f.leaves[root.OID] {
		leaf := f.byOID[oid]
		if leaf.Kind == catalog.Partitioned {
			if !f.leavesFound(leaf, key) {
				return false
			}
			continue
		}
		if leaf.Kind != catalog.Table {
			continue // foreign: its rows are not of this server
		}
		whole := f.identity(leaf) == identityFull
		if mine, ok := f.found(leaf); !ok || whole != (f.identity(root) == identityFull) || !slices.Equal(mine, key) {
			return false
		}
	}
	return true
}

// without says what a table lacks.
func (f *following) without(r *catalog.Relation) string {
	if f.identity(r) == identityDefault && !r.HasPrimaryKey {
		return "no primary key"
	}
	return "no usable replica identity"
}
