package target_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"bascule/executor/ledger"
	"bascule/executor/stream/target"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

func TestShape(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `
		create table a (id int primary key, v text, g int generated always as (id) stored);
		create table "Odd ""name" (id int)`)
	r := p.open(t, binaryMode)
	for _, tc := range []struct {
		name, want string
		rel        target.Relation
		change     func(*ledger.Member)
	}{
		{"as the source", "", relation(1, "a", key("id", int4), col("v", text)), nil},
		{"fewer columns", "", relation(1, "a", key("id", int4)), nil},
		{"a dropped column", "", relation(1, "a", key("id", int4), col("x", int4)), func(m *ledger.Member) { m.Dropped = []string{"x"} }},
		{"an odd name", "", relation(2, `Odd "name`, key("id", int4)), nil},
		{"varchar for text", "", relation(1, "a", key("id", int4), col("v", pgtype.VarcharOID)), nil},
		{"no such table", "public.b: there is no such table on the target", relation(1, "b", key("id", int4)), nil},
		{"no such column", `public.a: it has no column "x", which the source has`, relation(1, "a", key("id", int4), col("x", int4)), nil},
		{"another type", `public.a: column "id" has another type than on the source`, relation(1, "a", key("id", pgtype.Int8OID)), nil},
		{"a generated key", `public.a: the key column "g" is generated`, relation(1, "a", key("g", int4)), nil},
		{"an excluded key", `public.a: the key column "id" is excluded`, relation(1, "a", key("id", int4)), func(m *ledger.Member) { m.Dropped = []string{"id"} }},
	} {
		if tc.change == nil {
			tc.change = func(*ledger.Member) {}
		}
		_, err := r.Table(t.Context(), tc.rel, member(tc.rel, tc.change))
		if tc.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		if shape := wantErr[*target.ShapeError](t, err); shape.Error() != tc.want || shape.Hint() == "" {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// Excluded columns, generated ones, and inserts only.
func TestWhatIsWritten(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `
		create table a (v text, id int primary key, twice int generated always as (id * 2) stored);
		create table log (at int, v text)`)
	r := p.open(t)
	rel := relation(1, "a", key("id", int4), col("secret", text), col("v", text))
	a := r.table(rel, func(m *ledger.Member) { m.Dropped = []string{"secret"} })
	of := relation(2, "log", col("at", int4), col("v", text))
	log := r.table(of, func(m *ledger.Member) { m.Follow = planner.FollowInserts })
	var items []target.Item
	for i := range 10 {
		items = append(items,
			target.Item{Kind: 'I', Table: a, New: tuple(rel, false, i, "hidden", fmt.Sprint(i))},
			target.Item{Kind: 'I', Table: log, New: tuple(of, false, i%2, "same")})
	}
	r.send(items...)
	items = nil
	for i := range 5 {
		items = append(items, target.Item{Kind: 'U', Table: a, New: tuple(rel, false, i, "more", "changed")})
	}
	r.send(append(items, target.Item{Kind: 'U', OldKind: 'K', Table: a, Old: tuple(rel, false, 9, nil, nil), New: tuple(rel, false, 99, toasted{}, toasted{})})...)
	r.mustClose()
	if got := p.Query1(t, "select string_agg(id || v || twice, ' ' order by id) from a"); got != "0changed0 1changed2 2changed4 3changed6 4changed8 5510 6612 7714 8816 999198" {
		t.Errorf("rows %s", got)
	}
	if got := p.Query1(t, "select count(*)::text from log"); got != "10" {
		t.Errorf("log %s", got)
	}
}

// With triggers that fire for us the source's order is kept, across tables.
func TestTriggersSeeTheSourceOrder(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `
		create table a (id int primary key, v text);
		create table b (id int primary key, v text);
		create table seen (n int generated always as identity, what text);
		create function see() returns trigger language plpgsql as $$ begin
			insert into public.seen (what) values (tg_op || tg_table_name || (select count(*) from public.b)); return null; end $$;
		create trigger t after insert or update or delete on a for each row execute function see();
		alter table a enable always trigger t`)
	r := p.open(t, binaryMode)
	of := relation(2, "b", key("id", int4), col("v", text))
	a, b := r.table(ofA), r.table(of)
	into := func(i int) target.Item { return target.Item{Kind: 'I', Table: b, New: tuple(of, true, i, "x")} }
	r.send(insertA(a, 1, "x"), into(1), insertA(a, 2, "x"), updateA(a, 1, "y"), into(2), into(3), deleteA(a, 2), into(4))
	r.mustClose()
	if got := p.Query1(t, "select string_agg(what, ' ' order by n) from seen"); got != "INSERTa0 INSERTa1 UPDATEa1 DELETEa3" {
		t.Errorf("seen %s", got)
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `
		create table a (id int primary key, v text);
		create table child (own int) inherits (a);
		create table b (id int generated always as identity primary key, v text);
		insert into a values (1); insert into child values (2, 'stays'); insert into b (v) values ('x'), ('y')`)
	r := p.open(t, binaryMode)
	of := relation(2, "b", key("id", int4), col("v", text))
	a, b := r.table(ofA), r.table(of)
	seg := p.segment(insertA(a, 7, "gone"), target.Item{Kind: target.Empty}, insertA(a, 8, "new"))
	seg.Truncates = []target.Truncate{{Tables: []*target.Table{a, b}, RestartIdentity: true}}
	if err := r.Send(t.Context(), seg); err != nil {
		t.Fatal(err)
	}
	r.mustClose()
	p.Exec(t, "insert into b (v) values ('again')")
	if got := p.Query1(t, "select (select string_agg(id || v, ' ' order by id) from a) || ' ' || (select string_agg(id || v, ' ') from b)"); got != "2stays 8new 1again" {
		t.Errorf("rows %s", got)
	}
}

