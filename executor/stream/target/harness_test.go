package target_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"bascule/executor/ledger"
	"bascule/executor/stream/target"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// place is a target with a ledger that has one position.
type place struct {
	*pgtest.DB
	mirror string
	at     catalog.LSN // where the test's next transaction begins
}

const begins = catalog.LSN(0x1000)

func newPlace(t testing.TB, c *pgtest.Cluster, schema string) *place {
	t.Helper()
	p := &place{DB: c.Database(t, schema), mirror: "00000000/mirror.test", at: begins}
	conn, ctx := p.Conn(t), t.Context()
	if err := ledger.Ensure(ctx, conn); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Begin(ctx, conn, ledger.Mirror{ID: p.mirror, Address: "mirror.test", Lineage: "00000000", Digest: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := ledger.StartPosition(ctx, conn, p.mirror, ledger.Main, begins); err != nil {
		t.Fatal(err)
	}
	return p
}

// running is a session with its Run.
type running struct {
	*target.Session
	t     testing.TB
	place *place
	ended chan error
}

func (p *place) open(t testing.TB, change ...func(*target.Config)) *running {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, p.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "set session_replication_role = replica; set synchronous_commit = off; set search_path = ''; set application_name = 'applying'"); err != nil {
		t.Fatal(err)
	}
	at, err := ledger.TakePosition(ctx, conn, p.mirror, ledger.Main)
	if err != nil {
		t.Fatal(err)
	}
	p.at = at.LSN
	cfg := target.Config{Mirror: p.mirror, Name: ledger.Main, Position: *at}
	for _, c := range change {
		c(&cfg)
	}
	s, err := target.Open(ctx, conn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Session: s, t: t, place: p, ended: make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx) }()
	t.Cleanup(func() { r.close() })
	return r
}

func binaryMode(c *target.Config)  { c.Binary = true }
func skipMissing(c *target.Config) { c.SkipMissing = true }

// close waits until everything is answered.
func (r *running) close() error {
	r.Close()
	err := <-r.ended
	r.ended <- err
	return err
}

func (r *running) table(rel target.Relation, change ...func(*ledger.Member)) *target.Table {
	r.t.Helper()
	table, err := r.Table(r.t.Context(), rel, member(rel, change...))
	if err != nil {
		r.t.Fatal(err)
	}
	return table
}

func member(rel target.Relation, change ...func(*ledger.Member)) ledger.Member {
	m := ledger.Member{Source: rel.OID, Schema: rel.Schema, Name: rel.Name, TargetSchema: rel.Schema, TargetName: rel.Name,
		Follow: planner.FollowAll, State: ledger.Followed}
	for _, c := range rel.Columns {
		if c.Key {
			m.Key = append(m.Key, c.Name)
		}
	}
	for _, c := range change {
		c(&m)
	}
	return m
}

// segment is one whole transaction of the target.
func (p *place) segment(items ...target.Item) *target.Segment {
	p.at += 0x100
	return &target.Segment{First: true, Last: true, Items: items, Marks: []target.Mark{{From: 0, Final: p.at - 8}},
		To: p.at, Committed: time.Unix(1700000000, 0), Transactions: 1, Changes: int64(len(items))}
}

func (r *running) send(items ...target.Item) {
	r.t.Helper()
	if err := r.Send(r.t.Context(), r.place.segment(items...)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) mustClose() {
	r.t.Helper()
	if err := r.close(); err != nil {
		r.t.Fatal(err)
	}
}

// relation of columns "name type"; a name that ends in * is of the key.
func relation(oid uint32, name string, columns ...target.Column) target.Relation {
	return target.Relation{OID: oid, Schema: "public", Name: name, Columns: columns}
}

func key(name string, typ uint32) target.Column {
	return target.Column{Name: name, Type: typ, TypMod: -1, Key: true}
}

func col(name string, typ uint32) target.Column {
	return target.Column{Name: name, Type: typ, TypMod: -1}
}

// toasted stands for a value that the source did not send.
type toasted struct{}

var types = pgtype.NewMap()

// tuple encodes values as pgoutput does.
func tuple(rel target.Relation, bin bool, values ...any) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for i, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
			continue
		case toasted:
			b = append(b, 'u')
			continue
		case raw:
			b = append(b, 't')
			b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
			b = append(b, v...)
			continue
		}
		format, kind := int16(pgtype.TextFormatCode), byte('t')
		if bin {
			format, kind = pgtype.BinaryFormatCode, 'b'
		}
		text, err := types.Encode(rel.Columns[i].Type, format, v, nil)
		if err != nil {
			panic(err)
		}
		b = append(b, kind)
		b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	return b
}

// raw is a value in text, whatever the mode.
type raw string

// wantErr is the error that the session ends with, or that err is.
func wantErr[E error](t *testing.T, err error) E {
	t.Helper()
	var want E
	if !errors.As(err, &want) {
		t.Fatalf("error %T %v, want %T", err, err, want)
	}
	return want
}
