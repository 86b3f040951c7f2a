package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/stream"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// rig is a mirror between two databases, as apply leaves it: equal tables, a slot and
// publications on the source, its records on the target.
type rig struct {
	t              testing.TB
	source, target *pgtest.DB
	mirror         string // in the ledger
	slot           string
	events         *events
	members        []ledger.Member
	binary         bool
	skip           bool
}

// setUp makes one of a schema that is the same on both sides. All tables are members:
// with a usable identity of all changes, without of inserts only. The position is that
// of the slot.
func setUp(t testing.TB, schema string) *rig {
	t.Helper()
	return between(t, pgtest.Server(t, 15), pgtest.Server(t, 15), schema)
}

func between(t testing.TB, from, to *pgtest.Cluster, schema string) *rig {
	t.Helper()
	r := &rig{t: t, source: from.Database(t, schema), target: to.Database(t, schema), events: new(events)}
	r.slot = r.source.Name
	r.mirror = "00000000/mirror." + r.source.Name
	r.publish()
	conn := r.target.Conn(t)
	r.must(ledger.Ensure(t.Context(), conn))
	_, err := ledger.Begin(t.Context(), conn, ledger.Mirror{ID: r.mirror, Address: "mirror.app", Lineage: "00000000"})
	r.must(err)
	r.must(ledger.SetStream(t.Context(), conn, r.mirror, planner.Stream{Slot: r.slot, Publication: "all_changes", Inserts: "only_inserts"}, 1))
	r.must(ledger.PutMembers(t.Context(), conn, r.mirror, r.members...))
	point := r.source.Query1(t, "select lsn from pg_create_logical_replication_slot('"+r.slot+"', 'pgoutput')")
	r.startAt(point)
	return r
}

// publish makes the publications, and members of all tables.
func (r *rig) publish() {
	r.t.Helper()
	lists := map[string][]string{}
	for line := range lines(r.source.Query(r.t, selectTables)) {
		var m ledger.Member
		cells := strings.Split(line, "|")
		_, err := fmt.Sscan(cells[0], &m.Source)
		r.must(err)
		m.Schema, m.Name, m.TargetSchema, m.TargetName = cells[1], cells[2], cells[1], cells[2]
		m.State, m.Follow = ledger.Followed, planner.FollowAll
		if cells[3] != "" {
			m.Key = strings.Split(cells[3], ",")
		}
		list := "all_changes"
		if cells[4] != "t" {
			m.Follow, list = planner.FollowInserts, "only_inserts"
		}
		lists[list] = append(lists[list], "only "+pgname.Qualified(m.Schema, m.Name))
		r.members = append(r.members, m)
	}
	for name, kinds := range map[string]string{"all_changes": "insert, update, delete, truncate", "only_inserts": "insert, truncate"} {
		tables := ""
		if len(lists[name]) > 0 {
			tables = " for table " + strings.Join(lists[name], ", ")
		}
		r.source.Exec(r.t, "create publication "+name+tables+" with (publish = '"+kinds+"')")
	}
}

const selectTables = `
	select c.oid, n.nspname, c.relname,
		(select string_agg(a.attname, ',' order by a.attnum) from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
		 where i.indrelid = c.oid and (i.indisreplident or i.indisprimary and c.relreplident in ('d', 'f'))),
		c.relreplident = 'f' or exists (select from pg_index i where i.indrelid = c.oid
			and (c.relreplident = 'd' and i.indisprimary or c.relreplident = 'i' and i.indisreplident))
	from pg_class c join pg_namespace n on n.oid = c.relnamespace
	where c.relkind = 'r' and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'bascule')
	order by 2, 3`

