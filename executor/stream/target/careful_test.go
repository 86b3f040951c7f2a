package target_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"bascule/executor/ledger"
	"bascule/executor/stream/target"
	"bascule/planner/catalog/pgtest"
)

var ofA = relation(1, "a", key("id", int4), col("v", text))

func insertA(t *target.Table, id int, v any) target.Item {
	return target.Item{Kind: 'I', Table: t, New: tuple(ofA, true, id, v)}
}

func updateA(t *target.Table, id int, v any) target.Item {
	return target.Item{Kind: 'U', Table: t, New: tuple(ofA, true, id, v)}
}

func deleteA(t *target.Table, id int) target.Item {
	return target.Item{Kind: 'D', OldKind: 'K', Table: t, Old: tuple(ofA, true, id, nil)}
}

// A row that is not there is noticed whichever way its change goes, and named.
func TestMissingRow(t *testing.T) {
	t.Parallel()
	c := pgtest.Server(t, 15)
	for _, tc := range []struct {
		name  string
		items func(a *target.Table) []target.Item
		op    string
	}{
		{"one update", func(a *target.Table) []target.Item { return []target.Item{updateA(a, 9, "x")} }, "update"},
		{"one delete", func(a *target.Table) []target.Item { return []target.Item{deleteA(a, 9)} }, "delete"},
		{"updates by array", func(a *target.Table) []target.Item {
			return []target.Item{updateA(a, 1, "x"), updateA(a, 2, "x"), updateA(a, 3, "x"), updateA(a, 9, "x")}
		}, "update"},
		{"deletes by array", func(a *target.Table) []target.Item {
			return []target.Item{deleteA(a, 1), deleteA(a, 2), deleteA(a, 9), deleteA(a, 3)}
		}, "delete"},
		{"an update and a delete, folded", func(a *target.Table) []target.Item {
			return []target.Item{updateA(a, 9, "x"), deleteA(a, 9)}
		}, "update"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, c, `create table a (id int primary key, v text); insert into a values (1), (2), (3)`)
			r := p.open(t, binaryMode)
			r.send(tc.items(r.table(ofA))...)
			batch := wantErr[*target.BatchError](t, r.close())
			if count := wantErr[*target.CountError](t, batch); batch.Table.String() != "public.a" || batch.Final == 0 || count.Rows == 0 {
				t.Errorf("error %v", batch)
			}
			if got := p.Query1(t, "select count(*) || ' ' || count(v) from a"); got != "3 0" {
				t.Errorf("rows %s", got)
			}

			r = p.open(t, binaryMode)
			missing := wantErr[*target.MissingError](t, r.Careful(t.Context(), p.segment(tc.items(r.table(ofA))...)))
			if got := fmt.Sprint(missing); got != "transaction 0/10F8: "+tc.op+" public.a (id)=(9): there is no such row" {
				t.Errorf("error %s", got)
			}
			if err := r.close(); !errors.Is(err, missing) {
				t.Errorf("run %v", err)
			}

			r = p.open(t, binaryMode, skipMissing)
			if err := r.Careful(t.Context(), p.segment(tc.items(r.table(ofA))...)); err != nil {
				t.Fatal(err)
			}
			r.mustClose()
			if got := p.Query1(t, "select (missing > 0)::text || ' ' || lsn from bascule.position"); got != "true 0/1100" {
				t.Errorf("position %s", got)
			}
		})
	}
}

