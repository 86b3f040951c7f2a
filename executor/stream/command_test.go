package stream_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
)

// declare records a command on the target, as a plan has it.
func (r *rig) declare(name, command string) *ledger.DDL {
	r.t.Helper()
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	address, sum := "ddl."+name, planner.Checksum(command)
	conn := r.target.Conn(r.t)
	defer conn.Close(r.t.Context())
	d, err := ledger.PutDDL(r.t.Context(), conn, r.mirror, ledger.DDL{
		ID: planner.DDLID(address, sum), Nonce: hex.EncodeToString(nonce), Address: address, Checksum: sum, Command: command,
		LockTimeout: 200 * time.Millisecond,
	})
	r.must(err)
	return d
}

// runs has a command run on the source, with its message, in one transaction.
func (r *rig) runs(d *ledger.DDL, members ...ledger.Member) {
	r.t.Helper()
	ctx, conn, ledgers := r.t.Context(), r.source.Conn(r.t), r.target.Conn(r.t)
	defer conn.Close(ctx)
	defer ledgers.Close(ctx)
	tx, err := conn.Begin(ctx)
	r.must(err)
	_, err = conn.PgConn().Exec(ctx, d.Command).ReadAll()
	r.must(err)
	var xid string
	r.must(tx.QueryRow(ctx, "select pg_current_xact_id()::text").Scan(&xid))
	r.must(ledger.StartDDL(ctx, ledgers, r.mirror, d.ID, xid, members))
	_, err = tx.Exec(ctx, "select pg_logical_emit_message(true, $1, $2)", ledger.MessagePrefix, d.Message())
	r.must(err)
	r.must(tx.Commit(ctx))
}

func (r *rig) recorded(d *ledger.DDL) *ledger.DDL {
	r.t.Helper()
	found, err := ledger.FindDDL(r.t.Context(), r.target.Conn(r.t), r.mirror, d.ID)
	r.must(err)
	return found
}

// Commands run on the target where they ran on the source, among the rows of two
// writers: what was written before has the old shape, and what comes after the new one.
func TestCommandsAmongRows(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		major  int
		binary bool
	}{{15, false}, {15, true}, {18, true}} {
		t.Run(fmt.Sprintf("%d binary %v", at.major, at.binary), func(t *testing.T) {
			t.Parallel()
			r := between(t, pgtest.Server(t, 15), pgtest.Server(t, at.major), `
				create table public.a (writer int, n int, v int default 0, w text default 'w', primary key (writer, n))`)
			r.binary = at.binary
			run := r.run()
			ctx, stop := context.WithCancel(t.Context())
			var writers sync.WaitGroup
			for w := range 2 {
				writers.Go(func() { writeRows(ctx, t, r, w) })
			}
			more := func() {
				n, _ := strconv.Atoi(r.source.Query1(t, "select count(*) from a"))
				pgtest.Eventually(t, func() error {
					if now, _ := strconv.Atoi(r.source.Query1(t, "select count(*) from a")); now < n+50 {
						return fmt.Errorf("%d rows, then %d", n, now)
					}
					return nil
				})
			}
			for i, command := range []string{
				"alter table public.a add column x int not null default 7",
				"alter table public.a alter column v type bigint; alter table public.a rename column w to y",
				"alter table public.a drop column x",
				"alter table public.a add column z timestamptz default '2020-01-01', add column u text; create index on public.a (u); comment on table public.a is 'it''s a'",
				"alter table public.a alter column u set default 'u', alter column y set not null",
			} {
				more()
				r.runs(r.declare(fmt.Sprintf("c%d", i), command))
			}
			more()
			stop()
			writers.Wait()
			run.catchUp()
			r.equal()
			if n := r.events.count("command applied"); n != 5 {
				t.Errorf("%d commands\n%s", n, r.events)
			}
			if got := r.target.Query1(t, "select count(*) from bascule.ddl where applied is not null and lsn is not null"); got != "5" {
				t.Errorf("%s are recorded", got)
			}
			if got := r.target.Query1(t, "select count(*) > 0 and count(*) filter (where u is null) > 0 and count(*) filter (where u = 'u') > 0 from a"); got != "t" {
				t.Error("no rows of before or after")
			}
		})
	}
}

func writeRows(ctx context.Context, t *testing.T, r *rig, w int) {
	conn := r.source.Conn(t)
	for n := 0; ctx.Err() == nil; n++ {
		sql := fmt.Sprintf("insert into a (writer, n) values (%d, %d); update a set v = v + 1 where writer = %[1]d and n > %[2]d - 5", w, n)
		if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), sql).ReadAll(); err != nil {
			t.Error(err)
			return
		}
	}
}

