package executor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/executor/graph"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/schema"
	"bascule/executor/snapshot"
	"bascule/planner"
	"bascule/planner/session"
)

// build is the graph of the work between the empty schema and the filled one, and
// what is needed to make it.
//
// Its nodes, by the first word of their keys:
//
//	chunk OID PART   one COPY
//	rows OID         all rows of a table are there; of a partitioned one, of all
//	                 its partitions
//	early rows       all rows of all tables that are not late are there
//	rows             all rows of all tables are there
//	object ID        one archive entry, by dump id; "index ID" and "validate ID" are
//	                 the parts of keys that are made in two steps
//	analyze OID
//	large objects N
type build struct {
	*attempt
	graph  graph.Graph[*worker]
	copier *snapshot.Copier

	relations []ledger.Relation
	objects   int // archive entries

	tables     map[uint32]*planner.Table
	partitions map[uint32][]uint32 // of what is carried, by parent
	entryTable map[int]uint32      // dump id of a TABLE entry to its oid
	onTable    map[uint32][]*schema.Item
	posts      map[int]*schema.Item // by dump id

	// beside is the graph of what is built while a continuous mirror streams: what
	// takes a look at all rows of two tables, which agree only then.
	beside graph.Graph[*worker]

	copies, makes, analyzes graph.Batch[*worker]
}

// Sizes below which work is done many pieces at once, and above which a key is made
// in two steps.
const (
	smallTable = 1 << 20
	batchLimit = 64
)

// Priorities: the rows of the largest table first, and what is built on a table
// with the priority of its rows, so that the longest chain of work starts first.
// Small tables come after all others, in the order copy, build, analyze.
const (
	priorityCopySmall    = 3
	priorityMakeSmall    = 2
	priorityAnalyzeSmall = 1
)

func newBuild(at *attempt) *build {
	b := &build{attempt: at, tables: map[uint32]*planner.Table{}, partitions: map[uint32][]uint32{}, entryTable: map[int]uint32{}, onTable: map[uint32][]*schema.Item{}}
	b.copier = &snapshot.Copier{Mirror: at.plan.ID, Encoding: at.plan.Options.Encoding, Moved: b.moved}
	b.copies = graph.Batch[*worker]{Limit: batchLimit, Run: b.copyBatch}
	b.makes = graph.Batch[*worker]{Limit: batchLimit, Run: b.makeBatch}
	b.analyzes = graph.Batch[*worker]{Limit: batchLimit, Run: b.analyzeBatch}
	return b
}

// add adds all nodes.
func (b *build) add() {
	for i := range b.plan.Tables {
		t := &b.plan.Tables[i]
		b.tables[t.OID] = t
		for _, parent := range t.PartitionOf {
			b.partitions[parent] = append(b.partitions[parent], t.OID)
		}
	}
	early := &graph.Node[*worker]{Key: earlyRows, Priority: math.MaxInt64, Run: nothing}
	all := &graph.Node[*worker]{Key: allRows, Priority: math.MaxInt64, Run: nothing}
	for i := range b.plan.Tables {
		t := &b.plan.Tables[i]
		b.addTable(t)
		all.Needs = append(all.Needs, rowsKey(t.OID))
		if !t.Late && t.Kind != "partitioned" {
			early.Needs = append(early.Needs, rowsKey(t.OID))
		}
	}
	b.graph.Add(early)
	b.graph.Add(all)
	b.addLargeObjects()
	if b.choice != nil {
		b.addEntries()
	}
	for i := range b.plan.Tables {
		if t := &b.plan.Tables[i]; !b.idle(t) {
			b.addAnalyze(t)
		}
	}
}

// idle reports whether the rows of a table are not this build's to copy: they are
// there, or the table is leaving the mirror.
func (b *build) idle(t *planner.Table) bool {
	return b.have[t.OID] || t.Work == planner.WorkRemove || b.streams && t.Work == ""
}

// allRows is needed by what could look at any row: a check of a domain, an index on
// a function.
const allRows = "rows"

// earlyRows is needed by tables that may look at others while they are filled.
const earlyRows = "early rows"

func rowsKey(oid uint32) string            { return fmt.Sprintf("rows %d", oid) }
func chunkKey(oid uint32, part int) string { return fmt.Sprintf("chunk %d %d", oid, part) }

// nothing is a node that only joins others.
func nothing(context.Context, *worker) error { return nil }

// addTable adds a table's chunks and the node that says that its rows are there.
func (b *build) addTable(t *planner.Table) {
	rows := &graph.Node[*worker]{Key: rowsKey(t.OID), Priority: math.MaxInt64, Run: nothing}
	if t.Kind != "partitioned" && !b.idle(t) {
		rows.Run = func(context.Context, *worker) error {
			b.cfg.Sink.Event(progress.TableCopied{Mirror: b.name, Table: pgname.Shown(t.FinalName())})
			return nil
		}
	}
	for _, oid := range b.partitions[t.OID] {
		rows.Needs = append(rows.Needs, rowsKey(oid))
	}
	if t.Kind != "partitioned" && !b.idle(t) {
		in, name := b.place(t)
		if len(b.partsDone[t.OID]) == 0 {
			b.relations = append(b.relations, ledger.Relation{Schema: in, Name: name, Bytes: t.Bytes, Estimate: t.Rows, Chunks: t.Parts})
		}
		for part := range t.Parts {
			if b.partsDone[t.OID][part] {
				continue
			}
			n := b.chunk(t, part, in, name)
			b.graph.Add(n)
			rows.Needs = append(rows.Needs, n.Key)
		}
	}
	b.graph.Add(rows)
}

