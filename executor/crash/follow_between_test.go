package crash_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// findsLateBatch kills an apply while a batch of a table that it adds is under way.
// The batch arrives when the next apply has copied that table anew.
func findsLateBatch(t *testing.T, build string) (faults []string) {
	w := &world{source: pgtest.Server(t, 15).Database(t, strings.ReplaceAll(lateAlone, "late_1 (id int primary key)", "late_1 (id int)")),
		target: pgtest.Server(t, 15).Database(t, ""), build: build, late: []int{1}}
	w.lay(t)
	w.complete(t)
	w.addTable(t)
	p := w.apply(t)
	stop := writeOn(t, w.source, "insert into late_1 select coalesce(max(id), 0) + 1 from late_1")
	sent, from := sideStream(message("batch sent")), 0
	for i := range 3 { // the second may still have gone through
		at := p.await(from, momentComes, sent)
		if at < 0 {
			t.Fatalf("batch %d of the added table is not sent:\n%s", i+1, p.output())
		}
		w.toTarget.hold()
		from = at + 1
	}
	stop()
	p.kill()

	other, straight := w.here, newWire(t, w.target)
	other.env = append(other.env, "TARGET_URL="+straight.url)
	other.name += "-other"
	straight.slow(100 * time.Millisecond) // from the copy to what comes after it
	p = other.start(t, "apply", "-auto-approve")
	if p.await(0, endsWithin, stageBegins("copy")) < 0 {
		t.Fatalf("nothing is copied:\n%s", p.output())
	}
	w.target.Eventually(t, "select count(*) from bascule.chunk where name = 'late_1'", "1")
	w.toTarget.flow() // and now it arrives
	p.wait(t)
	if p.code() != 0 {
		return append(faults, fmt.Sprintf("apply ended with %d: %s", p.code(), p.output()))
	}
	r := other.start(t, "run")
	w.caughtUpBy(t, r, "insert into n values (1)")
	const rows = "select string_agg(id::text, ' ' order by id) from late_1"
	if source, target := w.source.Query1(t, rows), w.target.Query1(t, rows); source != target {
		faults = append(faults, fmt.Sprintf("the source has %s, and the target %s", source, target))
	}
	return faults
}

// writeOn runs a statement again and again until stop.
func writeOn(t *testing.T, db *pgtest.DB, sql string) (stop func()) {
	t.Helper()
	conn, done, ended := db.Conn(t), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Errorf("%s: %v", sql, err)
				return
			}
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(done); <-ended }
}

// A transaction that the slot waits for truncates a table; and another does while the
// copy reads it. Neither may wait for the copy for ever, nor the copy for it.
func TestTruncatedWhileCopied(t *testing.T) {
	t.Parallel()
	w := &world{source: pgtest.Own(t, 15).Database(t, "create table a (id int primary key); create table n (id int primary key); insert into a values (1), (2)"),
		target: pgtest.Server(t, 15).Database(t, "")}
	w.lay(t)
	writer := w.source.Conn(t)
	must(t, writer, "set statement_timeout = '60s'")
	w.toSource.slow(50 * time.Millisecond) // the slot is not made before the transaction has begun
	p := w.apply(t)
	if p.await(0, momentComes, stageBegins("take a snapshot")) < 0 {
		t.Fatalf("no snapshot:\n%s", p.output())
	}
	must(t, writer, "begin", "insert into a values (3)")
	if p.await(0, momentComes, func(line string) bool { return strings.Contains(line, "the slot is made once this has ended") }) < 0 {
		t.Fatalf("the slot waits for nobody:\n%s", p.output())
	}
	must(t, writer, "truncate a", "insert into a values (4)", "commit")
	w.toSource.slow(0)
	w.toTarget.slow(20 * time.Millisecond)
	if p.await(0, momentComes, message("chunk begins")) < 0 {
		t.Fatalf("nothing is copied:\n%s", p.output())
	}
	must(t, writer, "begin", "insert into a values (5)", "truncate a", "insert into a values (6)", "commit")
	p.wait(t)
	if p.code() != 0 {
		t.Fatalf("apply ended with %d:\n%s", p.code(), p.output())
	}
	w.caughtUpBy(t, w.run(t), "insert into n values (1)")
	if got := w.target.Query(t, "select id from a"); got != "6" {
		t.Errorf("the target has %q, want 6", got)
	}
}
