package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Command is a definition that is changed in the middle of a transaction. Text and
// LockTimeout are required where anything runs.
type Command struct {
	// Text is one statement; "" where there is only something to record. Says is the tag
	// that the server has to answer with, "" for any.
	Text, Says string

	// Several: Text may be any number of statements, also none. Says is not looked at.
	Several bool

	// Title names it for people.
	Title string

	// Role that runs it, "" for the session's own. SearchPath is its own.
	Role, SearchPath string

	// LockTimeout is how long it waits for a lock.
	LockTimeout time.Duration

	// Into is a COPY FROM STDIN, "" where no rows come, and Rows writes what it reads, and
	// says how many rows these are. It runs behind Text, as the session itself.
	Into string
	Rows func(ctx context.Context, to io.Writer) (int64, error)

	// Record are statements of ours that run after it.
	Record []string

	mu      sync.Mutex
	blocked string
}

// Blocked says who is in the command's way, for its error. It may be called while the
// command runs.
func (c *Command) Blocked(by string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocked = by
}

// CommandError is what the server says of a Command. Nothing of its transaction is on
// the target, and the session has ended.
type CommandError struct {
	Command *Command
	Err     error
}

func (e *CommandError) Error() string {
	e.Command.mu.Lock()
	defer e.Command.mu.Unlock()
	if e.Command.blocked != "" {
		return fmt.Sprintf("%s: a lock on the target is held by %s: %v", e.Command.Title, e.Command.blocked, e.Err)
	}
	return e.Command.Title + ": " + e.Err.Error()
}
func (e *CommandError) Unwrap() error { return e.Err }

// Command runs a command in the transaction that a segment of Careful has begun and not
// ended, and waits until the server has answered. What it does on the target, it does as
// on the source: triggers fire, and plans are the server's choice. Tables are to be
// looked up again behind it. The error is a *CommandError for what the server says.
func (s *Session) Command(ctx context.Context, c *Command) error {
	stop := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	defer stop()
	if s.before == nil {
		rows, err := s.query(ctx, s.own.settings)
		if err != nil {
			return err
		}
		s.before = rows
	}
	return s.await(func() error {
		if !s.open {
			return fmt.Errorf("%s: no transaction is open", c.Title)
		}
		return s.command(ctx, c)
	})
}

// BlockedBy says who stands in the session's way, as another session of the server sees
// it; "" where nobody does, or that is not known.
func (s *Session) BlockedBy(ctx context.Context, conn *pgx.Conn) string {
	rows, err := conn.Query(ctx, selectBlockers, strconv.FormatUint(uint64(s.hijacked.PID), 10))
	if err != nil {
		return ""
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return ""
	}
	return strings.Join(list, "; ")
}

// command sends all that belongs to one. An error is that of its rows.
func (s *Session) command(ctx context.Context, c *Command) error {
	run := func(says, sql string, values ...string) {
		texts := make([]*string, len(values))
		for i := range values {
			texts[i] = &values[i]
		}
		s.expect(expect{kind: commanded, op: says, command: c})
		s.wire.parse(&statement{sql: sql})
		s.wire.text(&statement{}, texts...)
	}
	if c.Text != "" {
		run("", setReplicationRole, "origin")
		run("", commandSettings, c.SearchPath, fmt.Sprintf("%dms", max(1, c.LockTimeout.Milliseconds())))
		if c.Role != "" {
			run("", setRole, c.Role)
		}
		if c.Several {
			s.expect(expect{kind: spoken, command: c})
			s.wire.query(c.Text)
		} else {
			run(c.Says, c.Text)
		}
		run("", restoreSettings, s.before[0], s.before[3]) // its search_path first: names are found by it
		run("", setRole, s.before[1])
		run("", setReplicationRole, s.before[2])
	}
	if c.Into != "" {
		if err := s.pour(ctx, c); err != nil {
			return err
		}
	}
	for _, sql := range c.Record {
		run("", sql)
	}
	return nil
}

// spoke judges a command of several statements by how it has left the transaction. In one
// that it has ended are the rows before it, too.
func (e *expect) spoke(status []byte) error {
	if len(status) == 1 && status[0] == 'T' {
		return nil
	}
	return &CommandError{Command: e.command, Err: ErrEndsTransaction}
}

// ErrEndsTransaction is what a command has done that takes the rows before it, and the
// position, out of its transaction.
var ErrEndsTransaction = errors.New("it ended the transaction that it was to run in")

// pour sends the rows of a command.
func (s *Session) pour(ctx context.Context, c *Command) error {
	w, sent := s.wire, new(atomic.Int64)
	s.expect(expect{kind: commanded, command: c, sent: sent})
	w.parse(&statement{sql: c.Into})
	w.text(&statement{})
	n, err := c.Rows(ctx, pouring{w})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Title, err)
	}
	sent.Store(n)
	w.copyDone()
	return nil
}

// pouring makes COPY data of what is written to it.
type pouring struct{ *wire }

func (p pouring) Write(data []byte) (int, error) {
	p.copyPut(data)
	return len(data), p.err
}

// said judges a command by what the server calls it, or by the rows that it took in.
func (e *expect) said(tag []byte) error {
	if e.sent != nil {
		if rows, found := e.sent.Load(), tagRows(tag); rows != found {
			return &CommandError{Command: e.command, Err: &CountError{Op: "copy", Rows: rows, Found: found}}
		}
		return nil
	}
	text := strings.TrimRight(string(tag), "\x00")
	if e.op == "" || text == e.op || strings.HasPrefix(text, "SELECT ") && e.op == "CREATE MATERIALIZED VIEW" {
		return nil
	}
	return &CommandError{Command: e.command, Err: fmt.Errorf("the server took it for %s", text)}
}

const readSettings = `
	select pg_catalog.current_setting(s.name)
	from unnest('{search_path,role,session_replication_role,lock_timeout}'::text[]) with ordinality s(name, place)
	order by s.place`

// commandSettings take back what a session that applies has set for its own statements.
const commandSettings = `
	select pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('lock_timeout', $2, true),
		pg_catalog.set_config('synchronous_commit', 'local', true),
		pg_catalog.set_config('enable_hashjoin', 'on', true), pg_catalog.set_config('enable_mergejoin', 'on', true),
		pg_catalog.set_config('enable_seqscan', 'on', true), pg_catalog.set_config('enable_bitmapscan', 'on', true),
		pg_catalog.set_config('enable_memoize', 'on', true), pg_catalog.set_config('plan_cache_mode', 'auto', true)`

const restoreSettings = `
	select pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('lock_timeout', $2, true),
		pg_catalog.set_config('enable_hashjoin', 'off', true), pg_catalog.set_config('enable_mergejoin', 'off', true),
		pg_catalog.set_config('enable_seqscan', 'off', true), pg_catalog.set_config('enable_bitmapscan', 'off', true),
		pg_catalog.set_config('enable_memoize', 'off', true), pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true)`

const setReplicationRole = `
	select pg_catalog.set_config('session_replication_role', $1, true)
	where pg_catalog.current_setting('session_replication_role') operator(pg_catalog.<>) $1`

const setRole = `select pg_catalog.set_config('role', $1, true)`
