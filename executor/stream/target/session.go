package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
)

// Session applies one stream's transactions over one connection.
type Session struct {
	cfg      Config
	log      *slog.Logger
	types    *pgtype.Map
	hijacked *pgconn.HijackedConn
	pages    pages

	// sending guards what is used to send. Of it, due is what will be expected when the
	// bytes in the wire's block are written.
	sending sync.Mutex
	wire    *wire
	due     []expect
	named   int // statements
	own

	at     catalog.LSN // the position that the next transaction finds
	before []string    // settings that a command changes, as they were; nil: not read
	open   bool        // a transaction is
	missed int64       // in it, by Careful

	tables  map[uint32]*Table // by the source's oid
	fires   bool              // of some table
	strict  bool              // this segment goes in source order throughout
	touched []*Table
	last    *Table // of strict
	folds   folds
	arena   arena
	final   catalog.LSN
	scratch scratch

	expected expected // sent and not answered

	// state is what is told to others.
	state struct {
		sync.Mutex
		commits []Commit
		err     error
		closing bool
	}
	done  chan struct{}
	ended chan struct{}
}

// own are the statements that are not a table's.
type own struct{ begin, flushing, advance, commit, place, flushed, readShape, blockers, settings *statement }

// errEnded is what is returned after Close.
var errEnded = errors.New("the session was closed")

// Open takes the connection over; its settings are the caller's, but those that
// choose plans. Nothing moves until Run.
func Open(ctx context.Context, conn *pgx.Conn, cfg Config) (*Session, error) {
	var page, segment int64
	if _, err := conn.Exec(ctx, settings); err != nil {
		return nil, fmt.Errorf("settings of an applying session: %w", err)
	}
	if err := conn.QueryRow(ctx, readPages).Scan(&page, &segment); err != nil {
		return nil, fmt.Errorf("settings of an applying session: %w", err)
	}
	s := newSession(cfg)
	s.types, s.pages = conn.TypeMap(), pages{catalog.LSN(page), catalog.LSN(segment)}
	var err error
	if s.hijacked, err = hijack(ctx, conn.PgConn()); err != nil {
		return nil, err
	}
	s.wire = newWire(s.hijacked.Conn, s.publish)
	return s, nil
}

func newSession(cfg Config) *Session {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Session{
		cfg: cfg, log: cfg.Log, at: cfg.Position.LSN,
		tables: make(map[uint32]*Table), done: make(chan struct{}, 1), ended: make(chan struct{}),
		own: own{
			begin: &statement{sql: "begin"}, flushing: &statement{sql: flushAtCommit}, commit: &statement{sql: "commit"},
			advance: &statement{sql: ledger.AdvanceSQL}, place: &statement{sql: readPlace},
			flushed: &statement{sql: readFlushed}, readShape: &statement{sql: shapeSQL}, blockers: &statement{sql: selectBlockers},
			settings: &statement{sql: readSettings},
		},
	}
}

// hijack takes the wire over. Messages that the server sent on its own and that
// pgconn has read already are dropped first, or the wire would begin inside one.
func hijack(ctx context.Context, c *pgconn.PgConn) (*pgconn.HijackedConn, error) {
	if err := c.SyncConn(ctx); err != nil { // its background reader would take our answers
		return nil, err
	}
	return c.Hijack()
}

// Run moves bytes in both directions until Close was called and everything sent was
// answered, then returns nil; or until the first error, which every other method then
// returns too. When ctx ends, the connection is closed and the server is told to stop.
// The connection is closed in any case when Run returns.
func (s *Session) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	err := (&answers{Session: s, in: make([]byte, 0, answerBuffer)}).read()
	stop()
	s.state.Lock()
	if s.state.err == nil {
		s.state.err = err
	}
	err = s.state.err
	s.state.Unlock()
	close(s.ended)
	close(s.done)
	s.hangUp(ctx)
	return err
}

