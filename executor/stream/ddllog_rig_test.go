package stream_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/slot"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/statement"
)

// auto is a rig whose source logs its DDL.
type auto struct {
	*rig
	settings planner.Stream
	ddl      stream.DDL
	noted    *heard
}

// parser has PostgreSQL's own parser ready: that takes seconds, of a test's time else.
var parser = sync.OnceFunc(func() { _, _ = statement.Parse("select 1") })

// heard is what a sink was told for the operator.
type heard struct{ texts chan string }

func (h *heard) Event(e progress.Event) {
	if x, ok := e.(progress.Noted); ok {
		select {
		case h.texts <- x.Text:
		default:
		}
	}
}

// all returns what was noted so far, a line each.
func (h *heard) all() string {
	var list []string
	for {
		select {
		case text := <-h.texts:
			list = append(list, text)
		default:
			return strings.Join(list, "\n")
		}
	}
}

func logging(t testing.TB, schema string, tables ...string) *auto {
	t.Helper()
	return loggingTo(t, 15, schema, tables...)
}

// loggingTo makes a rig from 15 to a server of another major; tables are the mirror's
// patterns.
func loggingTo(t testing.TB, major int, schema string, tables ...string) *auto {
	t.Helper()
	r := between(t, pgtest.Server(t, 15), pgtest.Server(t, major), schema)
	return r.withLog(tables...)
}

func (r *rig) withLog(tables ...string) *auto { return r.withLogOf(false, tables...) }

func (r *rig) withLogOf(root bool, tables ...string) *auto {
	r.t.Helper()
	parser()
	log := "bascule_" + strings.ReplaceAll(r.source.Name, "-", "_")
	if len(log) > 40 {
		log = log[:40]
	}
	log += "_00000000"
	a := &auto{rig: r, noted: &heard{texts: make(chan string, 100)}, settings: planner.Stream{Slot: r.slot, OwnSlot: true,
		Publication: "all_changes", Inserts: "only_inserts", OwnPublications: true, DDL: planner.DDLAuto, Log: log, ViaRoot: root, LogTables: tables}}
	conn := r.source.Conn(r.t)
	r.must(slot.EnsureLog(r.t.Context(), conn, a.settings))
	r.startAt(r.source.Query1(r.t, "select pg_current_wal_insert_lsn()"))
	a.ddl = stream.DDL{Log: log, Some: len(tables) > 0, LockTimeout: 300 * time.Millisecond}
	return a
}

func (a *auto) config() stream.Config {
	cfg := a.rig.config()
	cfg.DDL, cfg.Sink = a.ddl, a.noted
	return cfg
}

func (a *auto) run() *running { return a.runWith(a.config()) }

// equalNow compares all tables that the ledger has as members now.
func (a *auto) equalNow() {
	a.t.Helper()
	list, err := ledger.Members(a.t.Context(), a.target.Conn(a.t), a.mirror)
	a.must(err)
	a.members = nil
	for _, m := range list {
		if m.State == ledger.Followed {
			a.members = append(a.members, m)
		}
	}
	a.equal()
}

// memberNames are those followed, with how.
func (a *auto) memberNames() string {
	a.t.Helper()
	return a.target.Query1(a.t, `select coalesce(string_agg(name || ' ' || follow || ' ' || array_to_string(key, ','), '; ' order by name), '')
		from bascule.member where state = 'streaming'`)
}

// shapes are the definitions of a database.
func shapes(t testing.TB, db *pgtest.DB) string {
	t.Helper()
	return db.Query(t, selectShapes)
}

const selectShapes = `
	select c.relkind, n.nspname, c.relname, case when c.relkind in ('r', 'p', 'v', 'm') then (
		select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end, pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attname)
		from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
		where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) when c.relkind in ('i', 'I') then pg_get_indexdef(c.oid) end
	from pg_class c join pg_namespace n on n.oid = c.relnamespace
	where n.nspname not like 'pg\_%' and n.nspname <> 'information_schema' and n.nspname not like 'bascule%'
	union all
	select 'k', n.nspname, k.conrelid::regclass || ' ' || k.conname, pg_get_constraintdef(k.oid)
	from pg_constraint k join pg_namespace n on n.oid = k.connamespace
	where n.nspname not like 'pg\_%' and n.nspname <> 'information_schema' and n.nspname not like 'bascule%' and k.contype <> 'n'
	union all
	select 'f', n.nspname, p.oid::regprocedure::text, p.prosrc
	from pg_proc p join pg_namespace n on n.oid = p.pronamespace
	where n.nspname not like 'pg\_%' and n.nspname <> 'information_schema' and n.nspname not like 'bascule%'
	order by 1, 2, 3`

// sameShapes wants both sides to be of the same definitions.
func (a *auto) sameShapes() {
	a.t.Helper()
	if s, d := shapes(a.t, a.source), shapes(a.t, a.target); s != d {
		a.t.Errorf("definitions differ:\n%s", difference(s, d))
	}
}

func difference(a, b string) string {
	was, is := map[string]bool{}, map[string]bool{}
	for line := range lines(a) {
		was[line] = true
	}
	for line := range lines(b) {
		is[line] = true
	}
	var out strings.Builder
	for line := range lines(a) {
		if !is[line] {
			out.WriteString("source " + line + "\n")
		}
	}
	for line := range lines(b) {
		if !was[line] {
			out.WriteString("target " + line + "\n")
		}
	}
	return out.String()
}

// inOne runs statements in one transaction of the source, each sent by itself.
func (a *auto) inOne(statements ...string) {
	a.t.Helper()
	conn := a.source.Conn(a.t)
	for _, sql := range append(append([]string{"begin"}, statements...), "commit") {
		if _, err := conn.Exec(a.t.Context(), sql); err != nil {
			a.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// answer does on the target what `bascule apply` does with a block of a halt.
func (a *auto) answer(h ledger.Halt) (command string) {
	a.t.Helper()
	label, command := blockOf(a.t.(*testing.T), h.Remedy)
	d := a.declare(label, command)
	a.target.Exec(a.t, "set search_path = ''; "+command)
	a.must(pgx.BeginFunc(a.t.Context(), a.target.Conn(a.t), func(tx pgx.Tx) error {
		return ledger.ApplyDDL(a.t.Context(), tx, a.mirror, d, a.position())
	}))
	return command
}
