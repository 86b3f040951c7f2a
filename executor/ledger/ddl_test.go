package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// recorded is a database whose ledger has a mirror, and a session in it.
func recorded(t *testing.T, mirror string) (*pgtest.DB, *pgx.Conn) {
	t.Helper()
	db := pgtest.Server(t, 15).Database(t, "")
	conn := db.Conn(t)
	must(t, ledger.Ensure(t.Context(), conn))
	_, err := ledger.Begin(t.Context(), conn, ledger.Mirror{ID: mirror, Address: "mirror.app", Lineage: "l"})
	must(t, err)
	return db, conn
}

// The life of a command's record: whoever comes first gives the nonce, what is applied
// is not applied again, and the reader of catalogues sees what was written.
func TestDDL(t *testing.T) {
	t.Parallel()
	const mirror = "l/mirror.app"
	_, conn := recorded(t, mirror)
	ctx := t.Context()
	must(t, ledger.SetStream(ctx, conn, mirror, planner.Stream{Slot: "s"}, 1))
	id := planner.DDLID("ddl.a", planner.Checksum("drop table a"))
	put := func(nonce string, timeout time.Duration) *ledger.DDL {
		t.Helper()
		d, err := ledger.PutDDL(ctx, conn, mirror, ledger.DDL{ID: id, Nonce: strings.Repeat(nonce, 32), Address: "ddl.a",
			Checksum: planner.Checksum("drop table a"), Command: "drop table a", LockTimeout: timeout})
		must(t, err)
		return d
	}
	if d := put("1", time.Second); d.Nonce != strings.Repeat("1", 32) || d.XID != "" || !d.Applied.IsZero() || d.LSN != 0 || len(d.Members) != 0 {
		t.Errorf("put: %+v", d)
	}
	if d := put("2", 3*time.Second); d.Nonce != strings.Repeat("1", 32) || d.LockTimeout != 3*time.Second {
		t.Errorf("put again: %+v", d)
	}
	members := []ledger.Member{{Source: 7, Schema: "public", Name: "a", TargetSchema: "public", TargetName: "a", Follow: planner.FollowAll,
		Key: []string{"id"}, State: ledger.Followed, Point: 0x10, Columns: []ledger.Column{{Name: "id", Number: 1, Type: 23, Modifier: -1, Target: "integer", Same: true}}}}
	must(t, ledger.StartDDL(ctx, conn, mirror, id, "815", members))
	d, err := ledger.FindDDL(ctx, conn, mirror, id)
	must(t, err)
	if d.XID != "815" || len(d.Members) != 1 || d.Members[0].Point != 0x10 || d.Members[0].Columns[0].Target != "integer" {
		t.Errorf("started: %+v", d)
	}
	apply := func() error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return ledger.ApplyDDL(ctx, tx, mirror, d, 0x20) })
	}
	must(t, apply())
	if err := apply(); err == nil {
		t.Error("it was applied twice")
	}
	if d, err = ledger.FindDDL(ctx, conn, mirror, id); err != nil || d.LSN != 0x20 || d.Applied.IsZero() {
		t.Errorf("applied: %+v, %v", d, err)
	}
	list, err := ledger.Members(ctx, conn, mirror)
	must(t, err)
	if len(list) != 1 || len(list[0].Columns) != 1 {
		t.Errorf("members %+v", list)
	}
	list[0].Columns = nil
	must(t, ledger.PutMembers(ctx, conn, mirror, list[0]))
	if list, err = ledger.Members(ctx, conn, mirror); err != nil || len(list[0].Columns) != 1 {
		t.Errorf("columns are forgotten: %+v, %v", list, err)
	}
	l, err := catalog.ReadLedger(ctx, conn)
	must(t, err)
	if got := l.Mirrors[0].DDL; len(got) != 1 || got[0].ID != id || got[0].Address != "ddl.a" || got[0].LSN != 0x20 || got[0].Applied.IsZero() {
		t.Errorf("read: %+v", got)
	}
	must(t, ledger.ForgetDDL(ctx, conn, mirror, id))
	if d, err = ledger.FindDDL(ctx, conn, mirror, id); err != nil || d != nil {
		t.Errorf("forgotten: %+v, %v", d, err)
	}
	if err := ledger.StartDDL(ctx, conn, mirror, id, "816", nil); err == nil {
		t.Error("a command was started that is not recorded")
	}
}

