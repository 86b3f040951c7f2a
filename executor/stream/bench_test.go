package stream_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/walsender"
	"bascule/planner/catalog"
)

// A backlog is drained twice: by a reader that decodes and drops it, and by the whole.
func BenchmarkDrain(b *testing.B) {
	const insert = "insert into t select i, 'some text or other', i, '2026-01-01'::timestamptz + i * interval '1 s' from generate_series(1, 200000) i"
	for _, load := range []struct {
		name, before, sql string
		rows              int
	}{
		{"inserts in one transaction", "", insert, 200000},
		{"inserts one by one", "", "do $$ begin for i in 1..50000 loop insert into t values (i, 'some text or other', i, now()); commit; end loop; end $$", 50000},
		{"updates by a hundred", insert, "do $$ begin for i in 1..100000 loop update t set c = c + 1 where a = 1 + (i::bigint * 7919) % 200000; if i % 100 = 0 then commit; end if; end loop; end $$", 100000},
	} {
		b.Run(load.name, func(b *testing.B) {
			r := setUp(b, "create table t (a int primary key, b text, c int, d timestamptz); create table other (a int)")
			for range b.N {
				b.StopTimer()
				for _, db := range []interface{ Exec(testing.TB, string) }{r.source, r.target} {
					db.Exec(b, "truncate t")
					if load.before != "" {
						db.Exec(b, load.before)
					}
				}
				r.restart()
				r.source.Exec(b, load.sql)
				end := lsnOf(b, r.source, "select pg_current_wal_insert_lsn()")
				b.StartTimer()
				r.measure(b, "decode", load.rows, func() { r.discard(b, load.rows) })
				r.measure(b, "whole", load.rows, func() {
					run := r.run()
					if err := run.CatchUp(b.Context(), end); err != nil {
						b.Fatal(err)
					}
					if err := run.end(); err != nil {
						b.Fatal(err)
					}
				})
			}
			r.t = b
			r.equal()
		})
	}
}

// restart has the slot and the position begin now.
func (r *rig) restart() {
	r.t.Helper()
	r.source.Exec(r.t, "select pg_drop_replication_slot('"+r.slot+"')")
	r.startAt(r.source.Query1(r.t, "select lsn from pg_create_logical_replication_slot('"+r.slot+"', 'pgoutput')"))
}

func (r *rig) measure(b *testing.B, name string, rows int, work func()) {
	began, used := time.Now(), processor()
	work()
	b.ReportMetric(float64(rows)/time.Since(began).Seconds(), name+"-rows/s")
	b.ReportMetric(float64((processor()-used).Nanoseconds())/1000/float64(rows), name+"-cpu-us/row")
}

// processor is the time that this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// discard reads until it has seen so many rows, and acknowledges nothing.
func (r *rig) discard(b *testing.B, rows int) {
	repl, err := r.replication(b.Context())
	r.must(err)
	start, err := catalog.ParseLSN(r.target.Query1(b, "select lsn from bascule.position"))
	r.must(err)
	c, err := walsender.Start(b.Context(), repl, walsender.Config{Slot: r.slot, Position: start, Publications: []string{"all_changes"}})
	r.must(err)
	c.Slack.Store(true)
	go c.Read(b.Context())
	var block []byte
	for n := 0; n < rows; {
		c.Feed(block)
		for {
			m, ok, err := c.Next()
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			var row pgoutput.Row
			if m.Data != nil && (m.Data[0] == pgoutput.TypeInsert || m.Data[0] == pgoutput.TypeUpdate) {
				if err := pgoutput.ParseRow(m.Data, &row); err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
		c.Release(block)
		block = nil
		if n < rows {
			block = <-c.Blocks()
		}
	}
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Second)
	defer cancel()
	r.must(c.Finish(ctx))
}
