package crash_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog/pgtest"
)

// smallWorld is a mirror of a few tables by a build of the program. It is applied.
func smallWorld(t *testing.T, build, schema string, target *pgtest.Cluster) *world {
	t.Helper()
	w := &world{source: pgtest.Server(t, 15).Database(t, schema), target: target.Database(t, ""), build: build}
	w.lay(t)
	w.complete(t)
	return w
}

// findsEarlyAcknowledgement kills the target's server right after the source was told
// that it may forget: what it forgot must be on the target afterwards.
func findsEarlyAcknowledgement(t *testing.T, build string) (faults []string) {
	slow := pgtest.WithSettings(map[string]string{"wal_writer_delay": "2s"})
	w := smallWorld(t, build, "create table n (id int primary key)", pgtest.Own(t, 15, slow))
	r := w.run(t)
	for i := range 3 {
		end := lsn(t, w.source.Query1(t, "select pg_current_wal_insert_lsn()"))
		w.source.Exec(t, fmt.Sprintf("insert into n values (%d)", i))
		w.source.Eventually(t, fmt.Sprintf("select confirmed_flush_lsn > '%s' from pg_replication_slots where database = current_database()", end), "t")
		w.target.Kill(t)
		confirmed := lsn(t, w.source.Query1(t, "select confirmed_flush_lsn from pg_replication_slots where database = current_database()"))
		w.target.Start(t)
		if position := w.position(t); confirmed > position {
			return append(faults, fmt.Sprintf("the slot is at %s, and the target at %s", confirmed, position))
		}
		r.await(r.mark(), momentComes, message("stream begins"))
	}
	return faults
}

// findsWrongBoundary lets a stream stop between two commits that touch, and go on.
func findsWrongBoundary(t *testing.T, build string) (faults []string) {
	w := smallWorld(t, build, "create table a (id int primary key); create table b (id int primary key)", pgtest.Server(t, 15))
	r := w.run(t)
	touched := 0
	for i := 1; i <= 10 && touched < 2; i++ {
		w.target.Exec(t, fmt.Sprintf("insert into b values (%d)", i)) // in the way of the second one
		commitTogether(t, w, fmt.Sprintf("insert into a values (%d)", i), fmt.Sprintf("insert into b values (%d)", i))
		var halt string
		pgtest.Eventually(t, func() error {
			if halt = w.target.Query1(t, "select halt ->> 'lsn' from bascule.stream"); halt == "" {
				return fmt.Errorf("not halted; b on the target: %q\n%s", w.target.Query(t, "select id from b"), r.output())
			}
			return nil
		})
		r.stop(t)
		if w.position(t) == lsn(t, halt) {
			touched++
		}
		w.target.Exec(t, fmt.Sprintf("delete from b where id = %d", i))
		r = w.run(t, "-retry=mirror.app")
		w.caughtUpBy(t, r, "insert into a values (-"+fmt.Sprint(i)+")")
		if source, target := w.source.Query(t, abRows), w.target.Query(t, abRows); source != target {
			return append(faults, fmt.Sprintf("the source has\n%s\nand the target\n%s", source, target))
		}
	}
	if touched == 0 {
		t.Error("no two commits touched")
	}
	return faults
}

const abRows = "select 'a', id from a union all select 'b', id from b order by 1, 2"

// commitTogether commits two transactions with nothing between them.
func commitTogether(t *testing.T, w *world, one, other string) {
	t.Helper()
	var open []*pgx.Conn
	for _, sql := range []string{one, other} {
		conn := w.source.Conn(t)
		must(t, conn, "begin", sql)
		open = append(open, conn)
	}
	for _, conn := range open {
		must(t, conn, "commit")
	}
}

