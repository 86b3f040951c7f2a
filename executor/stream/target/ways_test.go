package target_test

import (
	"fmt"
	"testing"

	"bascule/executor/stream/target"
	"bascule/planner/catalog/pgtest"
)

// Changes of one key are one change, and a table's are few statements.
func TestOneChangeAKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text); insert into a values (0), (1), (2)`)
	r := p.open(t, binaryMode)
	a := r.table(ofA)
	var items []target.Item
	for i := range 100 {
		items = append(items, updateA(a, i%3, fmt.Sprint(i)), insertA(a, 50, "x"), updateA(a, 50, "y"), deleteA(a, 50))
	}
	items = append(items, deleteA(a, 0), insertA(a, 0, "again"))
	r.send(items...)
	r.mustClose()
	if got := p.Query1(t, "select string_agg(v, ' ' order by id) from a"); got != "again 97 98" {
		t.Errorf("rows %s", got)
	}
	pgtest.Eventually(t, func() error { // 3 rows came with the table
		const counts = "select n_tup_ins || ' ' || n_tup_upd || ' ' || n_tup_del from pg_stat_user_tables where relname = 'a'"
		if got := p.Query1(t, counts); got != "4 2 1" {
			return fmt.Errorf("inserted, updated, deleted: %s", got)
		}
		return nil
	})
}

// In binary mode some values come as text: those of types without a binary form, and
// whatever the source chose.
func TestMixedForms(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `
		create table a (id int primary key, v text);
		create table acl (id int primary key, c aclitem, v text)`)
	r := p.open(t, binaryMode)
	of := relation(2, "acl", key("id", int4), col("c", 1033), col("v", text))
	a, acl := r.table(ofA), r.table(of)
	var items []target.Item
	for i := range 10 {
		v := any(fmt.Sprint(i))
		if i > 5 {
			v = raw(fmt.Sprint(i))
		}
		items = append(items, insertA(a, i, v),
			target.Item{Kind: 'I', Table: acl, New: tuple(of, true, i, raw("=r/postgres"), "x")})
	}
	r.send(items...)
	items = nil
	for i := range 10 {
		items = append(items, updateA(a, i, raw(fmt.Sprint(-i))),
			target.Item{Kind: 'U', Table: acl, New: tuple(of, true, i, raw("=rw/postgres"), fmt.Sprint(i))})
	}
	r.send(items...)
	r.mustClose()
	if got := p.Query1(t, "select string_agg(a.v || c || acl.v, ' ' order by id) from a join acl using (id) where id > 7"); got != "-8=rw/postgres8 -9=rw/postgres9" {
		t.Errorf("rows %s", got)
	}
}

// Rows without a key are found by all their values, to the last digit, whatever the
// types; of equal ones, one.
func TestRowsWithoutKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 18), `
		create table w (n numeric, j json, x xml, p point, i interval, t text not null);
		create index on w (t)`)
	r := p.open(t)
	rel := relation(1, "w", col("n", 1700), col("j", 114), col("x", 142), col("p", 600), col("i", 1186), col("t", text))
	rel.Full = true
	w := r.table(rel)
	row := func(n, i string) []any {
		return []any{raw(n), raw(`{"a": 1,  "a":2}`), raw("<a/>"), raw("(1,2)"), raw(i), raw("t")}
	}
	insert := func(v []any) target.Item { return target.Item{Kind: 'I', Table: w, New: tuple(rel, false, v...)} }
	none := row("1", "1 mon")
	none[0], none[1] = nil, nil
	changed := row("1.00", "1 mon")
	changed[5] = raw("changed")
	r.send(insert(row("1.0", "1 mon")), insert(row("1.00", "1 mon")), insert(row("1.0", "30 days")), insert(row("1.0", "30 days")), insert(none), insert(none))
	r.send(
		target.Item{Kind: 'U', OldKind: 'O', Table: w, Old: tuple(rel, false, row("1.00", "1 mon")...), New: tuple(rel, false, changed...)},
		target.Item{Kind: 'D', OldKind: 'O', Table: w, Old: tuple(rel, false, row("1.0", "30 days")...)},
		target.Item{Kind: 'D', OldKind: 'O', Table: w, Old: tuple(rel, false, none...)})
	r.mustClose()
	want := "1.00 1 mon changed\n1.0 1 mon t\n1.0 30 days t\n- 1 mon t"
	if got := p.Query(t, `select coalesce(n::text, '-') || ' ' || i::text || ' ' || t from w order by t collate "C", n, i::text`); got != want {
		t.Errorf("rows %s", got)
	}
}

// An update that writes nothing, for only excluded columns have changed, looks for its
// row all the same.
func TestNothingToWrite(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text); insert into a select generate_series(1, 5)`)
	r := p.open(t, binaryMode)
	of := relation(1, "a", key("id", int4))
	a := r.table(of)
	update := func(id int) target.Item { return target.Item{Kind: 'U', Table: a, New: tuple(of, true, id)} }
	r.send(update(1), update(2), update(3), update(4), update(5))
	r.send(update(1))
	if _, err := r.Flushed(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.send(update(1), update(2), update(3), update(4), update(6))
	wantErr[*target.CountError](t, r.close())
	r = p.open(t, binaryMode)
	a = r.table(of)
	r.send(update(7))
	wantErr[*target.CountError](t, r.close())
}
