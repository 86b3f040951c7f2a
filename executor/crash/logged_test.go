package crash_test

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/catalog/pgtest"
)

// newLoggedWorld is a commandWorld whose source logs its DDL. Both servers are its own.
func newLoggedWorld(t *testing.T, build, ddl string) *commandWorld {
	t.Helper()
	w := &commandWorld{world: &world{source: pgtest.Own(t, 15).Database(t, loggedTables+watched), target: pgtest.Own(t, 15).Database(t, ""), build: build,
		ddl: ddl, blocks: `tables = ["public.*"]`}}
	w.lay(t)
	w.complete(t)
	w.target.Exec(t, watched+"; alter event trigger watched enable always")
	return w
}

const loggedTables = `
	create table t (id serial primary key, b int);
	insert into t (b) select i from generate_series(1, 200) i;
	create table u (id int primary key);
	create table p (id int, n int, primary key (id, n)) partition by list (n);
	create table p_0 partition of p for values in (0);
	insert into p select i, 0 from generate_series(1, 50) i;`

// A transaction with rows, DDL and rows, and a command that runs by itself, arrive while
// the runner, or what works for it in either server, is killed in every moment of that.
func TestLoggedKilled(t *testing.T) {
	long(t)
	t.Parallel()
	w := newLoggedWorld(t, program, "auto")
	stop := writer(t, w.source)
	for range rounds(1) {
		for _, s := range strikesLogged {
			for _, v := range []victim{streamer, targetServer, sourceServer} {
				if v != sourceServer || s.streams {
					if v == sourceServer {
						stop() // one whose commit gets no answer would fail
					}
					w.surviveLogged(t, s, v)
					if v == sourceServer {
						stop = writer(t, w.source)
					}
				}
			}
		}
	}
	stop()
	w.checkAtLast(t)
	w.dropMade(t)
	w.checkDestroyed(t)
}

// surviveLogged is a transaction during which one thing is killed.
func (w *commandWorld) surviveLogged(t *testing.T, s strikeLogged, v victim) {
	t.Helper()
	begun := time.Now()
	w.number++
	r := w.run(t)
	w.caughtUpBy(t, r, "insert into t (b) values (0)")
	for _, sql := range s.prepare {
		w.source.Exec(t, w.numbered(sql))
	}
	w.caughtUpBy(t, r, "insert into t (b) values (0)")
	before := shapes(t, w.target)
	for _, db := range []*pgtest.DB{w.source, w.target} {
		db.Exec(t, "truncate watch.seen")
	}
	s.strike(t, w, r, v)
	// What a source has sent of a transaction that it committed may be all of it.
	now := shapes(t, w.target)
	sent := v == sourceServer && now == shapes(t, w.source)
	if !s.passed && now != before && !s.halfway && !sent {
		t.Errorf("%s: after the kill of the %s the target has what was not through:\n%s", s.moment, v, now)
	}
	if !r.alive() {
		r = w.run(t)
	}
	w.caughtUpBy(t, r, "insert into t (b) values (0)")
	w.agree(t, fmt.Sprintf("%s, %s", s.moment, v))
	if got := w.target.Query1(t, "select alone from bascule.stream"); got != "" {
		t.Errorf("%s, %s: the mark %q is left", s.moment, v, got)
	}
	r.stop(t)
	t.Logf("%s, %s: %v", s.moment, v, time.Since(begun).Round(10*time.Millisecond))
}

// strike has the transaction come, and kills in the moment.
func (s strikeLogged) strike(t *testing.T, w *commandWorld, r *process, v victim) {
	t.Helper()
	release := func() {}
	if len(s.holds) > 0 {
		release = held(t, w.target, w.numberedAll(s.holds)...)
	}
	if s.pause {
		release = w.pauses(t)
	}
	if s.line != nil {
		w.toTarget.Slow(lasting)
	}
	from := r.mark()
	w.sends(t, s.statements...)
	switch {
	case s.line != nil:
		if r.await(from, momentComes, s.line) < 0 {
			t.Fatalf("%s: the moment does not come:\n%s", s.moment, r.output())
		}
	case s.pause:
		w.paused(t)
	default:
		waits(t, w.target)
	}
	if s.then != "" { // what it waited for ends, and it comes to the next thing
		next := held(t, w.target, s.then)
		release()
		w.target.Eventually(t, "select count(*) > 0 from pg_stat_activity where datname = current_database() and application_name = 'bascule/app/apply' and wait_event_type = 'Lock'", "t")
		release = next
	}
	w.killOne(t, r, v)
	w.toTarget.Slow(0)
	release()
	if v == streamer {
		w.gone(t)
	}
}

