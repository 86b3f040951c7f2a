package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/graph"
	"bascule/executor/ledger"
	"bascule/executor/schema"
	"bascule/planner/catalog"
)

func objectKey(dumpID int) string   { return fmt.Sprintf("object %d", dumpID) }
func indexKey(dumpID int) string    { return fmt.Sprintf("index %d", dumpID) }
func validateKey(dumpID int) string { return fmt.Sprintf("validate %d", dumpID) }

// addEntries adds what the archive builds on filled tables.
func (b *build) addEntries() {
	for _, it := range b.choice.Pre {
		if b.tables[it.OID] != nil && strings.HasSuffix(it.Desc, "TABLE") {
			b.entryTable[it.DumpID] = it.OID
		}
	}
	posts := map[int]*schema.Item{}
	for _, it := range b.choice.Post {
		posts[it.DumpID] = it
	}
	b.posts = posts
	for _, it := range b.choice.Post {
		for _, oid := range b.tablesOf(it, posts) {
			b.onTable[oid] = append(b.onTable[oid], it)
		}
	}
	b.objects = len(b.choice.Post) + len(b.choice.Last)
	for _, it := range b.choice.Post {
		b.addEntry(it, posts)
	}
}

// tablesOf returns the tables that an entry is built on: those that it, or what it
// is said of, depends on.
func (b *build) tablesOf(it *schema.Item, posts map[int]*schema.Item) []uint32 {
	var oids []uint32
	for _, id := range it.Dependencies {
		if oid := b.entryTable[id]; oid != 0 {
			oids = append(oids, oid)
		} else if on := posts[id]; on != nil && (it.Desc == "COMMENT" || it.Desc == "INDEX ATTACH") {
			oids = append(oids, b.tablesOf(on, posts)...)
		}
	}
	slices.Sort(oids)
	return slices.Compact(oids)
}

// addEntry adds one entry, as one node or two.
func (b *build) addEntry(it *schema.Item, posts map[int]*schema.Item) {
	n := &graph.Node[*worker]{Key: objectKey(it.DumpID), Work: it}
	var size int64
	tables := b.tablesOf(it, posts)
	if len(tables) == 0 || b.choice.Calls(it) {
		n.Needs = append(n.Needs, allRows)
	}
	for _, oid := range tables {
		n.Needs = append(n.Needs, rowsKey(oid))
		n.Locks = append(n.Locks, graph.Lock{Name: tableLock(oid), Exclusive: it.Desc != "INDEX" || !plainIndex(it)})
		size = max(size, b.tables[oid].Bytes)
	}
	for _, id := range it.Dependencies {
		if posts[id] != nil {
			n.Needs = append(n.Needs, objectKey(id))
		}
	}
	n.Needs = append(n.Needs, b.inherited(it, posts)...)
	n.Priority = size
	n.Run = func(ctx context.Context, w *worker) error { return b.makeOne(ctx, w, it) }
	key, stepwise := b.keys[it.OID]
	switch {
	case b.made[it.Object.Key]:
		n.Run, n.Needs = nothing, nil
		if stepwise && key.Kind == 'f' && key.Validated {
			b.addValidate(it, nil, key, size)
		}
	case b.live && it.Desc == "FK CONSTRAINT" && !stepwise:
		n.Needs, n.Locks = b.lateNeeds(it), nil
		b.beside.Add(n)
		return
	case b.late(it):
		b.addLate(it, n)
		return
	case size < smallTable && !(b.live && key.Kind == 'f'):
		n.Batch, n.Priority = &b.makes, priorityMakeSmall
	case stepwise && it.Class == classConstraint && key.Kind == 'f' && key.Validated:
		b.addForeignKey(it, n, key, &b.graph)
		return
	case stepwise && it.Class == classConstraint && key.Kind != 'f':
		b.addKey(it, n, key)
		return
	}
	b.graph.Add(n)
}

// inherited returns the triggers of the tables that a trigger's table is a partition
// of. One of them may be what this entry alters: the archive does not say so.
func (b *build) inherited(it *schema.Item, posts map[int]*schema.Item) []string {
	var keys []string
	if it.Desc != "TRIGGER" {
		return nil
	}
	for _, oid := range b.tablesOf(it, posts) {
		for up := b.tables[oid].PartitionOf; len(up) > 0 && b.tables[up[0]] != nil; up = b.tables[up[0]].PartitionOf {
			for _, other := range b.onTable[up[0]] {
				if other.Desc == "TRIGGER" {
					keys = append(keys, objectKey(other.DumpID))
				}
			}
		}
	}
	return keys
}

