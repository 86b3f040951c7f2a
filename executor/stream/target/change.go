package target

import (
	"bytes"
	"fmt"
)

// add takes one change in: folds it, or sends it where it cannot be folded.
func (s *Session) add(it *Item) error {
	t := it.Table
	if t.fold == nil {
		s.touch(t)
	}
	switch {
	case it.Kind == Insert && (s.strict || !t.folds()):
		t.fold.rows = append(t.fold.rows, row{tuple: it.New, state: alive})
		return nil
	case s.strict || !t.folds():
		s.flush(t)
		return s.single(it)
	}
	switch it.Kind {
	case Insert:
		return s.insert(t, it.New)
	case Update:
		return s.update(it)
	case Delete:
		return s.delete(it)
	}
	return fmt.Errorf("%s: change of kind %q", t, it.Kind)
}

// touch begins to fold a table's changes. Those that it had under another description
// come before them.
func (s *Session) touch(t *Table) {
	for _, was := range s.touched {
		if was.rel.OID == t.rel.OID {
			s.flush(was)
		}
	}
	t.fold = s.folds.take()
	s.touched = append(s.touched, t)
}

func (s *Session) insert(t *Table, tuple []byte) error {
	key, _, err := t.keyOf(tuple, &s.arena)
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	s.put(t, key, tuple)
	return nil
}

// put folds a new row in.
func (s *Session) put(t *Table, key, tuple []byte) {
	f := t.fold
	place, hash := f.find(key)
	if place < 0 {
		f.add(row{key: key, tuple: tuple, hash: hash, state: alive})
		return
	}
	switch r := &f.rows[place]; {
	case r.state&alive != 0: // it is there: the server is to say what of that
		s.flush(t)
		f.add(row{key: key, tuple: tuple, hash: hash, state: alive})
	case r.state&existed != 0:
		r.key, r.tuple, r.state = key, tuple, existed|alive|replaced
	default:
		r.key, r.tuple, r.state = key, tuple, alive
	}
}

func (s *Session) delete(it *Item) error {
	t := it.Table
	key, _, err := t.keyOf(it.Old, &s.arena)
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	s.drop(t, key, it.Old)
	return nil
}

// drop folds a deletion in. old has the key columns.
func (s *Session) drop(t *Table, key, old []byte) {
	f := t.fold
	place, hash := f.find(key)
	if place >= 0 && f.rows[place].state&alive == 0 {
		s.flush(t)
		place = -1
	}
	if place < 0 {
		f.add(row{key: key, tuple: old, hash: hash, state: existed})
		return
	}
	r := &f.rows[place]
	r.tuple, r.state = old, r.state&existed
}

func (s *Session) update(it *Item) error {
	t := it.Table
	tuple := it.New
	partial, err := t.partial(tuple)
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	key, whole, err := t.keyOf(tuple, &s.arena)
	if err == nil && !whole { // then the old row has it
		if tuple, partial, err = t.fill(tuple, it.Old, keyColumn, &s.arena); err == nil {
			key, whole, err = t.keyOf(tuple, &s.arena)
		}
	}
	if err == nil && !whole {
		err = errTuple
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	if it.OldKind != 0 {
		old, _, err := t.keyOf(it.Old, &s.arena)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		if !bytes.Equal(old, key) {
			return s.move(it, old, key, tuple, partial)
		}
	}
	return s.change(it, key, tuple, partial)
}

// change folds an update that keeps its key in.
func (s *Session) change(it *Item, key, tuple []byte, partial bool) error {
	t, f := it.Table, it.Table.fold
	place, hash := f.find(key)
	if place >= 0 && f.rows[place].state&alive == 0 {
		s.flush(t)
		place = -1
	}
	if place < 0 {
		state := uint8(existed | alive)
		switch {
		case t.rewrite && (partial || t.extra):
			s.flush(t)
			return s.single(it)
		case t.rewrite:
			state |= replaced
		case partial:
			state |= hollow
		}
		f.add(row{key: key, tuple: tuple, hash: hash, state: state})
		return nil
	}
	r := &f.rows[place]
	var err error
	if partial {
		if tuple, partial, err = t.fill(tuple, r.tuple, anyColumn, &s.arena); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	r.tuple = tuple
	r.state &^= hollow
	if partial {
		r.state |= hollow
	}
	return nil
}

// move folds an update of the key in: a deletion, and a new row. Where values are not
// known here, it is sent as what it is, behind all that was folded before it.
func (s *Session) move(it *Item, old, key, tuple []byte, partial bool) error {
	t, f := it.Table, it.Table.fold
	place, _ := f.find(old)
	made := false // all of the row is from this fold
	var err error
	if partial && it.OldKind == 'O' {
		if tuple, partial, err = t.fill(tuple, it.Old, anyColumn, &s.arena); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	if place >= 0 {
		r := &f.rows[place]
		made = r.state&alive != 0 && (r.state&existed == 0 || r.state&replaced != 0)
		if partial && r.state&alive != 0 {
			if tuple, partial, err = t.fill(tuple, r.tuple, anyColumn, &s.arena); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
		}
	}
	if partial || t.extra && !made {
		s.flush(t)
		return s.single(it)
	}
	s.drop(t, old, it.Old)
	s.put(t, key, tuple)
	return nil
}