func (r *rig) startAt(point string) {
	r.t.Helper()
	lsn, err := catalog.ParseLSN(point)
	r.must(err)
	r.must(ledger.StartPosition(r.t.Context(), r.target.Conn(r.t), r.mirror, ledger.Main, lsn))
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// config is that of the main stream.
func (r *rig) config() stream.Config {
	return stream.Config{
		Mirror: r.mirror, Source: r.replication, Target: r.session,
		Slot: r.slot, Publications: []string{"all_changes", "only_inserts"},
		Binary: r.binary, SkipMissing: r.skip,
		Log: slog.New(r.events), Label: "mirror.app",
	}
}

func (r *rig) replication(ctx context.Context) (*pgconn.PgConn, error) {
	peer := &config.Peer{Address: "peer.source", URL: config.Secret(r.source.URL)}
	conn, err := session.Open(ctx, peer, session.Options{Application: "bascule/app/stream", Replication: true})
	if err != nil {
		return nil, err
	}
	return conn.PgConn(), nil
}

func (r *rig) session(ctx context.Context) (*pgx.Conn, error) {
	peer := &config.Peer{Address: "peer.target", URL: config.Secret(r.target.URL)}
	return session.Open(ctx, peer, session.Options{Application: "bascule/app/apply",
		Settings: map[string]string{"session_replication_role": "replica", "synchronous_commit": "off"}})
}

// running is a stream in its goroutine.
type running struct {
	*stream.Stream
	r    *rig
	stop context.CancelFunc
	done chan struct{}
	err  error
}

func (r *rig) run() *running { return r.runWith(r.config()) }

func (r *rig) runWith(cfg stream.Config) *running {
	ctx, stop := context.WithCancel(context.Background())
	run := &running{Stream: stream.New(cfg), r: r, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(run.done)
		run.err = run.Run(ctx)
	}()
	r.t.Cleanup(func() { stop(); <-run.done })
	return run
}

// end stops it gracefully and returns what Run did.
func (run *running) end() error {
	run.stop()
	return run.result()
}

func (run *running) result() error {
	run.r.t.Helper()
	select {
	case <-run.done:
		return run.err
	case <-time.After(30 * time.Second):
		run.r.t.Fatal("the stream does not end")
		return nil
	}
}

// catchUp waits until everything that is committed on the source now is applied.
func (run *running) catchUp() {
	run.r.t.Helper()
	lsn, err := catalog.ParseLSN(run.r.source.Query1(run.r.t, "select pg_current_wal_insert_lsn()"))
	run.r.must(err)
	ctx, cancel := context.WithTimeout(run.r.t.Context(), 60*time.Second)
	defer cancel()
	if err := run.CatchUp(ctx, lsn); err != nil {
		select {
		case <-run.done:
			run.r.t.Fatalf("the stream ended: %v", run.err)
		default:
			run.r.t.Fatalf("not at %s, but %+v: %v\n%s", lsn, run.Progress(), err, run.r.events)
		}
	}
}

// equal compares all tables by content.
func (r *rig) equal() {
	r.t.Helper()
	for _, m := range r.members {
		sql := "select count(*), coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from only " + pgname.Qualified(m.Schema, m.Name) + " t"
		if a, b := r.source.Query(r.t, sql), r.target.Query(r.t, sql); a != b {
			r.t.Errorf("%s.%s differs: source %s, target %s", m.Schema, m.Name, a, b)
		}
	}
}

// halted waits until a run halts.
func (run *running) halted() *stream.HaltError {
	run.r.t.Helper()
	var halt *stream.HaltError
	if err := run.result(); !errors.As(err, &halt) {
		run.r.t.Fatalf("no halt but %v", err)
	}
	return halt
}

// events is a log that tests read.
type events struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen map[string]int
}

func (e *events) Enabled(context.Context, slog.Level) bool { return true }
func (e *events) WithAttrs([]slog.Attr) slog.Handler       { return e }
func (e *events) WithGroup(string) slog.Handler            { return e }
func (e *events) Handle(_ context.Context, r slog.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		e.seen = make(map[string]int)
	}
	e.seen[r.Message]++
	if e.text.Len() > 1<<20 {
		return nil
	}
	fmt.Fprintf(&e.text, "%s %s", r.Time.Format("05.000"), r.Message)
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&e.text, " %s=%v", a.Key, a.Value); return true })
	e.text.WriteByte('\n')
	return nil
}

func (e *events) count(message string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen[message]
}

func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.String() + fmt.Sprint(maps.Clone(e.seen))
}

// lsnOf reads an LSN by SQL.
func lsnOf(t testing.TB, db *pgtest.DB, sql string) catalog.LSN {
	t.Helper()
	lsn, err := catalog.ParseLSN(db.Query1(t, sql))
	if err != nil {
		t.Fatal(err)
	}
	return lsn
}

func (r *rig) confirmed() catalog.LSN {
	r.t.Helper()
	return lsnOf(r.t, r.source, "select confirmed_flush_lsn from pg_replication_slots where slot_name = '"+r.slot+"'")
}

func (r *rig) position() catalog.LSN {
	r.t.Helper()
	return lsnOf(r.t, r.target, "select lsn from bascule.position where name = ''")
}

// atLeast wants a number of the target to be that large.
func atLeast(r *rig, sql string, n int) error {
	if got, err := strconv.Atoi(r.target.Query1(r.t, sql)); err != nil || got < n {
		return fmt.Errorf("%d of %d: %w", got, n, err)
	}
	return nil
}

// lines are those of a query's result.
func lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}
