package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"time"

	"github.com/jackc/pgx/v5"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func arr(oid uint32, n int, el func(i int) []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, 1)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, oid)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint32(b, 1)
	for i := 0; i < n; i++ {
		e := el(i)
		b = binary.BigEndian.AppendUint32(b, uint32(len(e)))
		b = append(b, e...)
	}
	return b
}
func i4(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }

func main() {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, "postgres://postgres@127.0.0.1:55991/b?sslmode=disable")
	must(err)
	for _, s := range []string{"enable_hashjoin=off", "enable_mergejoin=off", "enable_seqscan=off", "enable_memoize=off", "enable_bitmapscan=off", "jit=off", "plan_cache_mode=force_generic_plan"} {
		_, err := c.Exec(ctx, "set "+s)
		must(err)
	}
	var rowOID, rowArr uint32
	must(c.QueryRow(ctx, "select t.oid, t.typarray from pg_type t join pg_class c on c.reltype=t.oid where c.relname='acc'").Scan(&rowOID, &rowArr))
	p := c.PgConn()
	_, err = p.Prepare(ctx, "cols", "update only acc t set bid=u.b, abalance=u.c, filler=u.d from unnest($1,$2,$3,$4) u(a,b,c,d) where t.aid=u.a", []uint32{1007, 1007, 1007, 1014})
	must(err)
	_, err = p.Prepare(ctx, "comp", "update only acc t set bid=u.bid, abalance=u.abalance, filler=u.filler from unnest($1) u where t.aid=u.aid", []uint32{rowArr})
	must(err)
	_, err = p.Prepare(ctx, "row", "update only acc t set bid=$2, abalance=$3, filler=$4 where aid=$1", []uint32{23, 23, 23, 1042})
	must(err)
	_, err = p.Prepare(ctx, "sel1", "select count(*) from unnest($1,$2,$3,$4) u(a,b,c,d)", []uint32{1007, 1007, 1007, 1014})
	must(err)
	_, err = p.Prepare(ctx, "sel2", "select count(u.filler) from unnest($1) u", []uint32{rowArr})
	must(err)
	n := 8000
	filler := []byte(fmt.Sprintf("%84s", "abc"))
	modes := []string{"cols", "comp", "sel1", "sel2", "row"}
	if len(os.Args) > 1 {
		modes = os.Args[1:]
	}
	for round := 0; round < 2; round++ {
		for _, sorted := range []bool{false, true} {
			for _, mode := range modes {
				var total time.Duration
				rows := 0
				for it := 0; it < 20; it++ {
					keys := rand.Perm(1000000)[:n]
					if sorted {
						sort.Ints(keys)
					}
					var params [][]byte
					var fm []int16
					switch mode {
					case "cols", "sel1":
						params = [][]byte{arr(23, n, func(i int) []byte { return i4(keys[i] + 1) }), arr(23, n, func(i int) []byte { return i4(1) }), arr(23, n, func(i int) []byte { return i4(it) }), arr(1042, n, func(i int) []byte { return filler })}
						fm = []int16{1, 1, 1, 1}
					case "comp", "sel2":
						params = [][]byte{arr(rowOID, n, func(i int) []byte {
							b := i4(4)
							for _, f := range []struct {
								o uint32
								v []byte
							}{{23, i4(keys[i] + 1)}, {23, i4(1)}, {23, i4(it)}, {1042, filler}} {
								b = binary.BigEndian.AppendUint32(b, f.o)
								b = binary.BigEndian.AppendUint32(b, uint32(len(f.v)))
								b = append(b, f.v...)
							}
							return b
						})}
						fm = []int16{1}
					}
					t0 := time.Now()
					if mode == "row" {
						pl := p.StartPipeline(ctx)
						pl.SendQueryParams("begin", nil, nil, nil, nil)
						for i := 0; i < n; i++ {
							pl.SendQueryPrepared("row", [][]byte{i4(keys[i] + 1), i4(1), i4(it), filler}, []int16{1, 1, 1, 1}, nil)
						}
						pl.SendQueryParams("commit", nil, nil, nil, nil)
						pl.Sync()
						must(pl.Close())
					} else {
						r := p.ExecPrepared(ctx, mode, params, fm, nil).Read()
						must(r.Err)
					}
					total += time.Since(t0)
					rows += n
				}
				fmt.Printf("%s sorted=%v: %.2f us/row\n", mode, sorted, float64(total.Microseconds())/float64(rows))
			}
		}
	}
}
