package target_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"bascule/executor/stream/target"
	"bascule/planner/catalog/pgtest"
)

func bigInt(n int) *big.Int { return big.NewInt(int64(n)) }

// Random changes of all kinds of tables: folded, and one by one, they come to the same
// rows, and to those of the source.
func TestFolding(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		major int
		bin   bool
		seed  uint64
	}{{15, false, 1}, {15, true, 2}, {15, true, 3}, {18, true, 4}} {
		t.Run(fmt.Sprintf("%d binary %t seed %d", tc.major, tc.bin, tc.seed), func(t *testing.T) {
			t.Parallel()
			c := pgtest.Server(t, tc.major)
			folded, single, want := newPlace(t, c, modelSchema), newPlace(t, c, modelSchema), newPlace(t, c, modelSchema)
			list := models(tc.bin)
			changes := makeChanges(rand.New(rand.NewPCG(tc.seed, 0)), list)
			mode := func(c *target.Config) { c.Binary = tc.bin }
			f := folded.open(t, mode)
			deliver(t, f, list, changes, f.Send)
			f.mustClose()
			s := single.open(t, mode)
			deliver(t, s, list, changes, s.Careful)
			s.mustClose()
			write(t, want, list, mode)
			for _, m := range list {
				sql := "select t::text collate \"C\" from " + m.rel.Name + " t order by 1"
				if m.rel.Name == "more" {
					sql = "select (id, v)::text collate \"C\" from more order by 1" // what row of ours a key has had matters
				}
				a, b, w := folded.Query(t, sql), single.Query(t, sql), want.Query(t, sql)
				if a != b || a != w {
					t.Errorf("%s: folded\n%s\none by one\n%s\nsource\n%s", m.rel.Name, a, b, w)
				}
			}
			const own = "select t::text collate \"C\" from more t order by 1"
			if a, b := folded.Query(t, own), single.Query(t, own); a != b {
				t.Errorf("more, with its own column: folded\n%s\none by one\n%s", a, b)
			}
		})
	}
}