// plainIndex reports whether an index entry is nothing but CREATE INDEX: then
// several can be built on a table at once. Others also alter the table.
func plainIndex(it *schema.Item) bool {
	return strings.Count(strings.TrimSpace(it.Definition), "\n") == 0
}

const classConstraint = 2606

// addKey adds a primary key or unique constraint as an index, which is built beside
// other indexes of its table, and the constraint that takes it over.
func (b *build) addKey(it *schema.Item, n *graph.Node[*worker], key catalog.Key) {
	name := pgname.Qualified(key.Schema, key.Name)
	index := &graph.Node[*worker]{Key: indexKey(it.DumpID), Needs: n.Needs, Priority: n.Priority, Work: it}
	for _, l := range n.Locks {
		index.Locks = append(index.Locks, graph.Lock{Name: l.Name})
	}
	object := ledger.Object{Key: "INDEX OF " + it.Object.Key, Section: "post", Checksum: it.Object.Checksum, Drop: "drop index " + name}
	sql := schema.InTablespace(it.Entry, b.plan.Options, key.Index)
	index.Run = func(ctx context.Context, w *worker) error {
		return b.make(ctx, w, it, "index of "+it.Name(), []string{sql}, object)
	}
	if b.made[object.Key] { // by a try that ended before the constraint took it over
		index.Run, index.Needs = nothing, nil
	}
	b.graph.Add(index)
	n.Needs = []string{index.Key}
	table := pgname.Qualified(key.Schema, key.TableName)
	sqls := []string{fmt.Sprintf("alter table only %s add constraint %s %s using index %s%s", table, pgname.Quote(key.Name),
		map[rune]string{'p': "primary key", 'u': "unique"}[key.Kind], pgname.Quote(key.Name), deferral(key))}
	if key.Clustered {
		sqls = append(sqls, "alter table "+table+" cluster on "+pgname.Quote(key.Name))
	}
	if key.ReplicaIdentity {
		sqls = append(sqls, "alter table only "+table+" replica identity using index "+pgname.Quote(key.Name))
	}
	n.Run = func(ctx context.Context, w *worker) error {
		return b.make(ctx, w, it, it.Name(), sqls, it.Object)
	}
	b.graph.Add(n)
}

func deferral(key catalog.Key) string {
	switch {
	case key.Deferred:
		return " deferrable initially deferred"
	case key.Deferrable:
		return " deferrable"
	}
	return ""
}

// addForeignKey adds a foreign key without looking at the rows, and then the look,
// which holds up neither writers nor other work on the table it refers to.
func (b *build) addForeignKey(it *schema.Item, n *graph.Node[*worker], key catalog.Key, in *graph.Graph[*worker]) {
	table, name := pgname.Qualified(key.Schema, key.TableName), pgname.Quote(key.Name)
	if in == &b.beside {
		table = b.besideName(key)
	}
	sql := fmt.Sprintf("alter table only %s add constraint %s %s not valid", table, name, key.Definition)
	n.Run = func(ctx context.Context, w *worker) error {
		return b.make(ctx, w, it, it.Name(), []string{sql}, it.Object)
	}
	in.Add(n)
	needs := []string{n.Key}
	if b.live && in == &b.graph { // which is done by then
		needs = nil
	}
	b.addValidate(it, needs, key, n.Priority)
}

// addValidate adds the look. Of a continuous mirror it comes when the table has its
// name on the target.
func (b *build) addValidate(it *schema.Item, needs []string, key catalog.Key, size int64) {
	table := pgname.Qualified(key.Schema, key.TableName)
	v := &graph.Node[*worker]{Key: validateKey(it.DumpID), Needs: needs, Priority: size,
		Locks: []graph.Lock{{Name: tableLock(key.Table), Exclusive: true}}, Work: it}
	in := &b.graph
	if b.live {
		in, table = &b.beside, b.besideName(key)
	}
	v.Run = func(ctx context.Context, w *worker) error {
		return b.make(ctx, w, it, "validate "+it.Name(), []string{"alter table " + table + " validate constraint " + pgname.Quote(key.Name)})
	}
	in.Add(v)
}

// besideName is the name of a key's table when the mirror streams.
func (b *build) besideName(key catalog.Key) string {
	if t := b.tables[key.Table]; t != nil {
		return pgname.Qualified(t.FinalName())
	}
	return pgname.Qualified(key.Schema, key.TableName)
}