// Rows far larger than the buffers, in both modes and all ways to write them.
func TestLargeRows(t *testing.T) {
	t.Parallel()
	for _, bin := range []bool{false, true} {
		p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text)`)
		r := p.open(t, func(c *target.Config) { c.Binary = bin })
		a := r.table(ofA)
		large := strings.Repeat("back\\slash and\ttab ", 100_000)
		var items []target.Item
		for i := range 8 {
			items = append(items, target.Item{Kind: 'I', Table: a, New: tuple(ofA, bin, i, large[i:])})
		}
		r.send(items...)
		items = nil
		for i := range 8 {
			items = append(items, target.Item{Kind: 'U', Table: a, New: tuple(ofA, bin, i, large[i+1:])})
		}
		r.send(items...)
		r.mustClose()
		if got := p.Query1(t, "select string_agg(length(v)::text, ' ' order by id) || count(*) filter (where v like '%slash and\ttab ') from a"); got != "1899999 1899998 1899997 1899996 1899995 1899994 1899993 18999928" {
			t.Errorf("binary %t: %s", bin, got)
		}
	}
}

// A transaction in pieces is one transaction, and none without its end.
func TestPieces(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text)`)
	r := p.open(t, binaryMode)
	a := r.table(ofA)
	first, last := p.segment(insertA(a, 1, "x")), p.segment(updateA(a, 1, "y"))
	first.Last, last.First, last.Flush = false, false, true
	for _, seg := range []*target.Segment{first, last} {
		if err := r.Send(t.Context(), seg); err != nil {
			t.Fatal(err)
		}
	}
	open := p.segment(insertA(a, 2, "x"))
	open.Last = false
	if err := r.Send(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Table(t.Context(), ofA, member(ofA)); err != nil { // inside the transaction
		t.Fatal(err)
	}
	r.mustClose()
	if got := p.Query1(t, "select string_agg(id || v, ' ') || max(lsn)::text from a, bascule.position"); got != "1y0/1200" {
		t.Errorf("rows %s", got)
	}
}

// A commit that is asked to be flushed is.
func TestFlush(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), "")
	r := p.open(t)
	for range 50 {
		seg := p.segment()
		seg.Flush, seg.Transactions = true, 0
		if err := r.Send(t.Context(), seg); err != nil {
			t.Fatal(err)
		}
	}
	r.mustClose()
	commits, _ := r.Commits()
	for _, c := range commits {
		if c.WAL == 0 || c.Flushed == 0 {
			t.Errorf("commit %+v", c)
		}
	}
	if len(commits) != 50 {
		t.Errorf("%d commits", len(commits))
	}
}

// A session whose context ends leaves nothing waiting, on neither side.
func TestCancel(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text)`)
	holder := p.Conn(t)
	if _, err := holder.Exec(t.Context(), "begin; lock table a"); err != nil {
		t.Fatal(err)
	}
	r := p.open(t, binaryMode)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	a := make(chan *target.Table, 1)
	go func() {
		table, err := r.Table(ctx, ofA, member(ofA))
		if err != nil {
			done <- err
			return
		}
		a <- table
		done <- r.Careful(ctx, p.segment(insertA(table, 1, "x")))
	}()
	<-a
	pgtest.Eventually(t, func() error {
		if got := p.Query1(t, "select count(*)::text from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"); got != "1" {
			return fmt.Errorf("%s wait", got)
		}
		return nil
	})
	cancel()
	select {
	case err := <-done:
		wantErr[error](t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("Careful does not return")
	}
	if err := r.close(); err == nil {
		t.Error("run returned nil")
	}
}

// A server that goes away is an error of the connection.
func TestServerGoesAway(t *testing.T) {
	t.Parallel()
	p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text)`)
	r := p.open(t, binaryMode)
	a := r.table(ofA)
	p.Query1(t, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'applying'")
	err := <-r.ended
	r.ended <- err
	if err == nil || !strings.Contains(err.Error(), "57P01") {
		t.Errorf("run %v", err)
	}
	if got := r.Send(t.Context(), p.segment(insertA(a, 1, "x"))); got == nil {
		t.Error("send after the end")
	}
}
