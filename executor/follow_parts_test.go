package executor_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"bascule/executor"
	"bascule/executor/progress"
	"bascule/planner/catalog/pgtest"
)

// parted is a table that is large enough to be cut, by ranges of its key, which lies on
// the disk in its order. Its codes are unique too, and referred to.
const parted = `
	create table t (id int primary key, code int not null unique, v text);
	insert into t select i, i, repeat('v', 150) from generate_series(1, 20000) i;
	create table child (id int primary key, code int not null references t (code) on update cascade on delete cascade);
	insert into child select i, i * 1000 from generate_series(1, 20) i;
	create table small (id int primary key, v text);
	insert into small select i, 'v' from generate_series(1, 50) i;
	analyze`

const inParts = "copy {\nworkers = 1\nchunk_size = \"512kB\"\n}\n"

// pieces counts what is copied, and stops the apply when so many pieces of a table are.
type pieces struct {
	progress.Sink
	table string
	after int
	stop  func()

	mu     sync.Mutex
	copied map[string]int // pieces, by table
	made   []string       // objects
}

// Event takes one event in.
func (p *pieces) Event(e progress.Event) {
	p.Sink.Event(e)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case progress.ChunkEnded:
		if e.Err != nil {
			return
		}
		p.copied[e.Table]++
		if e.Table == p.table && p.copied[e.Table] == p.after {
			p.stop()
		}
	case progress.ObjectEnded:
		p.made = append(p.made, e.Name)
		if p.table == e.Name {
			p.stop()
		}
	}
}

// stoppedAfter applies until so many pieces of a table are copied, or, for an object,
// until it is made.
func (f *follower) stoppedAfter(t *testing.T, table string, after int) *pieces {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p := &pieces{Sink: f.events, table: table, after: after, stop: stop, copied: map[string]int{}}
	was := f.sink
	f.sink = p
	_, result, err := f.applyText(ctx, t, f.text())
	f.sink = was
	if err == nil || result.Outcomes[0].Status != executor.Interrupted {
		t.Fatalf("it was not stopped: %v\n%s", err, f.events)
	}
	return p
}

// counted applies to the end, and returns what was copied.
func (f *follower) counted(t *testing.T) *pieces {
	t.Helper()
	p := &pieces{Sink: f.events, copied: map[string]int{}}
	was := f.sink
	f.sink = p
	f.applied(t)
	f.sink = was
	return p
}

// A copy that is stopped keeps the parts that it has finished. What was written between
// it and the next one arrives, whichever part a row was in and is in now.
func TestFinishedPartsStay(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, parted)
	f := newFollower(t, source, target, inParts)
	const parts, done = 8, 3
	first := f.stoppedAfter(t, "public.t", done)
	points := target.Query1(t, "select count(*) || ' ' || count(distinct point) from bascule.part")
	if points != fmt.Sprint(parts, " 1") {
		t.Fatalf("parts and points: %s", points)
	}
	f.writes(t, "update t set id = id + 100000 where id between 1 and 500",
		"update t set id = id - 30000 where id between 19000 and 19500",
		"begin; update t set id = -1 where id = 600; update t set id = 600 where id = 19999; update t set id = 19999 where id = -1; commit",
		"delete from t where id in (700, 10000, 18000)", "insert into t select i, i, 'new' from generate_series(200000, 200100) i",
		"insert into t values (700, 300000, 'again'), (18000, 300001, 'again')",
		"update t set v = 'changed' where id % 1000 = 7", "delete from small where id < 10; update small set v = 'w'")
	second := f.stoppedAfter(t, "public.t", 2)
	f.writes(t, "update t set id = id + 200000 where id between 800 and 900", "update t set id = id + 40000 where id between -11000 and -10600",
		"update t set v = 'once more' where id % 1000 = 8; delete from t where id % 1000 = 9")
	var last *pieces
	sweeping(t, source, func() { last = f.counted(t) })
	if got := target.Query1(t, "select count(distinct point) from bascule.part"); got != "3" {
		t.Errorf("%s different points", got)
	}
	if a, b, c := first.copied["public.t"], second.copied["public.t"], last.copied["public.t"]; a+b+c != parts || a < done {
		t.Errorf("copied %d, %d and %d parts of %d", a, b, c, parts)
	}
	f.runs(t)
	f.writes(t, "update t set id = id + 5000000 where id % 5 = 0")
	f.same(t)
	f.keyed(t)
	f.settled(t)

	f.allow = []string{"mirror.app"}
	f.replaced(t, `mirror.app.table["public.t"]`)
	f.writes(t, "update t set id = id + 9000000 where id % 3 = 0")
	f.same(t)
	if got := target.Query1(t, "select count(*) from bascule.part"); got != "0" {
		t.Errorf("%s parts of the copy before are still known", got)
	}
}

// Values that are unique beside the key went from row to row between the copies of two
// parts: both parts have them until the stream has come by.
func TestPartsWithTheSameUniqueValue(t *testing.T) {
	long(t)
	t.Parallel()
	source, target := pgtest.New(t, parted)
	f := newFollower(t, source, target, inParts)
	f.stoppedAfter(t, "public.t", 3)
	f.writes(t, "begin; update t set code = -1 where id = 5; update t set code = 5 where id = 19990; update t set code = 19990 where id = 5; commit",
		"begin; update t set code = 500000 where id = 1000; update t set code = 1000 where id = 19000; commit",
		"delete from t where id = 7; update t set code = 7 where id = 19007")
	f.applied(t)
	f.runs(t)
	f.writes(t, "update t set code = 500001 where id = 2000; delete from t where id = 4000")
	f.same(t)
	f.keyed(t)
	f.settled(t)
}

// An apply that ends after the index of a key, and before the key, goes on there.
func TestIndexOfAKeyStays(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, parted)
	f := newFollower(t, source, target, inParts)
	const index = "index of constraint public.t t_pkey"
	f.stoppedAfter(t, index, 0)
	last := f.counted(t)
	if made := strings.Join(last.made, "\n"); strings.Contains(made, index) {
		t.Errorf("made again:\n%s", made)
	}
	f.runs(t)
	f.same(t)
	f.keyed(t)
	f.settled(t)
}

// keyed demands that the target has all keys and indexes of the source, valid.
func (f *follower) keyed(t *testing.T) {
	t.Helper()
	const keys = `select string_agg(conname || ' ' || convalidated || ' ' || pg_get_constraintdef(oid), '; ' order by conname) from pg_constraint where connamespace = 'public'::regnamespace`
	if want, got := f.source.Query1(t, keys), f.target.Query1(t, keys); got != want {
		t.Errorf("keys are\n%s\nand not\n%s", got, want)
	}
}

// sweeping moves rows across parts in small transactions while work does.
func sweeping(t *testing.T, source *pgtest.DB, work func()) {
	t.Helper()
	conn, stop, ended := source.Conn(t), make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			sql := fmt.Sprintf("update t set id = id + 1000000 where id in (%d, %d); update t set v = v || '.' where id = %d; delete from t where id = %d",
				1200+n, 15000+n, 1210+n, 9000+n)
			if _, err := conn.PgConn().Exec(t.Context(), sql+"; select pg_sleep(0.005)").ReadAll(); err != nil {
				ended <- err
				return
			}
		}
	}()
	work()
	close(stop)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