// A value of a unique index that goes from row to row fails when it is folded, succeeds
// row by row, and by Send again for a table that is kept in order.
func TestUniqueValuesHandedOn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text unique);
		insert into a select g, g::text from generate_series(1, 10) g`)
	handOn := func(a *target.Table) []target.Item {
		items := []target.Item{updateA(a, 10, "free")}
		for i := 9; i > 0; i-- {
			items = append(items, updateA(a, i, fmt.Sprint(i+1)))
		}
		return items
	}
	r := p.open(t, binaryMode)
	r.send(handOn(r.table(ofA))...)
	batch := wantErr[*target.BatchError](t, r.close())
	var server *pgconn.PgError
	if !errors.As(batch, &server) || server.Code != "23505" || batch.Table == nil || batch.Table.OID() != 1 {
		t.Fatalf("error %v", batch)
	}
	for _, way := range []string{"careful", "kept in order"} {
		r := p.open(t, binaryMode)
		a := r.table(ofA)
		if way == "careful" {
			if err := r.Careful(t.Context(), p.segment(handOn(a)...)); err != nil {
				t.Fatal(err)
			}
		} else {
			for i := range 10 {
				r.send(updateA(a, i+1, fmt.Sprint(i+1)))
			}
			a.KeepOrder()
			r.send(handOn(a)...)
		}
		r.mustClose()
		want := "2 3 4 5 6 7 8 9 10 free"
		if got := p.Query1(t, "select string_agg(v, ' ' order by id) from a"); got != want {
			t.Errorf("%s: %s", way, got)
		}
	}
}

// What a row is refused for is said with its table, key and transaction.
func TestRowError(t *testing.T) {
	t.Parallel()
	rel := relation(1, "a", key("id", int4), key("b\"n", pgtype.UUIDOID), col("v", text))
	for _, bin := range []bool{false, true} {
		p := newPlace(t, pgtest.Server(t, 15), `create table a (id int, "b""n" uuid, v text check (v <> 'bad'), primary key (id, "b""n"));
			create table full_of (id int)`)
		r := p.open(t, func(c *target.Config) { c.Binary = bin })
		a := r.table(rel)
		id := pgtype.UUID{Bytes: [16]byte{0: 0xb0, 15: 0x0b}, Valid: true}
		seg := p.segment(
			target.Item{Kind: 'I', Table: a, New: tuple(rel, bin, 7, id, "good")},
			target.Item{Kind: 'U', Table: a, New: tuple(rel, bin, 7, id, "bad")},
			target.Item{Kind: 'D', OldKind: 'K', Table: a, Old: tuple(rel, bin, 7, id, nil)})
		seg.Marks = append(seg.Marks, target.Mark{From: 1, Final: 0x1234}, target.Mark{From: 2, Final: 0x1300})
		row := wantErr[*target.RowError](t, r.Careful(t.Context(), seg))
		want := `(id, b"n)=(7, b0000000-0000-0000-0000-00000000000b)`
		if row.Key != want || row.Table != "public.a" || row.Op != "update" || row.Final.String() != "0/1234" {
			t.Errorf("%+v", row)
		}
		if got := p.Query1(t, "select (select count(*) from a) || ' ' || lsn from bascule.position"); got != "0 0/1000" {
			t.Errorf("left behind: %s", got)
		}
	}
}

// Nothing commits for who no longer holds the position, with whatever was on its way.
func TestClaimLost(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text)`)
	first := p.open(t, binaryMode)
	a := first.table(ofA)
	first.send(insertA(a, 1, "first"))
	if _, err := first.Flushed(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := p.open(t, binaryMode) // takes the position, where first left it
	b := second.table(ofA)
	for i := range 3 {
		seg := p.segment(insertA(a, 10+i, "lost"))
		if err := first.Send(t.Context(), seg); err != nil {
			break // it may know already
		}
	}
	wantErr[*target.ClaimLostError](t, first.close())
	p.at = begins + 0x100
	second.send(insertA(b, 2, "second"))
	second.mustClose()
	if got := p.Query(t, "select * from a order by id"); got != "1|first\n2|second" {
		t.Errorf("rows %s", got)
	}
}

// Behind the first failure nothing commits, though more was sent.
func TestNothingBehindAFailure(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text); insert into a values (5)`)
	r := p.open(t, binaryMode)
	a := r.table(ofA)
	for i := range 10 {
		if err := r.Send(t.Context(), p.segment(insertA(a, i, "x"))); err != nil {
			break
		}
	}
	wantErr[*target.BatchError](t, r.close())
	commits, err := r.Commits()
	if len(commits) != 5 || err == nil {
		t.Errorf("%d commits, %v", len(commits), err)
	}
	if got := p.Query1(t, "select count(*) || ' ' || max(lsn)::text from a, bascule.position where v = 'x'"); got != "5 0/1500" {
		t.Errorf("left behind: %s", got)
	}
	if _, err := r.Table(t.Context(), ofA, ledger.Member{}); err == nil {
		t.Error("an ended session answers")
	}
}