// killOne kills the runner, or a process of a server that works for it: then the server
// ends all others, and recovers.
func (w *commandWorld) killOne(t *testing.T, r *process, v victim) {
	t.Helper()
	if v == streamer {
		r.kill()
		w.target.Query(t, endOurs)
		return
	}
	db, name := w.target, "in ('bascule/app/apply', 'bascule/ddl.log')"
	if v == sourceServer {
		db, name = w.source, "= 'bascule/app/stream'"
	}
	started := db.Query1(t, selectStarted)
	pgtest.Eventually(t, func() error { // the link ends with each such transaction, and begins anew
		pid, err := strconv.Atoi(db.Query(t, "select pid from pg_stat_activity where datname = current_database() and application_name "+name+" order by wait_event_type is not distinct from 'Lock' desc, backend_start limit 1"))
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	})
	pgtest.Eventually(t, func() error {
		conn, err := pgx.Connect(t.Context(), db.URL)
		if err != nil {
			return err
		}
		defer conn.Close(t.Context())
		var now string
		err = conn.QueryRow(t.Context(), selectStarted).Scan(&now)
		if err == nil && now == started {
			err = fmt.Errorf("the server has not noticed")
		}
		return err
	})
}

// sends runs statements on the source, in one transaction unless there is only one.
func (w *commandWorld) sends(t *testing.T, statements ...string) {
	t.Helper()
	if len(statements) > 1 {
		statements = append(append([]string{"begin"}, statements...), "commit")
	}
	must(t, w.source.Conn(t), w.numberedAll(statements)...)
}

func (w *commandWorld) numberedAll(list []string) (all []string) {
	for _, sql := range list {
		all = append(all, w.numbered(sql))
	}
	return all
}

// held runs statements in a transaction that is open until release, and rolled back then,
// if its server has not died meanwhile.
func held(t *testing.T, db *pgtest.DB, sqls ...string) (release func()) {
	t.Helper()
	conn := db.Conn(t)
	must(t, conn, append([]string{"begin"}, sqls...)...)
	return func() { _ = conn.Close(context.Background()) }
}

// follows sets how the mirror takes DDL that nobody declared.
func (w *commandWorld) follows(t *testing.T, ddl string) {
	t.Helper()
	w.ddl = ddl
	w.write(t)
}

// dropMade takes away what strikes have made on the source.
func (w *commandWorld) dropMade(t *testing.T) {
	t.Helper()
	w.source.Exec(t, dropMade)
}

// agree demands that both sides have the same shapes, and have had the same commands.
func (w *commandWorld) agree(t *testing.T, moment string) {
	t.Helper()
	if source, target := shapes(t, w.source), shapes(t, w.target); source != target {
		t.Errorf("%s: the source is\n%s\nand the target\n%s", moment, source, target)
	}
	if source, target := w.source.Query(t, tagsSeen), w.target.Query(t, tagsSeen); source != target {
		t.Errorf("%s: the source has had %q, and the target %q", moment, source, target)
	}
}

// shapes are the columns, the indexes and the partitions of a side.
func shapes(t *testing.T, db *pgtest.DB) string {
	t.Helper()
	return db.Query(t, selectShapes)
}

// selectStarted is another when a server has recovered.
const selectStarted = "select pg_postmaster_start_time()::text || pid from pg_stat_activity where backend_type = 'checkpointer'"

const tagsSeen = "select tag, count(*) from watch.seen group by tag order by tag"

const selectShapes = `
	select c.relname || ' ' || string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attname)
	from pg_attribute a join pg_class c on c.oid = a.attrelid
	where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
	group by c.relname
	union all
	select i.indexrelid::regclass || ' ' || i.indisvalid || ' ' || i.indisready from pg_index i join pg_class c on c.oid = i.indexrelid
	where c.relnamespace = 'public'::regnamespace
	union all
	select inhrelid::regclass || ' of ' || inhparent::regclass || ' ' || inhdetachpending from pg_inherits
	where inhrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
	order by 1`

// findsBuiltTwice kills a runner between a command that runs by itself and the record of
// that, and looks whether the next one knows that it ran.
func findsBuiltTwice(t *testing.T, build string) (faults []string) {
	w := newLoggedWorld(t, build, "auto")
	w.number++
	r := w.run(t)
	w.caughtUpBy(t, r, "insert into t (b) values (0)")
	s := strikeLogged{moment: "an index is built and that is not recorded", statements: []string{newIndex}, holds: []string{usesT}, then: records}
	s.strike(t, w, r, streamer)
	r = w.run(t)
	w.source.Exec(t, "insert into t (b) values (-2)")
	var halt string
	pgtest.Eventually(t, func() error {
		if halt = w.target.Query1(t, "select halt ->> 'text' from bascule.stream"); halt == "" && w.target.Query1(t, "select count(*) from t where b = -2") == "0" {
			return fmt.Errorf("neither halted nor through:\n%s", r.output())
		}
		return nil
	})
	if halt != "" {
		faults = append(faults, halt)
	}
	return faults
}

const dropMade = `
	do $$ declare made text; begin
		for made in
			select 'index ' || indexrelid::regclass from pg_index where indrelid = 't'::regclass and not indisprimary
			union all
			select 'table ' || oid::regclass from pg_class where relkind = 'r' and relname ~ '^p_[1-9]'
		loop execute 'drop ' || made; end loop;
	end $$`
