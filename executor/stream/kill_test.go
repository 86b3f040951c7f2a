package stream_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/executor/progress"
	"bascule/executor/stream"
	"bascule/executor/stream/walsender"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// Two writers at once, on keys of their own and on shared ones, while the walsender
// or the applying session is ended at random moments: at the end the tables are equal
// and every row is there once. At each moment the source was told of no more than what
// the target has.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	r := setUp(t, `
		create table own (writer int, n int, v int default 0, primary key (writer, n));
		create table shared (id int primary key, v int);
		create table log (writer int, n int);
		insert into shared select i, 0 from generate_series(1, 20) i;`)
	cfg := r.config()
	retries := new(retries)
	cfg.Sink = retries
	run := r.runWith(cfg)

	ctx, stop := context.WithTimeout(t.Context(), 6*time.Second)
	defer stop()
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() { write(ctx, t, r, w) })
	}
	wg.Go(func() { kill(ctx, t, r) })
	wg.Go(func() { sample(ctx, t, r) })
	wg.Wait()

	run.catchUp()
	r.equal()
	if t.Failed() {
		t.Log(r.events)
	}
	if twice := r.target.Query1(t, "select count(*) - count(distinct (writer, n)) from log"); twice != "0" {
		t.Errorf("%s rows twice", twice)
	}
	if err := run.end(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d connections, %d retries, %d transactions", r.events.count("stream begins"), retries.count(), run.Progress().Transactions)
	if retries.count() == 0 {
		t.Error("nothing was hit")
	}
}

func write(ctx context.Context, t *testing.T, r *rig, w int) {
	conn := r.source.Conn(t)
	random := rand.New(rand.NewPCG(uint64(w), 7))
	for n := 0; ctx.Err() == nil; n++ {
		sql := fmt.Sprintf("insert into own (writer, n) values (%d, %d); insert into log values (%d, %d);", w, n, w, n)
		switch random.IntN(6) {
		case 0:
			sql += fmt.Sprintf("update own set v = v + 1 where writer = %d and n > %d;", w, n-20)
		case 1:
			sql += fmt.Sprintf("delete from own where writer = %d and n = %d;", w, random.IntN(n+1))
		case 2:
			sql += fmt.Sprintf("update shared set v = v + 1 where id = %d;", 1+random.IntN(20))
		case 3:
			sql = "begin;" + sql + "rollback"
		}
		if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), sql).ReadAll(); err != nil {
			t.Error(err)
			return
		}
	}
}

// kill ends a session of ours every now and then.
func kill(ctx context.Context, t *testing.T, r *rig) {
	source, target := r.source.Conn(t), r.target.Conn(t)
	random := rand.New(rand.NewPCG(11, 7))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(random.IntN(500)) * time.Millisecond):
		}
		conn, sql := source, "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1"
		arg := r.slot
		if random.IntN(2) == 0 {
			conn, arg = target, r.target.Name
			sql = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'bascule/app/apply'"
		}
		if _, err := conn.Exec(context.WithoutCancel(ctx), sql, arg); err != nil {
			t.Error(err)
			return
		}
	}
}

// sample looks at what the source was told. The slot is asked first: the position only
// grows.
func sample(ctx context.Context, t *testing.T, r *rig) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if c, p := r.confirmed(), r.position(); c > p {
			t.Errorf("confirmed %s, position %s", c, p)
		}
	}
}

// A slot that another session reads is waited for, and that session named.
func TestSlotInUse(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key)")
	repl, err := r.replication(t.Context())
	r.must(err)
	other, err := walsender.Start(t.Context(), repl, walsender.Config{Slot: r.slot, Publications: []string{"all_changes"}})
	r.must(err)
	defer other.Close()
	pid := r.source.Query1(t, "select active_pid from pg_replication_slots where slot_name = '"+r.slot+"'")

	cfg := r.config()
	seen := new(retries)
	cfg.Sink = seen
	run := r.runWith(cfg)
	r.source.Exec(t, "insert into a values (1)")
	pgtest.Eventually(t, func() error {
		if last := seen.last(); last == nil || session.Code(last) != "55006" || !strings.Contains(last.Error(), pid) {
			return fmt.Errorf("pid %s is not named: %v", pid, last)
		}
		return nil
	})
	other.Close()
	run.catchUp()
	r.equal()
}

// retries counts what is told of interruptions.
type retries struct {
	mu  sync.Mutex
	n   int
	err error
}

func (r *retries) Event(e progress.Event) {
	if again, ok := e.(progress.Retrying); ok {
		r.mu.Lock()
		r.n++
		r.err = again.Err
		r.mu.Unlock()
	}
}

func (r *retries) last() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *retries) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// A second process takes the position: the first one stops, for good, and nothing of
// it comes after.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table a (id int primary key)")
	first := r.run()
	r.source.Exec(t, "insert into a values (1)")
	first.catchUp()
	r.target.Exec(t, "update bascule.position set epoch = epoch + 1")
	r.source.Exec(t, "insert into a values (2)")
	err := first.result()
	if _, ok := err.(*stream.LeaseLostError); !ok {
		t.Fatalf("%T %v", err, err)
	}
	if got := r.target.Query1(t, "select count(*) from a"); got != "1" {
		t.Errorf("%s rows", got)
	}
	second := r.run()
	second.catchUp()
	r.equal()
}
