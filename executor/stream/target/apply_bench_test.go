package target_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"bascule/executor/stream/target"
	"bascule/planner/catalog/pgtest"
)

// How fast a server takes what is sent, and what that costs it: rows of a table with
// three indexes, updates by random key, and pgbench's transactions.
func BenchmarkApply(b *testing.B) {
	c := pgtest.Own(b, 15, pgtest.WithSettings(map[string]string{"shared_buffers": "768MB", "max_wal_size": "8GB", "autovacuum": "off"}))
	for _, bc := range []struct {
		name, schema string
		fill         func(l *load, n int) []target.Item
	}{
		{"insert", insertSchema, (*load).inserts},
		{"update", updateSchema, (*load).updates},
		{"tpcb", tpcbSchema, (*load).transactions},
	} {
		for _, bin := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/binary=%t", bc.name, bin), func(b *testing.B) {
				p := newPlace(b, c, bc.schema)
				p.Exec(b, "vacuum analyze")
				p.Exec(b, "checkpoint")
				r := p.open(b, func(c *target.Config) { c.Binary = bin })
				pid := p.Query1(b, "select pid::text from pg_stat_activity where datname = current_database() and application_name = 'applying'")
				l := newLoad(r, bin)
				var list [][]target.Item
				for n := 0; n < b.N; n += 20_000 {
					list = append(list, bc.fill(l, min(20_000, b.N-n)))
				}
				b.ResetTimer()
				before := serverCPU(pid)
				for _, items := range list {
					r.send(items...)
				}
				if _, err := r.Flushed(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
				b.ReportMetric(float64((serverCPU(pid)-before).Nanoseconds())/float64(b.N), "server-cpu-ns/op")
				b.StopTimer()
				r.mustClose()
			})
		}
	}
}

// load makes changes of the tables that a database has.
type load struct {
	bin       bool
	r         *rand.Rand
	next      int
	relations map[string]target.Relation
	tables    map[string]*target.Table
}

func newLoad(r *running, bin bool) *load {
	l := &load{bin: bin, r: rand.New(rand.NewPCG(1, 2)), relations: make(map[string]target.Relation), tables: make(map[string]*target.Table)}
	for i, rel := range []target.Relation{
		relation(0, "wide", key("id", pgtype.Int8OID), col("a", int4), col("b", text), col("c", pgtype.TimestamptzOID)),
		relation(0, "accounts", key("aid", int4), col("bid", int4), col("abalance", int4), col("filler", pgtype.BPCharOID)),
		relation(0, "tellers", key("tid", int4), col("bid", int4), col("tbalance", int4), col("filler", pgtype.BPCharOID)),
		relation(0, "branches", key("bid", int4), col("bbalance", int4), col("filler", pgtype.BPCharOID)),
		relation(0, "history", col("tid", int4), col("bid", int4), col("aid", int4), col("delta", int4), col("mtime", pgtype.TimestampOID), col("filler", pgtype.BPCharOID)),
	} {
		if r.place.Query1(r.t, "select to_regclass('"+rel.Name+"')::text") != "" {
			rel.OID = uint32(i + 1)
			l.relations[rel.Name], l.tables[rel.Name] = rel, r.table(rel)
		}
	}
	return l
}

func (l *load) item(kind byte, table string, values ...any) target.Item {
	return target.Item{Kind: kind, Table: l.tables[table], New: tuple(l.relations[table], l.bin, values...)}
}

func (l *load) inserts(n int) []target.Item {
	var items []target.Item
	for range n {
		l.next++
		items = append(items, l.item('I', "wide", l.next, l.r.IntN(1_000_000), "some text "+strconv.Itoa(l.next), time.Unix(int64(1_700_000_000+l.next), 0)))
	}
	return items
}

func (l *load) updates(n int) []target.Item {
	var items []target.Item
	for range n {
		items = append(items, l.account())
	}
	return items
}

func (l *load) account() target.Item {
	return l.item('U', "accounts", 1+l.r.IntN(1_000_000), 1, l.r.IntN(10_000), filler)
}

func (l *load) transactions(n int) []target.Item {
	var items []target.Item
	for len(items) < n {
		items = append(items, l.account(),
			l.item('U', "tellers", 1+l.r.IntN(100), 1, l.r.IntN(10_000), filler),
			l.item('U', "branches", 1+l.r.IntN(10), l.r.IntN(10_000), filler),
			l.item('I', "history", 1, 1, 1, 1, time.Unix(1_700_000_000, 0), filler[:22]))
	}
	return items
}

var filler = strings.Repeat(" ", 84)

// serverCPU is what a process of the server has used, from /proc.
func serverCPU(pid string) time.Duration {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

const insertSchema = `
	create table wide (id bigint primary key, a int, b text, c timestamptz);
	create index on wide (a);
	create index on wide (c);`

const updateSchema = `
	create table accounts (aid int primary key, bid int, abalance int, filler char(84)) with (fillfactor = 100);
	insert into accounts select g, 1, 0, '' from generate_series(1, 1000000) g;`

const tpcbSchema = updateSchema + `
	create table tellers (tid int primary key, bid int, tbalance int, filler char(84));
	insert into tellers select g, 1, 0, '' from generate_series(1, 100) g;
	create table branches (bid int primary key, bbalance int, filler char(88));
	insert into branches select g, 0, '' from generate_series(1, 10) g;
	create table history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));`
