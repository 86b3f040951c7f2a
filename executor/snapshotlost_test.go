package executor_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/progress"
	"bascule/planner/catalog/pgtest"
)

// losing takes the snapshot from a worker that is about to copy table "loses", while the
// statement of another one hangs at table "hangs" of the target.
type losing struct {
	t              *testing.T
	source, target *pgx.Conn
	lock, lose     sync.Once

	mu   sync.Mutex
	told []string
}

// Event is told what goes on.
func (l *losing) Event(e progress.Event) {
	switch e := e.(type) {
	case progress.CopyStarted:
		l.lock.Do(func() { l.run(l.target, lockHangs) })
	case progress.ChunkStarted:
		if e.Table == "public.loses" {
			l.lose.Do(func() {
				l.run(l.target, awaitHangs)
				l.run(l.source, endAll)
			})
		}
	case progress.ChunkEnded:
		l.tell(e.Err)
	case progress.Retrying:
		l.tell(e.Err)
		if strings.Contains(e.What, "from a new snapshot") {
			l.run(l.target, "rollback")
		}
	}
}

func (l *losing) run(conn *pgx.Conn, sql string) {
	if _, err := conn.Exec(l.t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		l.t.Error(err)
	}
}

func (l *losing) tell(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && !slices.Contains(l.told, err.Error()) {
		l.told = append(l.told, err.Error())
	}
}

// What is under way when the snapshot is lost is cancelled, and what comes of that is
// not the error: the copy begins anew.
func TestSnapshotIsLostBesideAStatement(t *testing.T) {
	t.Parallel()
	const table = "create table %[1]s (id int primary key, t text); insert into %[1]s select i, repeat('x', 500) from generate_series(1, 4000) i;"
	source, target := pgtest.New(t, fmt.Sprintf(table, "hangs")+fmt.Sprintf(table, "loses")+"analyze")
	c := newCarry(t, source, target, "copy {\nworkers = 2\n}")
	l := &losing{t: t, source: source.Conn(t), target: target.Conn(t)}
	c.sink = l
	c.arrives(t)
	if len(l.told) != 1 || !strings.HasPrefix(l.told[0], "the snapshot is lost: ") {
		t.Errorf("told was\n%s", strings.Join(l.told, "\n"))
	}
}

const (
	// lockHangs: a table of this size is truncated in the transaction of its copy.
	lockHangs = "begin; set local statement_timeout = '60s'; lock table hangs in access share mode"

	awaitHangs = `
		do $$ begin
			while not exists (select from pg_locks where relation = 'hangs'::regclass and not granted) loop
				perform pg_sleep(0.01);
			end loop;
		end $$`

	endAll = `
		select pg_terminate_backend(pid, 60000) from pg_stat_activity
		where application_name like 'bascule/app/%' and datname = current_database()`
)