// What was begun and is not applied comes in the order in which it was recorded, whatever
// the ids are.
func TestBegunDDL(t *testing.T) {
	t.Parallel()
	const mirror = "l/mirror.app"
	_, conn := recorded(t, mirror)
	ctx := t.Context()
	must(t, ledger.SetStream(ctx, conn, mirror, planner.Stream{Slot: "s"}, 1))
	put := func(digit string, begun bool) *ledger.DDL {
		t.Helper()
		d, err := ledger.PutDDL(ctx, conn, mirror, ledger.DDL{ID: strings.Repeat(digit, 16), Nonce: strings.Repeat("0", 32), Address: "ddl." + digit, Command: "drop table a"})
		must(t, err)
		if begun {
			must(t, ledger.StartDDL(ctx, conn, mirror, d.ID, "815", nil))
		}
		return d
	}
	put("f", true)
	put("e", false)
	put("a", true)
	applied := put("b", true)
	must(t, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return ledger.ApplyDDL(ctx, tx, mirror, applied, 0x20) }))
	list, err := ledger.BegunDDL(ctx, conn, mirror)
	must(t, err)
	var got []string
	for _, d := range list {
		got = append(got, d.Address)
	}
	if strings.Join(got, " ") != "ddl.f ddl.a" {
		t.Errorf("begun: %v", got)
	}
}

// What a message says, and what is none.
func TestParseMessage(t *testing.T) {
	t.Parallel()
	d := ledger.DDL{ID: strings.Repeat("a", 16), Nonce: strings.Repeat("0", 32)}
	if id, nonce, ok := ledger.ParseMessage([]byte(d.Message())); !ok || id != d.ID || nonce != d.Nonce {
		t.Errorf("%s %s %t", id, nonce, ok)
	}
	for _, text := range []string{"", " ", d.ID, d.Message() + " ", d.Message()[1:], strings.ToUpper(d.Message()), strings.Replace(d.Message(), " ", "0", 1), strings.Repeat(" ", 49)} {
		if _, _, ok := ledger.ParseMessage([]byte(text)); ok {
			t.Errorf("%q", text)
		}
	}
}

// A ledger of the format before is brought to this one, with all that is in it.
func TestFormatTwo(t *testing.T) {
	t.Parallel()
	const mirror = "l/mirror.app"
	db, conn := recorded(t, mirror)
	ctx := t.Context()
	must(t, ledger.PutMembers(ctx, conn, mirror, ledger.Member{Source: 7, Schema: "public", Name: "a", TargetSchema: "public", TargetName: "a", State: ledger.Followed}))
	db.Exec(t, "drop table bascule.ddl; alter table bascule.member drop column columns; update bascule.ledger set format = 2")
	if l, err := catalog.ReadLedger(ctx, conn); err != nil || l.Format != 2 || len(l.Mirrors[0].Members) != 1 {
		t.Fatalf("%+v, %v", l, err)
	}
	must(t, ledger.Ensure(ctx, conn))
	must(t, ledger.Ensure(ctx, conn))
	if list, err := ledger.Members(ctx, conn, mirror); err != nil || len(list) != 1 || list[0].Columns != nil {
		t.Errorf("%+v, %v", list, err)
	}
	if d, err := ledger.FindDDL(ctx, conn, mirror, "x"); err != nil || d != nil {
		t.Errorf("%+v, %v", d, err)
	}
}
