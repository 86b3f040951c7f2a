package walsender_test

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/executor/stream/pgoutput"
	"bascule/executor/stream/walsender"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What is left when everything that is received is decoded and dropped.
func BenchmarkDecode(b *testing.B) {
	for _, slack := range []bool{true} {
		for _, each := range []int{1} {
			floor(b, slack, each)
		}
	}
}

func floor(b *testing.B, slack bool, each int) {
	rows := 200000
	db := pgtest.Server(b, 15).Database(b, "create table t (a int primary key, b text, c int, d timestamptz default now())")
	db.Exec(b, "create publication p for table t")
	db.Query1(b, "select 1 from pg_create_logical_replication_slot('"+db.Name+"', 'pgoutput')")
	start, _ := catalog.ParseLSN(db.Query1(b, "select confirmed_flush_lsn from pg_replication_slots where slot_name = '"+db.Name+"'"))
	db.Exec(b, "create procedure f(n int, each int) language plpgsql as $$ begin for i in 1..n loop insert into t values (i, 'some text or other', i); if i % each = 0 then commit; end if; end loop; end $$")
	conn := db.Conn(b)
	if _, err := conn.Exec(b.Context(), "call f($1, $2)", rows, each); err != nil {
		b.Fatal(err)
	}
	end, _ := catalog.ParseLSN(db.Query1(b, "select pg_current_wal_insert_lsn()"))
	repl, err := pgconn.Connect(b.Context(), db.URL+"&replication=database")
	if err != nil {
		b.Fatal(err)
	}
	c, err := walsender.Start(b.Context(), repl, walsender.Config{Slot: db.Name, Publications: []string{"p"}, Position: start})
	if err != nil {
		b.Fatal(err)
	}
	c.Slack.Store(slack)
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	began, used := time.Now(), cpu()
	go c.Read(ctx)
	n, blocks := 0, 0
	var block []byte
	for done := false; !done; {
		c.Feed(block)
		for {
			m, ok, err := c.Next()
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			if m.Data == nil {
				done = m.WALEnd >= end-100
				continue
			}
			switch m.Data[0] {
			case 'I':
				var row pgoutput.Row
				if err := pgoutput.ParseRow(m.Data, &row); err != nil {
					b.Fatal(err)
				}
				n++
			case 'C':
				co, err := pgoutput.ParseCommit(m.Data)
				if err != nil {
					b.Fatal(err)
				}
				done = co.End >= end-100 || n == rows
			}
		}
		c.Release(block)
		if !done {
			block = <-c.Blocks()
			blocks++
		}
	}
	took, used := time.Since(began), cpu()-used
	b.Logf("slack %v, %d rows a transaction: %d rows, %.0f rows/s, %.2f us CPU a row, %d rows a block", slack, each, n, float64(n)/took.Seconds(), float64(used.Microseconds())/float64(n), n/blocks)
	fctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := c.Finish(fctx); err != nil {
		b.Error(err)
	}
	if active := db.Query1(b, "select active from pg_replication_slots where slot_name = '"+db.Name+"'"); active != "f" {
		b.Errorf("active %s", active)
	}
}
