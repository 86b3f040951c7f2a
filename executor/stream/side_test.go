package stream_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"

	"bascule/executor/ledger"
	"bascule/executor/stream"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// A table is added to a running mirror while two writers change it: copied under a
// temporary slot, caught up beside the main stream, and handed over to it. No change is
// lost, and none is applied twice.
func TestTableAdded(t *testing.T) {
	t.Parallel()
	r := setUp(t, `
		create table a (writer int, n int, v int default 0, primary key (writer, n));
		create table b (writer int, n int, v int default 0, primary key (writer, n));`)
	b := r.members[1]
	b.State = ledger.Copying
	conn := r.target.Conn(t)
	r.must(ledger.PutMembers(t.Context(), conn, r.mirror, b))
	r.source.Exec(t, "alter publication all_changes drop table b")
	main := r.run()

	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() { writeBoth(ctx, t, r, w) })
	}
	defer func() { stop(); writers.Wait() }()
	pgtest.Eventually(t, func() error { return atLeast(r, "select count(*) from a", 50) })

	r.source.Exec(t, "alter publication all_changes add table only b")
	r.waitOut()
	side := r.beside(b)
	pgtest.Eventually(t, func() error { return begun(side) })
	err := main.Between(t.Context(), func(ctx context.Context, position catalog.LSN) error {
		if err := side.CatchUp(ctx, position); err != nil {
			return fmt.Errorf("side: %w", err)
		}
		if err := side.end(); err != nil {
			return fmt.Errorf("side: %w", err)
		}
		b.State, b.Point = ledger.Followed, side.Progress().Position
		if b.Point < position {
			t.Errorf("side ended at %s, main is at %s", b.Point, position)
		}
		if err := ledger.PutMembers(ctx, conn, r.mirror, b); err != nil {
			return err
		}
		return ledger.DropPosition(ctx, conn, r.mirror, "side")
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, r.events)
	}
	last := r.target.Query1(t, "select max(n) from b")
	pgtest.Eventually(t, func() error {
		if now := r.target.Query1(t, "select max(n) from b"); now == last {
			return fmt.Errorf("the main stream does not go beyond row %s", now)
		}
		return nil
	})
	stop()
	writers.Wait()
	main.catchUp()
	r.equal()
	if t.Failed() {
		t.Log(r.events)
	}
}

func writeBoth(ctx context.Context, t *testing.T, r *rig, w int) {
	conn := r.source.Conn(t)
	for n := 0; ctx.Err() == nil; n++ {
		sql := fmt.Sprintf(`begin; insert into a values (%d, %d); insert into b values (%[1]d, %[2]d);
			update b set v = v + 1 where writer = %[1]d and n > %[2]d - 10; delete from b where writer = %[1]d and n = %[2]d - 30; commit`, w, n)
		if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), sql).ReadAll(); err != nil {
			t.Error(err)
			return
		}
	}
}

// waitOut waits until every transaction that runs now has ended.
func (r *rig) waitOut() {
	r.t.Helper()
	running := r.source.Query1(r.t, "select pg_snapshot_xmax(pg_current_snapshot())")
	pgtest.Eventually(r.t, func() error {
		if r.source.Query1(r.t, "select pg_snapshot_xmin(pg_current_snapshot()) >= '"+running+"'") != "t" {
			return fmt.Errorf("transactions before %s run", running)
		}
		return nil
	})
}

// beside copies a table under a temporary slot and follows it from there.
func (r *rig) beside(m ledger.Member) *running {
	r.t.Helper()
	t := r.t
	repl, err := r.replication(t.Context())
	r.must(err)
	made, err := pglogrepl.CreateReplicationSlot(t.Context(), repl, r.slot+"_side", "pgoutput",
		pglogrepl.CreateReplicationSlotOptions{Temporary: true, SnapshotAction: "EXPORT_SNAPSHOT"})
	r.must(err)
	rows := r.source.Query(t, "begin isolation level repeatable read; set transaction snapshot '"+made.SnapshotName+"'; select format('(%s, %s, %s)', writer, n, v) from b")
	sql := "begin;"
	for line := range lines(rows) {
		sql += "insert into b values " + line + ";"
	}
	r.target.Exec(t, sql+"commit")
	point, err := catalog.ParseLSN(made.ConsistentPoint)
	r.must(err)
	r.must(ledger.StartPosition(t.Context(), r.target.Conn(t), r.mirror, "side", point))
	cfg := r.config()
	cfg.Name, cfg.Source, cfg.Replication, cfg.Slot = "side", nil, repl, made.SlotName
	cfg.Members = func(all []ledger.Member) []ledger.Member {
		m.State, m.Point = ledger.Followed, point
		return []ledger.Member{m}
	}
	return r.runWith(cfg)
}

// A stream beside the main one lives as long as its connection.
func TestSideEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table b (writer int, n int, v int default 0, primary key (writer, n))")
	side := r.beside(r.members[0])
	r.source.Exec(t, "insert into b values (1, 1)")
	pgtest.Eventually(t, func() error { return atLeast(r, "select count(*) from b", 1) })
	r.source.Exec(t, "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '"+r.slot+"_side'")
	if err := side.result(); err == nil {
		t.Error("it ended well")
	}
}

// With nothing else to do a change is on the target at once, and many small ones do
// not wait for the delay of a batch.
func TestDelay(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key, at timestamptz default clock_timestamp())")
	r.target.Exec(t, "alter table a add seen timestamptz default clock_timestamp()")
	cfg := r.config()
	cfg.MaxDelay = 10 * time.Second
	run := stream.New(cfg)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run.Run(ctx) }()
	defer func() { stop(); <-ended }()
	for i := range 30 {
		r.source.Exec(t, fmt.Sprintf("insert into a values (%d)", i))
	}
	pgtest.Eventually(t, func() error { return atLeast(r, "select count(*) from a", 30) })
	late := r.target.Query1(t, "select count(*) from a where seen - at > '2 s' and id > 5")
	if late != "0" {
		t.Errorf("%s of them late\n%s", late, r.target.Query(t, "select id, seen - at from a order by 1"))
	}
}
