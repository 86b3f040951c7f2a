package target

import (
	"bascule/config/pgname"
	"bascule/executor/ledger"
)

// Table is how rows of one relation are written to its table on the target.
type Table struct {
	rel    Relation
	member ledger.Member
	shape  shape
	Differences

	shown string // for people
	name  string // quoted, for statements
	only  string // "only " and name, but of a partitioned table

	columns []column // as in a tuple: the source's order
	layout  []place  // of the target's row type
	lastKey int      // last key column of columns, -1 without

	// binary: values are expected in binary form, by one setting for the whole stream.
	// mixed: some are not, so statements that have one form for all cannot be used.
	binary, mixed bool

	inserts bool // of the member, only INSERT and TRUNCATE are followed
	ordered bool // changes are applied row by row
	fires   bool // triggers or rules fire for this session: nothing may be reordered
	rewrite bool // an UPDATE cannot set all columns, so rows are written anew
	extra   bool // the target has columns that the source lacks
	nothing bool // statements may rightly touch no row: a trigger or rule prevents it

	fold      *fold  // during a segment
	places    []int  // of a tuple's columns, used again
	settables []byte // see settable
	sentCount int

	statements statements
}

// column of a tuple.
type column struct {
	name   string // quoted
	sent   bool   // written at all
	key    bool   // rows are found by it
	always bool   // GENERATED ALWAYS AS IDENTITY: an UPDATE cannot set it
	typ    uint32 // on the target
	array  uint32 // array type of it, or 0
	base   uint32 // below its domains
	binary bool   // its values are expected in binary form

	equal, cast string // as in attribute

	// Of a table without key, where all columns are compared: whether = says that
	// values are the very same, and whether an index may serve it.
	exact, indexable bool
}

// place is one column of the target's row type.
type place struct {
	typ    uint32
	source int // in columns, or -1
}

// String is the table's name on the target.
func (t *Table) String() string { return t.shown }

// OID is the table's on the source.
func (t *Table) OID() uint32 { return t.rel.OID }

// KeepOrder has the table's changes applied row by row in source order from now on,
// by Send too: for values of a unique index that move from row to row.
func (t *Table) KeepOrder() { t.ordered = true }

// folds reports whether its changes are folded by key.
func (t *Table) folds() bool { return t.lastKey >= 0 && !t.ordered && !t.inserts }

// keys returns its key columns in order.
func (t *Table) keys() []int {
	var list []int
	for i, c := range t.columns {
		if c.key {
			list = append(list, i)
		}
	}
	return list
}

// newTable decides how rows of rel are written to a table of this shape.
func newTable(rel Relation, m ledger.Member, sh shape, binary bool) (*Table, error) {
	t := &Table{
		rel: rel, member: m, shape: sh,
		shown: pgname.Shown(m.TargetSchema, m.TargetName), name: pgname.Qualified(m.TargetSchema, m.TargetName),
		lastKey: -1, binary: binary, inserts: m.Follow == followInserts,
		fires: sh.Fires || sh.Rules, nothing: sh.Suppresses || sh.Rules,
	}
	t.only = "only " + t.name
	if sh.Partitioned {
		t.only = t.name
	}
	t.Differences = differ(rel, m, sh)
	if err := t.match(); err != nil {
		return nil, err
	}
	return t, nil
}

// why says for the log what keeps the table from being folded, or "".
func (t *Table) why() string {
	switch {
	case t.fires:
		return "triggers or rules of the target fire for replicated rows"
	case t.inserts:
		return ""
	case t.lastKey < 0:
		return "it has no key"
	}
	return ""
}
