package stream_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/stream"
	"bascule/planner/catalog/pgtest"
)

// A lock that somebody holds on the target is waited for, and told with its holder. No
// try is in the way of others for longer than lock_timeout. A stream that is stopped
// meanwhile ends at once, and the next one goes on waiting.
func TestCommandWaitsForLock(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key)")
	cfg := r.config()
	seen := new(retries)
	cfg.Sink = seen
	run := r.runWith(cfg)
	run.catchUp()
	reader := r.target.Conn(t)
	_, err := reader.Exec(t.Context(), "begin; select * from a")
	r.must(err)
	d := r.declare("v", "alter table public.a add column v int default 1")
	r.source.Exec(t, "insert into a values (1)")
	r.runs(d)
	r.source.Exec(t, "insert into a values (2)")
	holder := fmt.Sprintf("pid %d", reader.PgConn().PID())
	waits := func() error {
		if last := seen.last(); last == nil || !strings.Contains(last.Error(), holder) {
			return fmt.Errorf("%s is not named: %v", holder, last)
		}
		return nil
	}
	pgtest.Eventually(t, waits)
	if got := r.target.Query1(t, "set statement_timeout = '30s'; select count(*) from a"); got != "1" {
		t.Errorf("%s rows", got)
	}
	began := time.Now()
	if err := run.end(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if p, c := r.position(), r.confirmed(); p != c {
		t.Errorf("position %s, confirmed %s", p, c)
	}

	again := new(retries)
	seen, cfg.Sink = again, again
	run = r.runWith(cfg)
	pgtest.Eventually(t, waits)
	_, err = reader.Exec(t.Context(), "commit")
	r.must(err)
	run.catchUp()
	r.equal()
	if n := r.events.count("command applied"); n != 1 {
		t.Errorf("%d commands", n)
	}
}

// On the target too a command finds nothing by a search_path, whatever the database has,
// and waits for no lock longer than it may.
func TestCommandSettings(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key)")
	r.target.Exec(t, "alter database "+pgname.Quote(r.target.Name)+" set search_path = public; alter database "+pgname.Quote(r.target.Name)+" set lock_timeout = '1h'")
	run := r.run()
	r.runs(r.declare("v", "create table public.seen as select pg_catalog.btrim(pg_catalog.current_setting('search_path'), '\"') as path, pg_catalog.current_setting('lock_timeout') as timeout"))
	run.catchUp()
	if got := r.target.Query1(t, "select path || '|' || timeout from public.seen"); got != "|200ms" {
		t.Errorf("the command ran under %s", got)
	}
}

// A command that the target refuses halts the stream right before it, and runs when the
// cause is gone.
func TestCommandFails(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key)")
	r.target.Exec(t, "alter table a add column v int")
	run := r.run()
	d := r.declare("v", "create table public.made (id int); alter table public.a add column v int default 5")
	r.source.Exec(t, "insert into a values (1)")
	r.runs(d)
	r.source.Exec(t, "insert into a values (2)")
	h := run.halted().Halt
	if h.Code != "42701" || h.LSN == "" || !strings.HasPrefix(h.Text, "ddl.v: ERROR: ") || !strings.Contains(h.Remedy, "run -retry='mirror.app'") || !strings.Contains(h.Remedy, d.Command) {
		t.Errorf("%+v", h)
	}
	if got := r.target.Query1(t, "select string_agg(id::text, ' ') || coalesce(to_regclass('public.made')::text, '') from a"); got != "1" {
		t.Errorf("the target has %s", got)
	}
	r.run().halted() // nothing has changed
	r.target.Exec(t, "alter table a drop column v")
	run = r.run()
	run.catchUp()
	r.equal()
	if r.recorded(d).Applied.IsZero() {
		t.Error("it is not recorded")
	}
}

