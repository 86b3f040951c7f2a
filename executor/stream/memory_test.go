package stream_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

// One transaction of 300 MB, and rows of 40 MB each: what is held at a time depends on
// neither the one nor the number of the others. Not parallel: the heap is the whole
// process's.
func TestMemoryIsFlat(t *testing.T) {
	for _, tc := range []struct {
		name, sql string
		most      uint64 // MiB
	}{
		{"a large transaction", "insert into a select i, repeat(md5(i::text), 32) from generate_series(1, 300000) i", 100},
		{"large rows", "insert into a select -i, repeat(md5(i::text), 40 << 15) from generate_series(1, 6) i", 100 + 4*40},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := setUp(t, "create table a (id int primary key, v text); alter table a alter v set storage external")
			run := r.run()
			r.source.Exec(t, tc.sql)
			end := lsnOf(t, r.source, "select pg_current_wal_insert_lsn()")
			peak := watchHeap(t, func() {
				await(t, 5*time.Minute, func() error {
					if p := r.position(); p < end {
						return fmt.Errorf("at %s, before %s", p, end)
					}
					return nil
				})
			})
			run.catchUp()
			t.Logf("peak %d MiB in use, heap of %d MiB from the system", peak.inUse>>20, peak.system>>20)
			if peak.system>>20 > tc.most {
				t.Errorf("heap of %d MiB", peak.system>>20)
			}
			if sum := "select md5(string_agg(md5(v), '' order by id)) from a"; r.source.Query1(t, sum) != r.target.Query1(t, sum) {
				t.Error("tables differ")
			}
			if err := run.end(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

type heap struct{ inUse, system uint64 }

// watchHeap returns the most that was in use while work ran.
func watchHeap(t *testing.T, work func()) heap {
	t.Helper()
	runtime.GC()
	ctx, stop := context.WithCancel(t.Context())
	var peak heap
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.inUse = max(peak.inUse, m.HeapInuse)
			peak.system = max(peak.system, m.HeapSys-m.HeapReleased)
		}
	})
	work()
	stop()
	wg.Wait()
	return peak
}
