package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/stream"
	"bascule/planner/catalog/pgtest"
)

// A command that the target refuses halts the stream before its transaction; when it is
// made possible, the transaction arrives whole.
func TestUndeclaredIsMended(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key, v text)")
	a.target.Exec(t, "alter table a add column x int")
	run := a.run()
	a.inOne("insert into a values (1, 'a')", "create table b (id int primary key)", "insert into b values (1)", "alter table a add column x int", "update a set x = 5")
	h := run.halted().Halt
	if h.Code != "undeclared" || h.Table != "public.a" || !strings.Contains(h.Text, "42701") || !strings.Contains(h.Text, "alter table a add column x int") || !strings.Contains(h.Remedy, "bascule run -retry") ||
		!strings.Contains(h.Remedy, "alter table public.a add column x int\nSQL") || strings.Contains(h.Remedy, "create table") {
		t.Errorf("%+v", h)
	}
	if got := a.target.Query1(t, "select (select count(*) from a) || ' ' || coalesce(to_regclass('b')::text, '-')"); got != "0 -" {
		t.Errorf("left %s", got)
	}
	a.target.Exec(t, "alter table a drop column x")
	run = a.run()
	run.catchUp()
	a.sameShapes()
	a.equalNow()
}

// A lock on the target is waited for, a short while at a time: who reads there is not
// kept waiting behind the command for long.
func TestUndeclaredWaitsForLocks(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key, v text)")
	cfg := a.config()
	retries := new(retries)
	cfg.Sink = retries
	holder := a.target.Conn(t)
	tx, err := holder.Begin(t.Context())
	a.must(err)
	_, err = tx.Exec(t.Context(), "select from a")
	a.must(err)
	run := a.runWith(cfg)
	a.inOne("insert into a values (1, 'a')", "alter table a add column x int", "update a set x = 5")
	pgtest.Eventually(t, func() error {
		if n := retries.count(); n < 2 {
			return fmt.Errorf("%d retries", n)
		}
		return nil
	})
	if text := a.events.String(); !strings.Contains(text, fmt.Sprintf("pid %d", holder.PgConn().PID())) {
		t.Error(text)
	}
	a.must(tx.Rollback(t.Context()))
	run.catchUp()
	a.sameShapes()
	a.equalNow()
}

// Sessions of the stream are ended at random while commands and rows come: in the end
// both sides are the same.
func TestUndeclaredKilled(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key, v int default 0); create table log (n int)")
	run := a.run()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { a.kill(ctx) })
	for i := range 8 {
		a.source.Exec(t, fmt.Sprintf("insert into log values (%d)", i))
		a.inOne(fmt.Sprintf("insert into a (id) values (%d)", i), fmt.Sprintf("alter table a add column c%d int default %[1]d", i),
			fmt.Sprintf("update a set c%d = id", i), fmt.Sprintf("create table t%d (id int primary key)", i), fmt.Sprintf("insert into t%d values (1)", i))
		a.source.Exec(t, fmt.Sprintf("create index concurrently a_c%d on a (c%[1]d)", i))
		pgtest.Eventually(t, func() error { return atLeast(a.rig, "select count(*) from log", i/2) })
	}
	stop()
	wg.Wait()
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if a.events.count("stream interrupted") == 0 {
		t.Error("nothing was hit")
	}
	if got := a.target.Query1(t, "select count(*) from pg_index where not indisvalid"); got != "0" {
		t.Errorf("%s invalid indexes", got)
	}
	if got := a.target.Query1(t, "select alone from bascule.stream"); got != "" {
		t.Errorf("left %s", got)
	}
	if t.Failed() {
		t.Log(a.events)
	}
}