// Commands while sessions of ours are ended at random moments: each is run once.
func TestCommandsKilled(t *testing.T) {
	t.Parallel()
	r := setUp(t, `
		create table public.a (writer int, n int, v int default 0, primary key (writer, n));
		create table public.ran (name text)`)
	r.source.Exec(t, "alter publication only_inserts drop table ran")
	cfg := r.config()
	seen := new(retries)
	cfg.Sink = seen
	run := r.runWith(cfg)
	ctx, stop := context.WithTimeout(t.Context(), 8*time.Second)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { writeRows(ctx, t, r, 0) })
	wg.Go(func() { kill(ctx, t, r) })
	wg.Go(func() { sample(ctx, t, r) })
	n := 0
	for ; ctx.Err() == nil; n++ {
		r.runs(r.declare(fmt.Sprintf("c%d", n), fmt.Sprintf(
			"alter table public.a add column c%d int default %[1]d; insert into public.ran values ('c%[1]d'); select pg_catalog.pg_sleep(0.05)", n)))
	}
	wg.Wait()
	run.catchUp()
	r.equal()
	if t.Failed() {
		t.Log(r.events)
	}
	t.Logf("%d commands, %d connections, %d retries", n, r.events.count("stream begins"), seen.count())
	if got := r.target.Query1(t, "select count(*) from bascule.ddl where applied is not null"); got != strconv.Itoa(n) {
		t.Errorf("%s of %d are recorded", got, n)
	}
	if seen.count() == 0 {
		t.Error("nothing was hit")
	}
}

// A session that is ended in the middle of a command leaves nothing of it, and the
// command runs again.
func TestCommandInterrupted(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key)")
	run := r.run()
	d := r.declare("slow", "create table public.made (id int); select pg_catalog.pg_sleep(1); insert into public.made values (1); alter table public.a add v int default 1")
	r.runs(d)
	r.source.Exec(t, "insert into a values (1)")
	const sleeps = "pid in (select pid from pg_stat_activity where datname = current_database() and application_name = 'bascule/app/apply' and wait_event = 'PgSleep')"
	pgtest.Eventually(t, func() error { return atLeast(r, "select count(*) from pg_stat_activity where "+sleeps, 1) })
	r.target.Exec(t, "select pg_terminate_backend(pid) from pg_stat_activity where "+sleeps)
	run.catchUp()
	r.equal()
	if got := r.target.Query1(t, "select count(*) from made"); got != "1" {
		t.Errorf("it was run %s times", got)
	}
}

// Another holder of the position is never run into by a command of an earlier one.
func TestCommandOfAnotherHolder(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table public.a (id int primary key)")
	run := r.run()
	run.catchUp()
	_, err := ledger.TakePosition(t.Context(), r.target.Conn(t), r.mirror, ledger.Main)
	r.must(err)
	r.runs(r.declare("v", "alter table public.a add v int"))
	var lost *stream.LeaseLostError
	wantErr(t, run.result(), &lost)
	if got := r.target.Query1(t, "select count(*) from pg_attribute where attrelid = 'a'::regclass and attname = 'v'"); got != "0" {
		t.Error("it was run")
	}
}

// A command cannot come with rows of the mirror, and none runs beside the main stream.
func TestCommandOutOfPlace(t *testing.T) {
	t.Parallel()
	r := setUp(t, "create table b (writer int, n int, v int default 0, primary key (writer, n))")
	side := r.beside(r.members[0])
	d := r.declare("v", "alter table public.b add w int")
	r.runs(d)
	var overtaken *stream.OvertakenError
	wantErr(t, side.result(), &overtaken)
	if overtaken.Address != "ddl.v" || overtaken.Hint() == "" {
		t.Errorf("%+v", overtaken)
	}

	run := r.run()
	run.catchUp()
	d = r.declare("rows", "create index on public.b (n); insert into public.b values (9, 9)")
	r.runs(d)
	if h := run.halted().Halt; h.Code != "ddl" || !strings.Contains(h.Text, "ddl.rows") {
		t.Errorf("%+v", h)
	}
}
