package walsender

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// Config says what to stream. All fields but Binary are required.
type Config struct {
	Slot         string
	Publications []string

	// Position is where to begin. The server begins later without a word when the slot
	// has confirmed more: the caller has compared the two.
	Position catalog.LSN

	// Binary: values in their types' binary form, where they have one.
	Binary bool
}

// Conn is a stream that has begun.
type Conn struct {
	conn net.Conn

	blocks, free chan []byte
	readError    error // set before blocks is closed
	frames       frames

	// Slack says that nobody waits for what comes next: Read then lets it gather,
	// which spares both ends a system call and a wakeup a message.
	Slack atomic.Bool

	waiting atomic.Int64 // since when Read waits for the socket, 0: it does not

	// Interval is how often a status update must be sent at least.
	Interval time.Duration

	writing  sync.Mutex
	finished bool

	closing sync.Once
	closed  chan struct{}
}

const (
	blockSize  = 128 << 10
	blockCount = 4

	statusInterval = 10 * time.Second
	writePatience  = 30 * time.Second
)

// Start takes repl over and sends START_REPLICATION on it. Whatever becomes of it,
// repl is of no use to its caller afterwards, and the connection is closed when Start
// fails. The error of a server is a *pgconn.PgError.
func Start(ctx context.Context, repl *pgconn.PgConn, cfg Config) (*Conn, error) {
	interval, err := interval(ctx, repl)
	if err != nil {
		_ = repl.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("read wal_sender_timeout: %w", err)
	}
	command := command(cfg, major(repl.ParameterStatus("server_version")))
	taken, err := hijack(ctx, repl)
	if err != nil {
		_ = repl.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	c := newConn(taken.Conn, interval)
	if err := c.begin(ctx, command); err != nil {
		c.Close()
		return nil, fmt.Errorf("start replication from slot %q: %w", cfg.Slot, err)
	}
	return c, nil
}

func newConn(conn net.Conn, interval time.Duration) *Conn {
	c := &Conn{
		conn:     conn,
		blocks:   make(chan []byte, blockCount),
		free:     make(chan []byte, blockCount),
		Interval: interval,
		closed:   make(chan struct{}),
	}
	for range blockCount {
		c.free <- make([]byte, blockSize)
	}
	return c
}

// hijack takes the socket over. Messages that the server sent on its own and that
// pgconn has read already are dropped first: the stream would begin inside one.
func hijack(ctx context.Context, repl *pgconn.PgConn) (*pgconn.HijackedConn, error) {
	if err := repl.SyncConn(ctx); err != nil { // its background reader would take our answers
		return nil, err
	}
	return repl.Hijack()
}

// interval is a third of wal_sender_timeout: a server that hears nothing for so long
// gives us up.
func interval(ctx context.Context, repl *pgconn.PgConn) (time.Duration, error) {
	results, err := repl.Exec(ctx, readTimeout).ReadAll()
	if err != nil {
		return 0, err
	}
	timeout := 0
	if len(results) == 1 && len(results[0].Rows) == 1 {
		timeout, err = strconv.Atoi(string(results[0].Rows[0][0]))
	}
	if err != nil || timeout == 0 {
		return statusInterval, err
	}
	return min(statusInterval, time.Duration(timeout)*time.Millisecond/3), nil
}

// begin sends the command and waits until the stream is open. Data that comes with
// the answer stays for Read's reader.
func (c *Conn) begin(ctx context.Context, command string) error {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	query, err := (&pgproto3.Query{String: command}).Encode(nil)
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(query); err != nil {
		return cause(ctx, err)
	}
	for {
		kind, body, ok := c.frames.next()
		switch {
		case ok && kind == 'W':
			return nil
		case ok && kind == 'E':
			return serverError(body)
		case ok:
			continue // notices and parameters
		}
		block := <-c.free // one is always free: what was read is given back below
		n, err := c.conn.Read(block)
		c.frames.keep(block[:n])
		c.free <- block
		if err != nil {
			return cause(ctx, err)
		}
	}
}

// cause prefers the reason of a cancel to the time-out that it showed as.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func serverError(body []byte) error {
	var e pgproto3.ErrorResponse
	if err := e.Decode(body); err != nil {
		return err
	}
	return pgconn.ErrorResponseToPgError(&e)
}

// command is START_REPLICATION in the replication grammar, whose literals know no
// escape but the doubled quote.
func command(cfg Config, major int) string {
	names := make([]string, len(cfg.Publications))
	for i, name := range cfg.Publications {
		names[i] = pgname.Quote(name)
	}
	options := []string{
		"proto_version '1'",
		"publication_names " + literal(strings.Join(names, ",")),
	}
	if major >= optionsSince {
		options = append(options, "messages 'true'")
		if cfg.Binary {
			options = append(options, "binary 'true'")
		}
	}
	return fmt.Sprintf(startReplication, pgname.Quote(cfg.Slot), cfg.Position, strings.Join(options, ", "))
}

// optionsSince is the version whose pgoutput knows messages and binary.
const optionsSince = 14

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// major is 15 for "15.20 (Debian)" and 18 for "18beta1".
func major(version string) int {
	digits := strings.TrimLeft(version, "0123456789")
	n, _ := strconv.Atoi(version[:len(version)-len(digits)]) // 0: an unknown server gets no options
	return n
}

const startReplication = `START_REPLICATION SLOT %s LOGICAL %s (%s)`

const readTimeout = `select setting from pg_catalog.pg_settings where name = 'wal_sender_timeout'`