// kill ends the stream's sessions each time that it has come further, a while after that.
func (a *auto) kill(ctx context.Context) {
	conn := a.target.Conn(a.t)
	random := rand.New(rand.NewPCG(1, 2))
	for last := ""; ctx.Err() == nil; {
		var now string
		if conn.QueryRow(context.WithoutCancel(ctx), "select lsn::text from bascule.position where name = ''").Scan(&now) == nil && now != last {
			last = now
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(random.IntN(1500)) * time.Millisecond):
			}
			_, _ = conn.Exec(context.WithoutCancel(ctx), "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'bascule%'")
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// With the source's owners, commands run as who ran them; one who is not there halts.
func TestUndeclaredRoles(t *testing.T) {
	t.Parallel()
	r := between(t, pgtest.Server(t, 15), pgtest.Server(t, 16), "create table a (id int primary key)")
	a := r.withLog()
	a.ddl.Owners = true
	role, _ := a.source.Role(t, "")
	a.source.Exec(t, "grant all on schema public to "+role)
	run := a.run()
	a.inOne("set local role "+role, "create table b (id int primary key)", "set local role none", "insert into b values (1)")
	h := run.halted().Halt
	if h.Code != "undeclared" || !strings.Contains(h.Text, `role "`+role+`" does not exist`) || !strings.Contains(h.Text, "create table b") {
		t.Errorf("%+v", h)
	}
	a.target.Exec(t, "create role "+role+"; grant all on schema public to "+role)
	run = a.run()
	a.source.Exec(t, "alter table b owner to current_user")
	a.source.Exec(t, "alter table b owner to "+role)
	run.catchUp()
	a.equalNow()
	if got := a.target.Query1(t, "select relowner::regrole::text from pg_class where relname = 'b'"); got != role {
		t.Errorf("owner %s", got)
	}
}

// A statement that runs by itself, of a role that is not there, halts with the block that
// is to be pasted; when the role is there, it runs.
func TestUndeclaredAloneRole(t *testing.T) {
	t.Parallel()
	r := between(t, pgtest.Server(t, 15), pgtest.Server(t, 16), "create table a (id int primary key, v int)")
	role, _ := r.source.Role(t, "")
	r.source.Exec(t, "grant all on schema public to "+role+"; alter table a owner to "+role)
	a := r.withLog()
	a.ddl.Owners = true
	owner, err := pgx.Connect(t.Context(), a.source.URLAs(role))
	a.must(err)
	defer owner.Close(context.Background())
	run := a.run()
	_, err = owner.Exec(t.Context(), "create index concurrently a_v on public.a (v)")
	a.must(err)
	h := run.halted().Halt
	if h.Code != "undeclared" || !strings.Contains(h.Text, `role "`+role+`" does not exist`) || !strings.Contains(h.Remedy, "bascule run -retry") ||
		!strings.Contains(h.Remedy, "create index concurrently a_v on public.a (v)") {
		t.Errorf("%+v", h)
	}
	a.target.Exec(t, "create role "+role+"; grant all on schema public to "+role+"; alter table a owner to "+role)
	run = a.run()
	run.catchUp()
	a.sameShapes()
}

// The command of a ddl block is its own, not the log's; a stream beside the main one
// ends at a command of the log; what the source could not log halts.
func TestUndeclaredBesideBlocks(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table public.a (id int primary key)")
	run := a.run()
	d := a.declare("x", "alter table public.a add column x int default 3; alter table public.a add column y int")
	a.runs(d)
	a.source.Exec(t, "insert into a values (1, 1, 1)")
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if d := a.recorded(d); d.Applied.IsZero() || a.events.count("DDL applied") != 0 {
		t.Errorf("%+v\n%s", d, a.events)
	}
	if err := run.end(); err != nil {
		t.Fatal(err)
	}

	a.must(ledger.StartPosition(t.Context(), a.target.Conn(t), a.mirror, "beside", a.position()))
	a.source.Exec(t, "alter table a add column z int")
	cfg := a.config()
	cfg.Name = "beside"
	err := a.runWith(cfg).result()
	var overtaken *stream.OvertakenError
	if !errors.As(err, &overtaken) || overtaken.Address != "ALTER TABLE public.a" {
		t.Errorf("%v", err)
	}
	run = a.run()
	run.catchUp()
	a.sameShapes()

	a.source.Exec(t, "insert into "+a.ddl.Log+".ddl (tag, query, role, search_path, objects, tables, problem) values ('ALTER TABLE', 'alter table a add column q int', 'postgres', '', '[]', '[]', 'out of luck')")
	if h := run.halted().Halt; h.Code != "undeclared" || !strings.Contains(h.Text, "the source could not log what it did: out of luck") {
		t.Errorf("%+v", h)
	}
}

// A statement that cannot run in a transaction waits by itself, is ended in the middle,
// and is there once.
func TestUndeclaredAloneIsEnded(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key, v int); insert into a select i, i from generate_series(1, 100) i")
	run := a.run()
	run.catchUp()
	holder := a.target.Conn(t)
	tx, err := holder.Begin(t.Context())
	a.must(err)
	_, err = tx.Exec(t.Context(), "lock a in row exclusive mode")
	a.must(err)
	a.source.Exec(t, "create index concurrently a_v on a (v)")
	waits := "datname = current_database() and application_name = 'bascule/ddl.log' and wait_event_type = 'Lock'"
	pgtest.Eventually(t, func() error { return atLeast(a.rig, "select count(*) from pg_stat_activity where "+waits, 1) })
	a.target.Exec(t, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'bascule/%'")
	pgtest.Eventually(t, func() error { return atLeast(a.rig, "select count(*) from pg_stat_activity where "+waits, 1) })
	a.must(tx.Rollback(t.Context()))
	a.source.Exec(t, "insert into a values (101, 1)")
	run.catchUp()
	a.sameShapes()
	a.equalNow()
	if got := a.target.Query1(t, "select string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' order by 1) from pg_index where indrelid = 'a'::regclass"); !strings.Contains(got, "a_v true") {
		t.Error(got)
	}
}

// Who lost the position neither begins with a statement that runs by itself, nor says how
// far one is: that is the next holder's word.
func TestUndeclaredAloneOfAnotherHolder(t *testing.T) {
	t.Parallel()
	a := logging(t, "create table a (id int primary key, v int)")
	another := func() {
		_, err := ledger.TakePosition(t.Context(), a.target.Conn(t), a.mirror, ledger.Main)
		a.must(err)
		a.target.Exec(t, "update bascule.stream set alone = 'the next one''s'")
	}
	ends := func(run *running) {
		t.Helper()
		var lost *stream.LeaseLostError
		wantErr(t, run.result(), &lost)
		if got := a.target.Query1(t, "select alone from bascule.stream"); got != "the next one's" {
			t.Errorf("recorded: %s", got)
		}
	}
	run := a.run()
	run.catchUp()
	another()
	a.source.Exec(t, "create index concurrently a_v on a (v)")
	ends(run)
	if got := a.target.Query1(t, "select count(*) from pg_class where relname = 'a_v'"); got != "0" {
		t.Error("it was run")
	}

	holder := a.target.Conn(t)
	tx, err := holder.Begin(t.Context())
	a.must(err)
	_, err = tx.Exec(t.Context(), "lock a in row exclusive mode")
	a.must(err)
	run = a.run()
	a.target.Eventually(t, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'bascule/ddl.log' and wait_event_type = 'Lock'", "1")
	another()
	a.must(tx.Rollback(t.Context()))
	ends(run)
}