func (b *build) chunk(t *planner.Table, part int, in, name string) *graph.Node[*worker] {
	c := &snapshot.Chunk{Table: t, Part: part, Into: b.into(t), LedgerSchema: in, LedgerName: name,
		Bytes:  t.Bytes*int64(part+1)/int64(t.Parts) - t.Bytes*int64(part)/int64(t.Parts),
		Freeze: t.Parts == 1 && t.Kind == "table" && b.plan.Options.SchemaCopy && t.Bytes >= freezeFrom && t.Work != planner.WorkAgain}
	n := &graph.Node[*worker]{Key: chunkKey(t.OID, part), Priority: t.Bytes, Work: c,
		Run: func(ctx context.Context, w *worker) error { return b.copyChunks(ctx, w, c) }}
	if t.Bytes < smallTable {
		n.Batch, n.Priority = &b.copies, priorityCopySmall
	}
	if t.Late {
		n.Needs = []string{earlyRows}
	}
	return n
}

// freezeFrom is the size from which truncating a table, to write it frozen, costs
// less than it saves. Truncating makes new files: for 2,000 tables of a few rows it
// took ten times as long as the copy.
const freezeFrom = smallTable

// addAnalyze adds ANALYZE of a table, after all that decides its statistics. That
// of a partitioned table looks at its partitions too, down to the last.
func (b *build) addAnalyze(t *planner.Table) {
	if t.Kind == "config" || t.RootName != "" || !b.streams && len(t.PartitionOf) > 0 && b.tables[t.PartitionOf[0]] != nil {
		return
	}
	n := &graph.Node[*worker]{Key: fmt.Sprintf("analyze %d", t.OID), Priority: t.Bytes, Needs: []string{rowsKey(t.OID)},
		Work: t, Run: func(ctx context.Context, w *worker) error { return b.analyze(ctx, w, t) }}
	for _, oid := range b.tree(t.OID) {
		n.Needs = append(n.Needs, b.indexesOf(oid)...)
		n.Locks = append(n.Locks, graph.Lock{Name: tableLock(oid), Exclusive: true})
		n.Priority = max(n.Priority, b.tables[oid].Bytes)
	}
	if n.Priority < smallTable {
		n.Batch, n.Priority = &b.analyzes, priorityAnalyzeSmall
	}
	b.graph.Add(n)
}

// tree returns a table with all its partitions.
func (b *build) tree(oid uint32) []uint32 {
	list := []uint32{oid}
	for _, part := range b.partitions[oid] {
		list = append(list, b.tree(part)...)
	}
	return list
}

// indexesOf returns the nodes of indexes and extended statistics of a table, whose
// expressions ANALYZE looks at.
func (b *build) indexesOf(oid uint32) []string {
	var keys []string
	if b.choice == nil {
		return nil
	}
	for _, it := range b.onTable[oid] {
		if (it.Desc == "INDEX" || it.Desc == "STATISTICS") && !b.late(it) {
			keys = append(keys, objectKey(it.DumpID))
		}
	}
	return keys
}

func tableLock(oid uint32) string { return fmt.Sprintf("table %d", oid) }

// explain turns the graph's error into one that says which tables and objects
// failed, and records the failures of tables.
func (b *build) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var list []error
	var lost *snapshot.LostError
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	for _, e := range joined.Unwrap() {
		if errors.As(e, &lost) {
			continue // said once: with the snapshot everything ended
		}
		var node *graph.Error
		if !errors.As(e, &node) {
			list = append(list, e)
			continue
		}
		list = append(list, node.Err)
		b.recordFailure(ctx, node)
	}
	if lost != nil && !slices.ContainsFunc(list, func(e error) bool { return !session.Transient(e) }) {
		return lost
	}
	slices.SortFunc(list, func(x, y error) int { return strings.Compare(x.Error(), y.Error()) })
	return errors.Join(list...)
}

func (b *build) recordFailure(ctx context.Context, node *graph.Error) {
	var failed *snapshot.CopyError
	if !errors.As(node.Err, &failed) || b.conn.IsClosed() {
		return
	}
	text, _, _ := strings.Cut(failed.Err.Error(), "\n")
	if err := ledger.FailRelation(ctx, b.conn, b.plan.ID, failed.Chunk.LedgerSchema, failed.Chunk.LedgerName, text); err != nil {
		b.cfg.Log.WarnContext(ctx, "failure not recorded", "mirror", b.name, "error", err)
	}
}
