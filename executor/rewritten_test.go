package executor_test

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/progress"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// between does something when the first part of a table is through, and others are not, nor
// is another table begun.
type between struct {
	once sync.Once
	do   func()
}

// Event is told what goes on.
func (b *between) Event(e progress.Event) {
	if ended, ok := e.(progress.ChunkEnded); ok && ended.Err == nil {
		b.once.Do(b.do)
	}
}

// A table that is written anew between two of its parts would lose rows under one
// snapshot, so nobody gets the lock for that while it is copied.
func TestNoTableIsRewrittenBetweenParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, body string }{{"once", ""}, {"followed", "continuous = true\n"}} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, `
				create table a (id int primary key, t text); insert into a select i, repeat('x', 100) from generate_series(1, 5000) i; delete from a where id % 3 = 0;
				create table b (id int primary key, t text); insert into b select * from a where id % 2 = 0; analyze`)
			conn := source.Conn(t)
			if _, err := conn.Exec(t.Context(), "set lock_timeout = '50ms'"); err != nil {
				t.Fatal(err)
			}
			tried := 0
			meanwhile := &between{do: func() {
				for _, sql := range []string{"vacuum full a", "vacuum full b", "alter table a alter id type bigint", "truncate b"} {
					_, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
					if session.Code(err) != "55P03" {
						t.Errorf("%s: %v", sql, err)
					}
					tried++
				}
			}}
			body := c.body + "copy {\nchunk_size = \"8kB\"\nworkers = 1\n}"
			if c.kind == "once" {
				run := newCarry(t, source, target, body)
				run.sink = meanwhile
				if plan, _, err := run.apply(t.Context(), t); err != nil {
					t.Fatalf("%v\n%s", err, findings(plan))
				}
			} else {
				run := newFollower(t, source, target, body)
				run.sink = meanwhile
				run.applied(t)
			}
			const rows = "select (select count(*) from a), sum(id) from b"
			if from, to := source.Query(t, rows), target.Query(t, rows); tried != 4 || from != to {
				t.Errorf("tried %d; the source has %s, the target %s", tried, from, to)
			}
		})
	}
}