// What a command makes of the members holds from its commit on: a new table's rows are
// followed, a renamed one's still, and a dropped one's are no more.
func TestCommandChangesMembers(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key); create table public.b (id int primary key)")
	run := r.run()
	a, b := r.members[0], r.members[1]
	r.source.Exec(t, "insert into a values (1); insert into b values (1)")
	d := r.declare("many", "create table public.c (id int primary key, v text); alter table public.a rename to a2; drop table public.b")
	ctx, conn := t.Context(), r.source.Conn(t)
	tx, err := conn.Begin(ctx)
	r.must(err)
	var oid uint32
	var xid, point string
	_, err = conn.PgConn().Exec(ctx, d.Command+"; alter publication all_changes add table only public.c").ReadAll()
	r.must(err)
	r.must(tx.QueryRow(ctx, "select 'c'::regclass::oid, pg_current_xact_id()::text, pg_current_wal_insert_lsn()::text").Scan(&oid, &xid, &point))
	c := ledger.Member{Source: oid, Schema: "public", Name: "c", TargetSchema: "public", TargetName: "c", Follow: planner.FollowAll, Key: []string{"id"}, State: ledger.Followed}
	a.Name, a.TargetName, b.State = "a2", "a2", ledger.Removed
	r.must(c.Point.Scan(point))
	r.must(ledger.StartDDL(ctx, r.target.Conn(t), r.mirror, d.ID, xid, []ledger.Member{a, b, c}))
	_, err = tx.Exec(ctx, "select pg_logical_emit_message(true, $1, $2)", ledger.MessagePrefix, d.Message())
	r.must(err)
	r.must(tx.Commit(ctx))
	r.source.Exec(t, "insert into a2 values (2); insert into c values (1, 'c'); update c set v = 'd'")
	run.catchUp()
	r.members = []ledger.Member{a, c}
	r.equal()
	if got := r.target.Query1(t, "select to_regclass('public.b') is null"); got != "t" {
		t.Error("b is still there")
	}
	if done := r.recorded(d); done.Applied.IsZero() || done.LSN == 0 || len(done.Members) != 3 || done.XID != xid {
		t.Errorf("%+v", done)
	}
}

// Any role can send messages with our prefix. None of them does anything, none stops
// the stream, and of many no more is told than of one.
func TestForgedMessages(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key)")
	notes := new(notes)
	cfg := r.config()
	cfg.Sink = notes
	run := r.runWith(cfg)
	done := r.declare("done", "alter table public.a add column v int")
	r.runs(done)
	run.catchUp()
	waits := r.declare("waits", "drop table public.a")

	role, _ := r.source.Role(t, "")
	emit := func(times int, content string) string {
		return fmt.Sprintf("set role %s; select pg_logical_emit_message(true, 'bascule', '%s') from generate_series(1, %d); reset role", role, content, times)
	}
	unknown := strings.Repeat("0", 16) + " " + strings.Repeat("1", 32)
	for _, sql := range []string{
		emit(2000, "drop table a"), emit(2000, unknown), emit(10, waits.ID+" "+strings.Repeat("2", 32)), emit(10, done.Message()),
		emit(1, strings.ToUpper(unknown)+"X"), emit(1, ""),
		"select pg_logical_emit_message(false, 'bascule', '" + waits.Message() + "')", // no transaction's
		"select pg_logical_emit_message(true, 'other', '" + waits.Message() + "')",
		"begin; select pg_logical_emit_message(true, 'bascule', '" + waits.Message() + "'); rollback",
	} {
		r.source.Exec(t, sql)
		r.source.Exec(t, "insert into a select coalesce(max(id), 0) + 1 from a")
	}
	// The nonce is right, and the transaction is another than the one that was recorded.
	r.must(ledger.StartDDL(t.Context(), r.target.Conn(t), r.mirror, waits.ID, "4294967296000", nil))
	r.source.Exec(t, emit(1, waits.Message()))
	run.catchUp()
	r.equal()
	if err := run.end(); err != nil {
		t.Fatal(err)
	}
	if n := notes.count("ignored"); n != 5 {
		t.Errorf("%d notes: %v", n, notes.list)
	}
	if !r.recorded(waits).Applied.IsZero() || r.events.count("command applied") != 1 {
		t.Error("a forged message was obeyed")
	}
	if n := r.events.count("stream begins"); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// notes keeps what is told of what an operator should know.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) Event(e progress.Event) {
	if note, ok := e.(progress.Noted); ok {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.list = append(n.list, note.Text)
	}
}

// count is how many have a word.
func (n *notes) count(word string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, text := range n.list {
		if strings.Contains(text, word) {
			count++
		}
	}
	return count
}

func wantErr[T error](t *testing.T, err error, want *T) {
	t.Helper()
	if !errors.As(err, want) {
		t.Fatalf("no %T but %v", *want, err)
	}
}
