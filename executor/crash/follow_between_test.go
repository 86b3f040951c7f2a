package crash_test

import (
	"strings"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// A transaction that the slot waits for truncates a table; and another does while the
// copy reads it. Neither may wait for the copy for ever, nor the copy for it.
func TestTruncatedWhileCopied(t *testing.T) {
	long(t)
	t.Parallel()
	w := &world{source: pgtest.Own(t, 15).Database(t, "create table a (id int primary key); create table n (id int primary key); insert into a values (1), (2)"),
		target: pgtest.Server(t, 15).Database(t, "")}
	w.lay(t)
	writer := w.source.Conn(t)
	must(t, writer, "set statement_timeout = '60s'")
	w.toSource.Slow(50 * time.Millisecond) // the slot is not made before the transaction has begun
	p := w.apply(t)
	if p.await(0, momentComes, stageBegins("take a snapshot")) < 0 {
		t.Fatalf("no snapshot:\n%s", p.output())
	}
	must(t, writer, "begin", "insert into a values (3)")
	if p.await(0, momentComes, func(line string) bool { return strings.Contains(line, "the slot is made once this has ended") }) < 0 {
		t.Fatalf("the slot waits for nobody:\n%s", p.output())
	}
	must(t, writer, "truncate a", "insert into a values (4)", "commit")
	w.toSource.Slow(0)
	w.toTarget.Slow(20 * time.Millisecond)
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
