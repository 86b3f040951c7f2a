package executor_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor/verify"
	"bascule/planner/catalog/pgtest"
)

// block is a ddl block of the mirrors, "mirror.app" where none is named.
func block(name, command string, more ...string) string {
	mirrors := "mirrors = [mirror.app]"
	for _, line := range more {
		if strings.HasPrefix(line, "mirrors") {
			mirrors = ""
		}
	}
	return fmt.Sprintf("ddl %q {\n%s\ncommand = <<-SQL\n%s\nSQL\n%s\n}\n", name, mirrors, command, strings.Join(more, "\n"))
}

// shape is a list of what the tables of both sides must have in common.
const shape = `
	select c.relkind, n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
		coalesce(pg_get_expr(d.adbin, d.adrelid), ''), c.relreplident
	from pg_class c
	join pg_namespace n on n.oid = c.relnamespace
	left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
	left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
	where n.nspname !~ '^pg_|^information_schema|^bascule'`

const publishedTables = `
	select p.pubname ~ 'i$' as inserts, c.relname
	from pg_publication_rel r
	join pg_publication p on p.oid = r.prpubid
	join pg_class c on c.oid = r.prrelid
	where c.relname not in ('mark', 'busy', 'beside', 'noted', 'ddl')
	order by 1, 2`

// mode is a way by which a command that runs on the source comes to the target.
type mode struct {
	name   string
	stream string // of the mirror's stream block

	// runs: a runner streams meanwhile. If not, the first one comes after the command.
	runs bool

	// inside: the command is run by a transaction that writes rows before and after it.
	inside bool

	// command has the kind's commands run, and returns when they may be written behind.
	// over is the open transaction, which runs them where inside is set.
	command func(t *testing.T, f *follower, k commandKind, over *pgx.Conn)
}

// declared is the way of ddl blocks.
func declared(runs bool) mode {
	return mode{name: "declared", runs: runs, command: func(t *testing.T, f *follower, k commandKind, _ *pgx.Conn) {
		t.Helper()
		f.more = block("one", strings.Join(k.commands, ";\n"))
		last := "one"
		for i, command := range k.then {
			next := fmt.Sprintf("then_%d", i)
			f.more += block(next, command, fmt.Sprintf("depends_on = [ddl.%s]", last))
			last = next
		}
		f.applied(t)
	}}
}

// commandKinds are all kinds of commands.
var commandKinds = slices.Concat(columnKinds, constraintKinds, tableKinds)

// A command arrives where it was run among the rows, whatever it makes of the tables
// and whoever is writing to them, and nothing is left to do then.
func TestCommandsArrive(t *testing.T) {
	t.Parallel()
	majors := []int{15, 17, 18}
	for i, k := range commandKinds {
		for n, major := range majors {
			if !*longFlag && (i%5 != 0 || i/5%len(majors) != n) {
				continue // make suites runs all
			}
			t.Run(fmt.Sprintf("%s, 15 to %d", k.rule, major), func(t *testing.T) {
				t.Parallel()
				runKind(t, k, major, declared((i+n)%2 == 0))
			})
		}
	}
}

// runKind is the life of one command from a source of version 15 to a target of
// another, with writers before it, around it and after.
func runKind(t *testing.T, k commandKind, major int, m mode) {
	t.Helper()
	if m.inside && k.alone {
		t.Skip("it cannot run in a transaction")
	}
	source := pgtest.Server(t, 15).Database(t, k.schema+"; create table busy (id serial primary key, n int default 0); create table beside (id int primary key, said text)")
	f := newFollower(t, source, pgtest.Server(t, major).Database(t, ""), fmt.Sprintf("stream {\n%s\n%s\n}\n%s", m.stream, k.stream, k.body))
	f.applied(t)
	if m.runs {
		f.runs(t)
	}
	stop := busy(t, source)
	k.around(t, f, m)
	f.writes(t, k.after)
	stop()
	if !m.runs {
		f.runs(t)
	}
	if m.stream != "" && k.added != "" {
		f.arrived(t)
		works(t, f.applied(t), k.added)
	}
	f.same(t, `bascule\_%.ddl`)
	f.sameDefinitions(t)
	if m.stream != "" && !f.events.told(k.noted) {
		t.Errorf("%q was not noted\n%s", k.noted, f.events)
	}
	if !f.events.told(k.told) {
		t.Errorf("%q was not told\n%s", k.told, f.events)
	}
	if k.query != "" {
		f.sameRows(t, "query", k.query, k.query)
	}
	if got := strings.ReplaceAll(source.Query(t, publishedTables), "\n", ", "); k.published != "" && got != k.published {
		t.Errorf("published: %s, want %s", got, k.published)
	}
	f.settled(t)
}

// sameDefinitions demands that what both sides have is defined the same: also partitions,
// constraints, indexes, triggers and comments.
func (f *follower) sameDefinitions(t *testing.T) {
	t.Helper()
	f.sameRows(t, "shape", shape, shape)
	report, err := verify.Compare(t.Context(), connect(t, f.source), connect(t, f.target), verify.Options{SkipRows: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Differences {
		t.Errorf("differs: %v", d)
	}
}

// around has the commands run between what transactions write that began before them.
func (k commandKind) around(t *testing.T, f *follower, m mode) {
	t.Helper()
	over, in := begun(t, f.source, "insert into public.beside values (900, 'before')"), (*pgx.Conn)(nil)
	var waited func() bool
	if m.inside {
		says(t, over, k.before)
	} else {
		in = begun(t, f.source, k.before+"; insert into public.beside values (901, 'before')")
		waited = letsGo(t, f.source, in)
	}
	m.command(t, f, k, over)
	says(t, over, strings.ReplaceAll(k.span, "#", "900")+"; update public.beside set said = 'after' where id = 900; commit")
	if in == nil {
		return
	}
	if open := !waited(); open != k.open {
		t.Errorf("a transaction that had written before was still open: %t, want %t", open, k.open)
	}
	if in.PgConn().TxStatus() == 'T' {
		says(t, in, strings.ReplaceAll(k.span, "#", "901")+"; update public.beside set said = 'after' where id = 901; commit")
	}
}

// begun is a session with an open transaction.
func begun(t *testing.T, db *pgtest.DB, sql string) *pgx.Conn {
	t.Helper()
	conn := db.Conn(t)
	says(t, conn, "set search_path = public; begin; "+sql)
	return conn
}

func says(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%v\nin %s", err, sql)
	}
}

// letsGo commits a transaction as soon as somebody waits for it. What is returned ends
// that, and reports whether somebody did.
func letsGo(t *testing.T, db *pgtest.DB, conn *pgx.Conn) (waited func() bool) {
	t.Helper()
	looker := db.Conn(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan bool, 1)
	go func() {
		let := false
		for !let && ctx.Err() == nil {
			if looker.QueryRow(context.WithoutCancel(ctx), awaited, int32(conn.PgConn().PID())).Scan(&let, nil) != nil {
				break
			}
		}
		if let {
			_, err := conn.Exec(context.WithoutCancel(ctx), "commit")
			let = err == nil
		}
		ended <- let
	}()
	waited = sync.OnceValue(func() bool {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { waited() })
	return waited
}

// awaited looks whether a session of this database waits for what another has locked, and
// waits itself. A slot that is made for another database waits too.
const awaited = `
	select exists (
		select from pg_stat_activity
		where datname = current_database() and backend_type = 'client backend' and wait_event_type = 'Lock' and $1 = any (pg_blocking_pids(pid))
	), pg_sleep(0.05)::text`
