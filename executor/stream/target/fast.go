package target

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// scratch is memory that is used again for each statement.
type scratch struct {
	deletes, updates []sortable
	groups           []group
	array            []byte
	values           [][]byte
	places           []int
	set              []byte
}

// sortable is a row of a fold by the beginning of its key. Rows are written in the
// order of their keys: neighbours in the index, and often in the table, are then
// touched together.
type sortable struct {
	prefix uint64
	place  int
}

// group is rows that an UPDATE leaves the same columns of unchanged.
type group struct {
	set  []byte
	rows []sortable
}

// fast applies a segment with its changes folded.
func (s *Session) fast(seg *Segment) error {
	s.strict = s.fires && slices.ContainsFunc(seg.Items, func(it Item) bool { return it.Table != nil && it.Table.fires })
	for i := range seg.Items {
		it := &seg.Items[i]
		if it.Kind == Empty {
			s.truncate(&seg.Truncates[it.Truncate], expect{})
			continue
		}
		if s.strict && s.last != it.Table {
			if s.last != nil {
				s.flush(s.last)
			}
			s.last = it.Table
		}
		if err := s.add(it); err != nil {
			return err
		}
	}
	for _, t := range s.touched {
		s.flush(t)
		s.folds.put(t.fold)
		t.fold = nil
	}
	clear(s.touched)
	s.touched, s.last = s.touched[:0], nil
	s.arena.reset()
	return nil
}

// truncate empties tables by one statement, as they were emptied on the source. Only
// they are: a CASCADE has named all tables that it reached, and what it would reach
// on the target besides them is not the mirror's to empty.
func (s *Session) truncate(tr *Truncate, e expect) {
	// All of them: the rows of before may stand under what the table was described as
	// before, which is another one here.
	for _, t := range s.touched {
		s.flush(t)
	}
	names := make([]string, len(tr.Tables))
	for i, t := range tr.Tables {
		names[i] = t.only
	}
	if len(names) == 0 {
		return
	}
	sql := "truncate " + strings.Join(names, ", ")
	if tr.RestartIdentity {
		sql += " restart identity"
	}
	e.kind, e.op, e.table = completed, "truncate", tr.Tables[0]
	s.expect(e)
	s.wire.parse(&statement{sql: sql})
	s.wire.text(&statement{})
}

// flush sends what a table's changes come to: first what goes, last what is new.
func (s *Session) flush(t *Table) {
	f := t.fold
	sc := &s.scratch
	sc.deletes, sc.updates = sc.deletes[:0], sc.updates[:0]
	inserts := 0
	for i := range f.rows {
		r := &f.rows[i]
		switch r.state &^ hollow {
		case alive:
			inserts++
		case existed | alive:
			sc.updates = append(sc.updates, sortable{prefix(r.key), i})
		case existed | alive | replaced:
			inserts++
			fallthrough
		case existed:
			sc.deletes = append(sc.deletes, sortable{prefix(r.key), i})
		}
	}
	if len(sc.deletes) > 0 {
		s.deleteAll(t, byKey(sc.deletes))
	}
	if len(sc.updates) > 0 {
		s.updateAll(t, byKey(sc.updates))
	}
	if inserts > 0 {
		s.insertAll(t, inserts)
	}
	f.reset()
}

// prefix is the first bytes of a key's first value.
func prefix(key []byte) uint64 {
	var b [8]byte
	if len(key) > valueHead {
		copy(b[:], key[valueHead:])
	}
	return binary.BigEndian.Uint64(b[:])
}

func byKey(list []sortable) []sortable {
	slices.SortFunc(list, func(a, b sortable) int { return cmp.Compare(a.prefix, b.prefix) })
	return list
}

// Limits of one array statement. A few rows are not worth one, large rows would be in
// the server's memory several times.
const (
	arrayLeast = 3
	arrayMost  = 8192
	arrayBytes = 1 << 20
	largeRow   = 128 << 10
)

func (s *Session) deleteAll(t *Table, list []sortable) {
	st := t.deleteRows()
	for len(list) > 0 {
		n := min(len(list), arrayMost)
		if !s.byArray(t, "delete", st, t.fold, list[:n]) {
			for _, at := range list[:n] {
				s.deleteOne(t, t.fold.rows[at.place].tuple, expect{})
			}
		}
		list = list[n:]
	}
}

// updateAll splits rows by the columns that they leave unchanged.
func (s *Session) updateAll(t *Table, list []sortable) {
	f, sc := t.fold, &s.scratch
	groups := sc.groups[:0]
	for _, at := range list {
		r := &f.rows[at.place]
		if len(r.tuple) > largeRow {
			s.updateOne(t, nil, r.tuple, expect{})
			continue
		}
		sc.set = t.writes(sc.set, r)
		g := slices.IndexFunc(groups, func(g group) bool { return string(g.set) == string(sc.set) })
		if g < 0 {
			g = len(groups)
			if g < cap(groups) {
				groups = groups[:g+1] // with the memory it had
			} else {
				groups = append(groups, group{})
			}
			groups[g].set, groups[g].rows = append(groups[g].set[:0], sc.set...), groups[g].rows[:0]
		}
		groups[g].rows = append(groups[g].rows, at)
	}
	sc.groups = groups
	for i := range groups {
		s.updateGroup(t, &groups[i])
	}
}

func (s *Session) updateGroup(t *Table, g *group) {
	st := t.updateRows(g.set)
	for list := g.rows; len(list) > 0; {
		n := s.fitting(t.fold, list)
		if !s.byArray(t, "update", st, t.fold, list[:n]) {
			for _, at := range list[:n] {
				s.updateOne(t, nil, t.fold.rows[at.place].tuple, expect{})
			}
		}
		list = list[n:]
	}
}

// fitting is how many rows go into one statement.
func (s *Session) fitting(f *fold, list []sortable) int {
	size := 0
	for i, at := range list {
		size += len(f.rows[at.place].tuple)
		if i == arrayMost || i > 0 && size > arrayBytes {
			return i
		}
	}
	return len(list)
}

// byArray sends a statement over an array of rows, or returns false where it must not.
func (s *Session) byArray(t *Table, op string, st *statement, f *fold, list []sortable) bool {
	if len(list) < arrayLeast || t.mixed || st.params[0] == 0 {
		return false
	}
	sc := &s.scratch
	var ok bool
	switch single := t.singleKey(); {
	case op == "delete" && single != nil:
		sc.array, ok = t.keyArray(sc.array[:0], single, f, list)
	case t.refuses():
		return false
	default:
		sc.array, ok = t.rowArray(sc.array[:0], f, list, op == "delete")
	}
	if !ok {
		return false
	}
	s.expect(expect{kind: completed, op: op, rows: int64(len(list)), table: t})
	s.wire.array(s.prepared(st), t.binary, sc.array, len(list))
	return true
}
