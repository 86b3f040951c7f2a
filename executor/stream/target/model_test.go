package target_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"bascule/executor/stream/target"
)

// model is a table as its source has it, and what it does to it.
type model struct {
	rel  target.Relation
	bin  bool
	rows [][]any
	live map[string]bool // keys of rows
	next int             // for values that are never used twice

	// make makes a value for a column of a new or changed row.
	make func(m *model, r *rand.Rand, column int) any
	// sticky columns may be left unchanged, as TOAST is.
	sticky map[int]bool
	// fixed columns are never changed by an UPDATE.
	fixed map[int]bool
	keys  []int
}

// change makes one random change, and returns it as the source would send it.
func (m *model) change(r *rand.Rand) target.Item {
	n := r.IntN(10)
	switch {
	case n < 4 || len(m.rows) == 0:
		return m.insert(r)
	case n < 6:
		return m.delete(r)
	}
	return m.update(r, n >= 8)
}

// fresh makes a row with a key that is free, or nil.
func (m *model) fresh(r *rand.Rand) []any {
	for range 10 {
		row := make([]any, len(m.rel.Columns))
		for i := range row {
			row[i] = m.make(m, r, i)
		}
		if !m.taken(row, -1) {
			return row
		}
	}
	return nil
}

// taken reports whether another row than that at a place has the same key.
func (m *model) taken(row []any, but int) bool {
	if len(m.keys) == 0 {
		return false
	}
	k := m.keyOf(row)
	return m.live[k] && (but < 0 || m.keyOf(m.rows[but]) != k)
}

func (m *model) keyOf(row []any) string {
	var parts []string
	for _, k := range m.keys {
		parts = append(parts, fmt.Sprintf("%q", fmt.Sprint(row[k])))
	}
	return strings.Join(parts, ",")
}

func (m *model) insert(r *rand.Rand) target.Item {
	row := m.fresh(r)
	if row == nil { // hardly a key is free
		return m.delete(r)
	}
	m.rows = append(m.rows, row)
	m.live[m.keyOf(row)] = true
	return target.Item{Kind: 'I', New: tuple(m.rel, m.bin, row...)}
}

func (m *model) delete(r *rand.Rand) target.Item {
	i := r.IntN(len(m.rows))
	it := target.Item{Kind: 'D'}
	it.OldKind, it.Old = m.old(m.rows[i])
	delete(m.live, m.keyOf(m.rows[i]))
	m.rows = append(m.rows[:i:i], m.rows[i+1:]...)
	return it
}

func (m *model) truncate() {
	m.rows = nil
	clear(m.live)
}

// old is the old row: all of it under FULL, else the key.
func (m *model) old(row []any) (byte, []byte) {
	if m.rel.Full {
		return 'O', tuple(m.rel, m.bin, row...)
	}
	values := make([]any, len(row))
	for _, k := range m.keys {
		values[k] = row[k]
	}
	return 'K', tuple(m.rel, m.bin, values...)
}

func (m *model) update(r *rand.Rand, moves bool) target.Item {
	at := r.IntN(len(m.rows))
	was := m.rows[at]
	now := append([]any(nil), was...)
	for i := range now {
		if m.isKey(i) && !moves || m.fixed[i] || r.IntN(3) == 0 {
			continue
		}
		now[i] = m.make(m, r, i)
	}
	if m.taken(now, at) {
		for _, k := range m.keys {
			now[k] = was[k]
		}
	}
	sent := append([]any(nil), now...)
	for i := range sent {
		if m.sticky[i] && fmt.Sprint(now[i]) == fmt.Sprint(was[i]) && now[i] != nil {
			sent[i] = toasted{}
		}
	}
	it := target.Item{Kind: 'U', New: tuple(m.rel, m.bin, sent...)}
	if m.rel.Full || m.keyOf(now) != m.keyOf(was) || m.toastedKey(sent) {
		it.OldKind, it.Old = m.old(was)
	}
	delete(m.live, m.keyOf(was))
	m.live[m.keyOf(now)] = true
	m.rows[at] = now
	return it
}

func (m *model) toastedKey(sent []any) bool {
	for _, k := range m.keys {
		if _, ok := sent[k].(toasted); ok {
			return true
		}
	}
	return false
}

func (m *model) isKey(i int) bool {
	for _, k := range m.keys {
		if k == i {
			return true
		}
	}
	return false
}

