package crash_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// writersAtOnce are writers beside the two of pgbench.
const writersAtOnce = 3

// load is what the source's application does, through all that happens to the source.
type load struct {
	t    *testing.T
	db   *pgtest.DB
	acts []act
	stop context.CancelFunc
	all  sync.WaitGroup

	mu     sync.Mutex
	done   map[string]int // acts committed
	failed map[string]int // and not, by SQLSTATE

	wantBig atomic.Int32
}

// startLoad begins pgbench and the writers, until end.
func startLoad(t *testing.T, db *pgtest.DB, late int, seed uint64) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{t: t, db: db, acts: acts(late), stop: stop, done: map[string]int{}, failed: map[string]int{}}
	for i := range writersAtOnce {
		l.all.Go(func() { l.write(ctx, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	l.all.Go(func() { l.bench(ctx, seed) })
	t.Cleanup(l.end)
	return l
}

// end stops everybody, after the transaction in work.
func (l *load) end() {
	l.stop()
	l.all.Wait()
}

// checkAll demands that every kind of change was made, and none failed for another
// reason than the others.
func (l *load) checkAll() {
	l.t.Helper()
	for _, a := range l.acts {
		if l.done[a.name] == 0 {
			l.t.Errorf("the writers never did: %s", a.name)
		}
	}
	for code, n := range l.failed {
		if !slices.Contains(expectedFailures, code) {
			l.t.Errorf("writers failed %d times: %s", n, code)
		}
	}
	l.t.Logf("committed: %s; failed: %s", counts(l.done), counts(l.failed))
}

// expectedFailures are deadlocks, unique values that another writer took, and servers
// that are down.
var expectedFailures = []string{"40P01", "40001", "23505", "57P01", "57P02", "57P03", "08006", "08001", ""}

func counts(m map[string]int) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, fmt.Sprintf("%d %s", m[name], name))
	}
	return strings.Join(list, ", ")
}

// write does acts, one after the other, until ctx ends.
func (l *load) write(ctx context.Context, r *rand.Rand) {
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	var conn *pgx.Conn
	for ctx.Err() == nil {
		if conn == nil || conn.IsClosed() {
			conn, _ = pgx.Connect(context.WithoutCancel(ctx), l.db.URL) // the server may be down: again
		}
		if conn != nil {
			l.act(conn, r)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if conn != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
	}
}

// act does one, whatever the load's end: it is bounded by itself.
func (l *load) act(conn *pgx.Conn, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a := l.choose(r)
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return a.do(ctx, tx, r) })
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || errors.Is(err, errRollBack) {
		l.done[a.name]++
		return
	}
	code := session.Code(err)
	if code == "" && !conn.IsClosed() {
		code = a.name + ": " + err.Error()
	}
	if a.name == bigAct {
		l.big()
	}
	l.failed[code]++
}

func (l *load) choose(r *rand.Rand) act {
	if n := l.wantBig.Load(); n > 0 && l.wantBig.CompareAndSwap(n, n-1) {
		return act{bigAct, 0, big}
	}
	if a, ok := l.neverDone(); ok && r.IntN(5) == 0 { // a rare kind is done in a short test too
		return a
	}
	sum := 0
	for _, a := range l.acts {
		sum += a.share
	}
	at := r.IntN(sum)
	for _, a := range l.acts {
		if at -= a.share; at < 0 {
			return a
		}
	}
	return l.acts[0]
}

// neverDone is a kind of change that no writer has committed yet.
func (l *load) neverDone() (act, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.acts, func(a act) bool { return l.done[a.name] == 0 })
	if i < 0 {
		return act{}, false
	}
	return l.acts[i], true
}

// big has a writer make one big transaction next.
func (l *load) big() { l.wantBig.Add(1) }

// bench runs pgbench again and again: it ends with its server.
func (l *load) bench(ctx context.Context, seed uint64) {
	for ctx.Err() == nil {
		cmd := pgbench(l.t, l.db, "-n", "-c", "2", "-R", "40", "-T", "600", "--random-seed="+strconv.FormatUint(seed, 10))
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		if err := cmd.Start(); err != nil {
			l.t.Error(err)
			return
		}
		ended := context.AfterFunc(ctx, func() { _ = cmd.Cancel() })
		_ = cmd.Wait() // with an error when the server went
		ended()
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// fillBench makes the tables of pgbench, with their keys.
func fillBench(t *testing.T, db *pgtest.DB) {
	t.Helper()
	if out, err := pgbench(t, db, "-i", "-q", "-s", "1").CombinedOutput(); err != nil {
		t.Fatalf("pgbench -i: %v\n%s", err, out)
	}
}

func pgbench(t *testing.T, db *pgtest.DB, args ...string) *exec.Cmd {
	args = append(args, "-h", db.Host, "-p", strconv.Itoa(db.Port), "-U", db.User, db.Name)
	cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(pgtest.Dump(t, 15)), "pgbench"), args...)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+db.Password)
	return cmd
}
