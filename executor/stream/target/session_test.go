package target_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"bascule/executor/stream/target"
	"bascule/planner/catalog/pgtest"
)

const (
	int4 = pgtype.Int4OID
	text = pgtype.TextOID
)

func TestSend(t *testing.T) {
	t.Parallel()
	for _, bin := range []bool{false, true} {
		t.Run(fmt.Sprintf("binary %t", bin), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, pgtest.Server(t, 15), `create table a (id int primary key, v text)`)
			r := p.open(t, func(c *target.Config) { c.Binary = bin })
			rel := relation(1, "a", key("id", int4), col("v", text))
			a := r.table(rel)
			var items []target.Item
			for i := range 20 {
				items = append(items, target.Item{Kind: 'I', Table: a, New: tuple(rel, bin, i, fmt.Sprint("v", i))})
			}
			r.send(items...)
			items = nil
			for i := range 8 {
				items = append(items, target.Item{Kind: 'U', Table: a, New: tuple(rel, bin, i, "n\"\\,{}\t\n\r"+fmt.Sprint(i))})
			}
			for i := 10; i < 20; i++ {
				items = append(items, target.Item{Kind: 'D', OldKind: 'K', Table: a, Old: tuple(rel, bin, i, nil)})
			}
			r.send(items...)
			r.send(target.Item{Kind: 'I', Table: a, New: tuple(rel, bin, 100, nil)},
				target.Item{Kind: 'U', Table: a, New: tuple(rel, bin, 9, `x"\`)})
			r.mustClose()
			commits, err := r.Commits()
			if err != nil || len(commits) != 3 || commits[2].To != p.at || commits[2].WAL == 0 || commits[2].Flushed == 0 {
				t.Errorf("commits %+v, %v", commits, err)
			}
			want := ""
			for i := range 8 {
				want += fmt.Sprintf("%d|n\"\\,{}\t\n\r%d\n", i, i)
			}
			want += "8|v8\n9|x\"\\\n100|"
			if got := p.Query(t, "select * from a order by id"); got != want {
				t.Errorf("rows %s, want %s", got, want)
			}
			if got := p.Query1(t, "select lsn || ' ' || transactions || ' ' || changes from bascule.position"); got != "0/1300 3 40" {
				t.Errorf("position %s", got)
			}
		})
	}
}