// fail ends the session; the first reason stays.
func (s *Session) fail(err error) {
	s.state.Lock()
	if s.state.err == nil {
		s.state.err = err
	}
	s.state.Unlock()
	_ = s.hijacked.Conn.SetDeadline(past)
}

var past = time.Unix(1, 0)

// hangUp closes the connection. After a cancel the server is told first: a session
// that waits for a lock looks for its client every ten seconds only, and holds its own
// locks until then.
func (s *Session) hangUp(ctx context.Context) {
	defer s.hijacked.Conn.Close()
	if ctx.Err() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer cancel()
	if c, err := pgconn.Construct(s.hijacked); err == nil {
		_ = c.CancelRequest(ctx) // closing is what ends it, if later
	}
}

const cancelTime = 2 * time.Second

// Done is signalled when Commits has something new, and closed when Run has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Commits returns what was committed since the last call, in order, and the error
// that ended the session, if any.
func (s *Session) Commits() ([]Commit, error) {
	s.state.Lock()
	defer s.state.Unlock()
	list := s.state.commits
	s.state.commits = nil
	return list, s.state.err
}

// Flushed asks how far the target's log is flushed, behind everything sent so far.
func (s *Session) Flushed(ctx context.Context) (catalog.LSN, error) {
	rows, err := s.query(ctx, s.own.flushed)
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 {
		return 0, io.ErrUnexpectedEOF
	}
	return catalog.ParseLSN(rows[0])
}

// Blockers says who stands in the way of another session of the same server, "" when
// nobody does.
func (s *Session) Blockers(ctx context.Context, pid uint32) (string, error) {
	rows, err := s.query(ctx, s.own.blockers, strconv.FormatUint(uint64(pid), 10))
	return strings.Join(rows, "; "), err
}

// Close says that nothing more will be sent: Run returns when all is answered. A
// transaction whose Last segment was not sent is rolled back.
func (s *Session) Close() {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.state.Lock()
	closing := s.state.closing
	s.state.closing = true
	s.state.Unlock()
	if !closing && s.wire.err == nil {
		s.wire.put([]byte(terminateMessage))
		s.wire.ship()
	}
}

// pages are the sizes that the target's log is cut by.
type pages struct{ page, segment catalog.LSN }

// place is the end of the last record before an insert position. The position skips
// the header of a page that has nothing else yet, and that is flushed with the first
// record on it only.
func (p pages) place(insert catalog.LSN) catalog.LSN {
	switch {
	case insert%p.segment == longHeader:
		return insert - longHeader
	case insert%p.page == shortHeader:
		return insert - shortHeader
	}
	return insert
}

const (
	shortHeader = 24
	longHeader  = 40 // of the first page of a file
)

// settings of a session that applies: keys are looked up in indexes, one by one,
// whatever the statistics of a table that was just filled say. Without sequential
// scans the costs of a table that has no index would have it compiled each time.
const settings = `
	set enable_hashjoin = off;
	set enable_mergejoin = off;
	set enable_seqscan = off;
	set enable_bitmapscan = off;
	set enable_memoize = off;
	set jit = off;
	set plan_cache_mode = force_generic_plan`

const readPages = `
	select (select setting::bigint from pg_catalog.pg_settings where name = 'wal_block_size'),
		(select setting::bigint from pg_catalog.pg_settings where name = 'wal_segment_size')`

const flushAtCommit = `set local synchronous_commit = local`

const readPlace = `select pg_catalog.pg_current_wal_insert_lsn()::text || ' ' || pg_catalog.pg_current_wal_flush_lsn()::text`

const readFlushed = `select pg_catalog.pg_current_wal_flush_lsn()::text`

const selectBlockers = `
	select pg_catalog.format('pid %s of role %s, application %s, in a transaction for %s s', a.pid, coalesce(a.usename::text, '(not shown)'),
		coalesce(nullif(a.application_name, ''), '(none)'), coalesce(extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::bigint::text, '?'))
	from pg_catalog.pg_stat_activity a
	where a.pid = any (pg_catalog.pg_blocking_pids($1::text::integer))
	order by a.pid`