// modelSchema is the target's side of models.
const modelSchema = `
	create table plain (id int primary key, a int, b text, c text);
	create table composite (x int, v text, y text, primary key (x, y));
	create table secondary (id int primary key, u int unique, note text);
	create table ident (id bigint generated always as identity primary key, n text, twice text generated always as (n || n) stored);
	create table serial (k int primary key, seq bigint generated always as identity, v text);
	create table lists (id int primary key, tags int[], note varchar(40));
	create table whole (id int primary key, b text, f char(10));
	create table alike (a int, b text, c numeric);
	create table more (id int primary key, v text, own text default 'mine');
	create table turned (note text, id int primary key);
	create table texts (name text primary key, v int);
	create domain filled as text not null;
	create table domains (id int primary key, d filled, v int);
	create table parts (id int, v text, primary key (id)) partition by range (id);
	create table parts_1 partition of parts for values from (minvalue) to (40);
	create table parts_2 partition of parts for values from (40) to (maxvalue);`

func models(bin bool) []*model {
	list := []*model{
		{rel: relation(1, "plain", key("id", int4), col("a", int4), col("b", text), col("c", text)), sticky: map[int]bool{2: true, 3: true}},
		{rel: relation(2, "composite", key("x", int4), col("v", text), key("y", text)), sticky: map[int]bool{1: true}},
		{rel: relation(3, "secondary", key("id", int4), col("u", int4), col("note", text)), make: unique},
		{rel: relation(4, "ident", key("id", pgtype.Int8OID), col("n", text)), sticky: map[int]bool{1: true}},
		{rel: relation(5, "serial", key("k", int4), col("seq", pgtype.Int8OID), col("v", text)), sticky: map[int]bool{2: true}},
		{rel: relation(6, "lists", key("id", int4), col("tags", pgtype.Int4ArrayOID), col("note", pgtype.VarcharOID))},
		{rel: relation(7, "whole", key("id", int4), col("b", text), col("f", pgtype.BPCharOID)), sticky: map[int]bool{1: true}},
		{rel: relation(8, "alike", col("a", int4), col("b", text), col("c", pgtype.NumericOID))},
		{rel: relation(9, "more", key("id", int4), col("v", text)), sticky: map[int]bool{1: true}},
		{rel: relation(10, "turned", key("id", int4), col("note", text)), sticky: map[int]bool{1: true}},
		{rel: relation(11, "texts", key("name", text), col("v", int4)), sticky: map[int]bool{0: true}},
		{rel: relation(12, "domains", key("id", int4), col("d", text), col("v", int4)), make: noNulls},
		{rel: relation(13, "parts", key("id", int4), col("v", text))},
	}
	for _, m := range list {
		m.bin, m.live = bin, make(map[string]bool)
		m.rel.Full = m.rel.Name == "whole" || m.rel.Name == "alike"
		if m.make == nil {
			m.make = anything
		}
		for i, c := range m.rel.Columns {
			if c.Key {
				m.keys = append(m.keys, i)
			}
		}
		if m.rel.Name == "whole" {
			m.rel.Columns[1].Key, m.rel.Columns[2].Key = true, true // under FULL all columns are flagged
		}
	}
	return list
}

// anything makes values that are hard to write, of few keys so that they meet again.
func anything(m *model, r *rand.Rand, i int) any {
	k := m.isKey(i)
	switch m.rel.Columns[i].Type {
	case int4, pgtype.Int8OID:
		if !k && r.IntN(10) == 0 && m.rel.Name != "serial" {
			return nil
		}
		return r.IntN(80) - 5
	case text, pgtype.VarcharOID:
		if k {
			return []string{"", "a", "b\t", `c"\`, "11", "1"}[r.IntN(6)] + strings.Repeat("x", r.IntN(30))
		}
		if r.IntN(10) == 0 {
			return nil
		}
		return []string{"", "plain", "tab\tnew\nline\rback\\slash", `quote"d {a,b} (c) \N`, "\\.", "ü€𝄞", strings.Repeat("long ", r.IntN(5))}[r.IntN(7)]
	case pgtype.BPCharOID:
		return fmt.Sprintf("%-10s", []string{"", "a", "abc"}[r.IntN(3)])
	case pgtype.Int4ArrayOID:
		if r.IntN(5) == 0 {
			return nil
		}
		list := make([]*int32, r.IntN(4))
		for j := range list {
			if r.IntN(4) > 0 {
				v := int32(r.IntN(100))
				list[j] = &v
			}
		}
		return list
	case pgtype.NumericOID:
		return pgtype.Numeric{Int: bigInt(r.IntN(3) * 10), Exp: int32(-r.IntN(2)), Valid: true}
	}
	panic("no value")
}

// unique never makes a value of the second column twice.
func unique(m *model, r *rand.Rand, i int) any {
	if i == 1 {
		m.next++
		return m.next
	}
	return anything(m, r, i)
}

func noNulls(m *model, r *rand.Rand, i int) any {
	for {
		if v := anything(m, r, i); v != nil {
			return v
		}
	}
}
