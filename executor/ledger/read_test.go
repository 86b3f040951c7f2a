package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
)

// What is written here is what package catalog reads, streams and members included;
// and a ledger of the format before it has neither.
func TestReadByCatalog(t *testing.T) {
	t.Parallel()
	const mirror = "l/mirror.app"
	db, conn := recorded(t, mirror)
	ctx := t.Context()
	must(t, ledger.SetStream(ctx, conn, mirror, planner.Stream{Slot: "s", MaxDelayMillis: 100}, 3))
	must(t, ledger.StartPosition(ctx, conn, mirror, ledger.Main, 0x10))
	must(t, ledger.StartPosition(ctx, conn, mirror, "side", 0x20))
	must(t, ledger.PutMembers(ctx, conn, mirror,
		ledger.Member{Source: 7, Schema: "public", Name: "b", TargetSchema: "x", TargetName: "y", Follow: planner.FollowInserts, State: ledger.Copying},
		ledger.Member{Source: 8, Schema: "public", Name: "a", TargetSchema: "public", TargetName: "a", Follow: planner.FollowAll,
			Key: []string{"id"}, Dropped: []string{"raw"}, State: ledger.Followed, Point: 0x10}))
	p, err := ledger.TakePosition(ctx, conn, mirror, ledger.Main)
	must(t, err)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	_, err = conn.Exec(ctx, ledger.AdvanceSQL, mirror, ledger.Main, p.Epoch, p.LSN.String(), catalog.LSN(0x30).String(),
		at.Format(time.RFC3339), 2, 5, 1)
	must(t, err)
	must(t, ledger.SetHalt(ctx, conn, mirror, &ledger.Halt{Code: "23505", Table: "public.a", Text: "no", Remedy: "look"}))

	l, err := catalog.ReadLedger(ctx, conn)
	must(t, err)
	m := l.Mirrors[0]
	var settings planner.Stream
	must(t, json.Unmarshal([]byte(m.Stream.Settings), &settings))
	if settings.Slot != "s" || m.Stream.Generation != 2 || m.Stream.Timeline != 3 {
		t.Errorf("stream %+v, settings %+v", m.Stream, settings)
	}
	if h := m.Stream.Halt; h == nil || *h != (catalog.LedgerHalt{Code: "23505", Table: "public.a", Text: "no", Remedy: "look"}) {
		t.Errorf("halt %+v", h)
	}
	if g := m.Position; g.LSN != 0x30 || g.Epoch != 2 || !g.Committed.Equal(at) || g.Transactions != 2 || g.Changes != 5 || g.Missing != 1 || g.Updated.IsZero() {
		t.Errorf("position %+v", g)
	}
	if len(m.Beside) != 1 || m.Beside[0].Name != "side" || m.Beside[0].LSN != 0x20 || !m.Beside[0].Committed.IsZero() {
		t.Errorf("beside %+v", m.Beside)
	}
	if len(m.Members) != 2 || m.Members[0].Name != "a" || m.Members[0].Point != 0x10 || m.Members[0].Key[0] != "id" ||
		m.Members[1].State != catalog.MemberCopying || m.Members[1].Point != 0 || m.Members[1].TargetName != "y" {
		t.Errorf("members %+v", m.Members)
	}

	db.Exec(t, `drop table bascule.stream, bascule.position, bascule.member; update bascule.ledger set format = 1`)
	if l, err = catalog.ReadLedger(ctx, conn); err != nil || l.Format != 1 || len(l.Mirrors) != 1 || l.Mirrors[0].Stream != nil {
		t.Errorf("format 1: %+v, %v", l, err)
	}
}