// findsSecondHolder holds back the batch of a runner that then seems to be dead, lets
// another take over, and the batch arrive after all.
func findsSecondHolder(t *testing.T, build string) (faults []string) {
	w := smallWorld(t, build, "create table n (id int)", pgtest.Server(t, 15))
	samples := startSampler(t, w.source, w.target)
	first := w.run(t)
	w.caughtUpBy(t, first, "insert into n values (0)")
	w.toTarget.Hold()
	from := first.mark()
	w.source.Exec(t, "insert into n values (1)")
	if first.await(from, momentComes, message("batch sent")) < 0 {
		t.Fatalf("no batch:\n%s", first.output())
	}
	_ = first.cmd.Process.Signal(syscall.SIGSTOP)
	applying := w.target.Query1(t, "select pid from pg_stat_activity where datname = current_database() and application_name = 'bascule/app/apply'")
	w.target.Query(t, endHolder)
	w.source.Query(t, endStream) // as its server does in a minute

	other := w.here
	straight := pgtest.NewWire(t, w.target)
	other.env = append(other.env, "TARGET_URL="+straight.URL)
	other.name += "-other"
	second := other.start(t, "run")
	w.caughtUpBy(t, second, "insert into n values (2)")
	w.caughtUpBy(t, second, "insert into n values (3)")
	now := w.target.Query1(t, "select clock_timestamp()")
	w.toTarget.Flow() // and now it arrives
	w.target.Eventually(t, fmt.Sprintf(lateBatch, applying, now), "0")
	w.caughtUpBy(t, second, "insert into n values (4)")
	_ = first.cmd.Process.Signal(syscall.SIGCONT)
	w.caughtUpBy(t, second, "insert into n values (5)")
	if source, target := w.source.Query(t, nRows), w.target.Query(t, nRows); source != target {
		faults = append(faults, fmt.Sprintf("the source has %s, and the target %s", strings.ReplaceAll(source, "\n", " "), strings.ReplaceAll(target, "\n", " ")))
	}
	if n := samples.violations(); n > 0 {
		faults = append(faults, fmt.Sprintf("the slot was ahead of the position in %d samples", n))
	}
	return faults
}

const nRows = "select id from n order by 1"

// endHolder ends the session that holds the lease.
const endHolder = `
	select pg_terminate_backend(pid) from pg_stat_activity
	where datname = current_database() and application_name = 'bascule/app/run'`

const endStream = `
	select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database()`

// lateBatch is 0 when a session has done what it was sent after a time, or is gone.
const lateBatch = `
	select count(*) from pg_stat_activity
	where pid = %s and (state not in ('idle', 'idle in transaction (aborted)') or state_change < '%s')`

// findsOpenWriter adds a table that transactions are writing to: one is open when it
// is published, one begins when the copy has begun.
func findsOpenWriter(t *testing.T, build string) (faults []string) {
	w := &world{source: pgtest.Server(t, 15).Database(t, lateAlone), target: pgtest.Server(t, 15).Database(t, ""), build: build, late: []int{1}}
	w.lay(t)
	w.complete(t)
	r := w.run(t)
	w.caughtUpBy(t, r, "insert into n values (1)")
	early, later := w.source.Conn(t), w.source.Conn(t)
	must(t, early, "begin", "insert into late_1 values (1)")
	w.addTable(t)
	w.toTarget.Slow(20 * time.Millisecond) // the copy is not through before the other one has begun to write
	p := w.apply(t)
	if p.await(0, momentComes, either(message("wait out begins"), stageBegins("take a snapshot"))) < 0 {
		t.Fatalf("no table was added:\n%s", p.output())
	}
	must(t, early, "insert into late_1 values (2)", "commit")
	if p.await(0, momentComes, message("chunk begins")) < 0 {
		t.Fatalf("nothing was copied:\n%s", p.output())
	}
	must(t, later, "begin", "insert into late_1 values (3)")
	w.source.Eventually(t, "select count(*) from pg_publication_tables where tablename = 'late_1'", "1")
	must(t, later, "insert into late_1 values (4)", "commit")
	p.wait(t)
	if p.code() != 0 {
		t.Fatalf("apply ended with %d:\n%s", p.code(), p.output())
	}
	w.caughtUpBy(t, r, "insert into n values (2)")
	const rows = "select id from late_1 order by 1"
	if source, target := w.source.Query(t, rows), w.target.Query(t, rows); source != target {
		faults = append(faults, fmt.Sprintf("the source has %s, and the target %s", strings.ReplaceAll(source, "\n", " "), strings.ReplaceAll(target, "\n", " ")))
	}
	return faults
}

const lateAlone = "create table n (id int primary key); create table late_1 (id int primary key); insert into late_1 values (0)"

func must(t *testing.T, conn *pgx.Conn, sqls ...string) {
	t.Helper()
	for _, sql := range sqls {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func either(f, g func(string) bool) func(string) bool {
	return func(line string) bool { return f(line) || g(line) }
}

// caughtUpBy writes something on the source, and waits until the target has all up
// to it.
func (w *world) caughtUpBy(t *testing.T, by *process, sql string) {
	t.Helper()
	end := lsn(t, w.source.Query1(t, "select pg_current_wal_insert_lsn()"))
	w.source.Exec(t, sql)
	w.reached(t, by, end+1)
}
