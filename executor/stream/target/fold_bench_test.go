package target

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
	"time"

	"bascule/executor/ledger"
	"bascule/planner"
)

// What a change costs this process: folding and encoding, without a server. The
// tables are pgbench's.
func BenchmarkChange(b *testing.B) {
	for _, tc := range []struct {
		name string
		make func(tables []*Table, r *rand.Rand) []Item
	}{
		{"insert", func(t []*Table, r *rand.Rand) []Item { return []Item{insertAccount(t[0], r.IntN(1<<30))} }},
		{"append", func(t []*Table, r *rand.Rand) []Item { return []Item{history(t[3], r)} }},
		{"update", func(t []*Table, r *rand.Rand) []Item { return []Item{updateAccount(t[0], r.IntN(1_000_000))} }},
		{"tpcb", tpcb},
	} {
		b.Run(tc.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			s := discarding()
			tables := pgbench(b)
			segments := make([]Segment, 4)
			for i := range segments {
				segments[i] = Segment{First: true, Last: true}
				for len(segments[i].Items) < 20_000 {
					segments[i].Items = append(segments[i].Items, tc.make(tables, r)...)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu()
			for n, i := 0, 0; n < b.N; i++ {
				seg := &segments[i%len(segments)]
				if err := s.Send(b.Context(), seg); err != nil {
					b.Fatal(err)
				}
				n += len(seg.Items)
				s.expected.list = s.expected.list[:0]
			}
			b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op") // the machine may be busy
		})
	}
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// nowhere is a connection that takes everything.
type nowhere struct{ net.Conn }

func (nowhere) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (nowhere) SetDeadline(time.Time) error { return nil }

func discarding() *Session {
	s := newSession(Config{Mirror: "m", Binary: true})
	s.wire = newWire(nowhere{}, s.publish)
	return s
}

func pgbench(b *testing.B) []*Table {
	var tables []*Table
	for i, columns := range [][]Column{
		{{Name: "aid", Type: 23, Key: true}, {Name: "bid", Type: 23}, {Name: "abalance", Type: 23}, {Name: "filler", Type: 1042}},
		{{Name: "tid", Type: 23, Key: true}, {Name: "bid", Type: 23}, {Name: "tbalance", Type: 23}, {Name: "filler", Type: 1042}},
		{{Name: "bid", Type: 23, Key: true}, {Name: "bbalance", Type: 23}, {Name: "filler", Type: 1042}},
		{{Name: "tid", Type: 23}, {Name: "bid", Type: 23}, {Name: "aid", Type: 23}, {Name: "delta", Type: 23}, {Name: "mtime", Type: 1114}, {Name: "filler", Type: 1042}},
	} {
		sh := shape{OID: uint32(20000 + i), Array: 20100, Row: 20101}
		for _, c := range columns {
			sh.Columns = append(sh.Columns, attribute{Name: c.Name, Type: c.Type, Array: 1007, Base: c.Type, Receives: true})
		}
		m := ledger.Member{TargetSchema: "public", TargetName: "t", Follow: planner.FollowAll}
		if i == 3 {
			m.Follow = planner.FollowInserts
		}
		t, err := newTable(Relation{OID: uint32(i), Columns: columns}, m, sh, true)
		if err != nil {
			b.Fatal(err)
		}
		tables = append(tables, t)
	}
	return tables
}

func tpcb(t []*Table, r *rand.Rand) []Item {
	filler := make([]byte, 84)
	return []Item{
		updateAccount(t[0], r.IntN(1_000_000)),
		{Kind: Update, Table: t[1], New: encoded(int4(r.IntN(100)), int4(1), int4(r.IntN(1000)), filler)},
		{Kind: Update, Table: t[2], New: encoded(int4(r.IntN(10)), int4(r.IntN(1000)), filler)},
		history(t[3], r),
	}
}

func updateAccount(t *Table, id int) Item {
	return Item{Kind: Update, Table: t, New: encoded(int4(id), int4(1), int4(id), make([]byte, 84))}
}

func insertAccount(t *Table, id int) Item {
	return Item{Kind: Insert, Table: t, New: encoded(int4(id), int4(1), int4(id), make([]byte, 84))}
}

func history(t *Table, r *rand.Rand) Item {
	return Item{Kind: Insert, Table: t, New: encoded(int4(r.IntN(100)), int4(1), int4(r.IntN(1000)), int4(5), make([]byte, 8), make([]byte, 22))}
}

func int4(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func encoded(values ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for _, v := range values {
		b = append(b, asBinary)
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}
