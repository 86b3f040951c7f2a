package ddl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// Command is what a block runs on its source. Address, Text and Message are required.
type Command struct {
	Address string // of the block
	Text    string

	// Message is the content of the one that marks the place, of ledger.MessagePrefix.
	Message string

	// Through runs the command in the transaction, where something else than sending Text
	// does that. It may be called again for another try.
	Through func(ctx context.Context, tx pgx.Tx) error

	// LockTimeout is how long one try waits for a lock.
	LockTimeout time.Duration

	// Followed are the tables whose rows arrive by a stream, by oid on the source.
	Followed []uint32

	// Publications of the mirrors, which the command must leave alone.
	Publications []string
}

// Source runs commands on one database. Open and Control are required.
type Source struct {
	// Open opens a session, one for each try.
	Open func(context.Context) (*pgx.Conn, error)

	// Control is a session of its own that is free while a command runs.
	Control *pgx.Conn

	// Retrying is told why a try failed, and how long it is until the next. Default:
	// nobody.
	Retrying func(err error, in time.Duration)
}

// Within does what belongs to the command in its transaction xid, once it has run and
// was checked. It is not given long: whoever needs the command's tables waits.
type Within func(ctx context.Context, tx pgx.Tx, xid string) error

// Run runs the command until it is committed, and returns a place in the source's log
// behind that. Locks that are not got, and lost connections, are tried again until ctx
// ends. What returns otherwise is the first error that trying again cannot help, and
// then nothing has happened on the source: a *WroteRowsError, a *TouchedError, a
// *CommandError for what the server says of the command, or what within returned.
func (s Source) Run(ctx context.Context, c Command, within Within) (catalog.LSN, error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		xid, err := s.try(ctx, c, within)
		if err == nil {
			return s.end(ctx)
		}
		if committed, asked := s.committed(ctx, xid, err); committed || asked != nil {
			if asked != nil {
				return 0, fmt.Errorf("%w; what became of the transaction is not known: %w", err, asked)
			}
			return s.end(ctx)
		}
		if !s.again(ctx, err, pause) {
			return 0, err
		}
	}
}

// again tells that something is tried again and waits for that, and reports whether it
// is to be.
func (s Source) again(ctx context.Context, err error, pause time.Duration) bool {
	var slow *SlowError
	if ctx.Err() != nil || !session.Transient(err) && !errors.As(err, &slow) {
		return false
	}
	if s.Retrying != nil {
		s.Retrying(err, pause)
	}
	return session.Pause(ctx, pause) == nil
}

// Pauses between two tries. In them the application gets what it waits for.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 10 * time.Second
)

// Times that a try is not given more of: whoever needs the command's tables waits.
const (
	withinTime = 20 * time.Second
	commitTime = time.Minute
)

// try runs the command once, in a session of its own: how many rows were written is
// counted by session.
func (s Source) try(ctx context.Context, c Command, within Within) (xid string, err error) {
	conn, err := s.Open(ctx)
	if err != nil {
		return "", err
	}
	defer session.Close(ctx, conn)
	tx, err := conn.Begin(ctx)
	if err != nil {
		return "", err
	}
	if err := tx.QueryRow(ctx, beginXact, timeout(c.LockTimeout)).Scan(&xid, new(string), new(string)); err != nil {
		return "", err
	}
	before, err := readOwn(ctx, tx, c.Publications)
	if err != nil {
		return "", err
	}
	rows, err := readStorage(ctx, tx, c.Followed)
	if err != nil {
		return "", err
	}
	if err := s.execute(ctx, tx, c); err != nil {
		return "", err
	}
	// The command may have set what holds until the end of the transaction.
	if _, err := tx.Exec(ctx, resetXact, timeout(c.LockTimeout)); err != nil {
		return "", err
	}
	if err := c.check(ctx, tx, xid, before, rows); err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, withinTime)
	defer cancel()
	if err := within(limited, tx, xid); err != nil {
		return "", late(ctx, limited, err)
	}
	if _, err := tx.Exec(ctx, emitMessage, ledger.MessagePrefix, c.Message); err != nil {
		return "", err
	}
	// A cancel here would leave open whether it was committed.
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer stop()
	return xid, tx.Commit(ending)
}

// late makes an error of what took too long one that is tried again.
func late(ctx, limited context.Context, err error) error {
	if limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	return &SlowError{Took: withinTime, Err: err}
}

// execute runs the command, and looks meanwhile who is in its way.
func (s Source) execute(ctx context.Context, tx pgx.Tx, c Command) error {
	conn := tx.Conn()
	err := s.watched(ctx, conn, c.Address, c.LockTimeout, nil, func() error {
		if c.Through != nil {
			return c.Through(ctx, tx)
		}
		_, err := conn.PgConn().Exec(ctx, c.Text).ReadAll()
		return err
	})
	if err == nil && conn.PgConn().TxStatus() != 'T' {
		return &EndedError{Address: c.Address}
	}
	return commandError(c.Address, onSource, err)
}

// check says what the command must not have done.
func (c Command) check(ctx context.Context, tx pgx.Tx, xid string, before own, rows storage) error {
	var now *string
	if err := tx.QueryRow(ctx, currentXact).Scan(&now); err != nil {
		return err
	}
	if now == nil || *now != xid {
		return &EndedError{Address: c.Address}
	}
	wrote, err := Written(ctx, tx, rows.tables)
	if err != nil {
		return err
	}
	emptied, err := rows.truncated(ctx, tx)
	if err != nil {
		return err
	}
	if wrote = append(wrote, emptied...); len(wrote) > 0 {
		return &WroteRowsError{Address: c.Address, Tables: wrote}
	}
	after, err := readOwn(ctx, tx, c.Publications)
	if err != nil {
		return err
	}
	touched, err := before.changed(ctx, tx, after)
	if err == nil && touched != "" {
		err = &TouchedError{Address: c.Address, Object: touched}
	}
	return err
}

// committed asks what became of a transaction whose commit gave an error.
func (s Source) committed(ctx context.Context, xid string, err error) (bool, error) {
	if xid == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	became, asked := s.Became(ctx, xid)
	return became == Committed, asked
}

// end is where the source's log is now.
func (s Source) end(ctx context.Context) (lsn catalog.LSN, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	err = s.Control.QueryRow(ctx, currentLSN).Scan(&lsn)
	return lsn, err
}

// timeout is a lock_timeout as the server takes it; 0 would be none.
func timeout(d time.Duration) string { return fmt.Sprintf("%dms", max(1, d.Milliseconds())) }

const (
	beginXact = `
		select pg_catalog.pg_current_xact_id()::text, pg_catalog.set_config('lock_timeout', $1, true),
			pg_catalog.set_config('search_path', '', true)`

	resetXact = `
		select pg_catalog.set_config('role', 'none', true), pg_catalog.set_config('lock_timeout', $1, true),
			pg_catalog.set_config('search_path', '', true)`

	currentXact = `select pg_catalog.pg_current_xact_id_if_assigned()::text`

	emitMessage = `select pg_catalog.pg_logical_emit_message(true, $1, $2::text)`

	currentLSN = `select pg_catalog.pg_current_wal_lsn()::text`
)
