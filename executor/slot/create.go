package slot

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// Made is a temporary slot. All that committed before Point is in Snapshot, and
// nothing else; the slot streams the rest.
type Made struct {
	Point catalog.LSN

	// Snapshot is there until the next command on the slot's connection.
	Snapshot string
}

// Create makes a permanent slot without a snapshot and returns its consistent point:
// all that commits from there on can be streamed. With failover standbys may keep a
// copy of it, where the server can (17 and later).
//
// It waits for every transaction that writes anywhere on the server, and says so to
// w. When ctx ends before it is made, nothing is left. The error is an *ExistsError
// for a name that is taken, a *FullError when the server has no slot left.
func Create(ctx context.Context, repl *pgconn.PgConn, name string, failover bool, w Waiting) (catalog.LSN, error) {
	options := "NOEXPORT_SNAPSHOT"
	switch major := serverMajor(repl); {
	case major >= 17 && failover:
		options = "(SNAPSHOT 'nothing', FAILOVER)"
	case major >= 15:
		options = "(SNAPSHOT 'nothing')"
	}
	made, err := create(ctx, repl, name, "", options, w)
	if err != nil {
		return 0, err
	}
	return made.Point, nil
}

// Copy makes a permanent slot of another one of this database, at the same place and with
// our output plugin, whatever the other's is: what has yet to be read there can be
// streamed from the new one. The other may be in use meanwhile. It fails as Create does.
func Copy(ctx context.Context, conn *pgx.Conn, from, name string) error {
	if _, err := conn.Exec(ctx, copySlot, from, name); err != nil {
		return fmt.Errorf("copy replication slot %s to %s: %w", from, name, explained(ctx, err, name, conn))
	}
	return nil
}

// SetFailover has standbys keep a copy of a slot, where the server can (17 and later).
func SetFailover(ctx context.Context, repl *pgconn.PgConn, name string) error {
	if serverMajor(repl) < 17 {
		return nil
	}
	if err := repl.Exec(ctx, fmt.Sprintf(alterFailover, pgname.Quote(name))).Close(); err != nil {
		return fmt.Errorf("have standbys keep replication slot %s: %w", name, err)
	}
	return nil
}

// Temporary makes a slot that lives as long as repl, and exports a snapshot of its
// point. Several sessions may import it, until the next command on repl; that may be
// START_REPLICATION. It waits, and fails, as Create does.
func Temporary(ctx context.Context, repl *pgconn.PgConn, name string, w Waiting) (*Made, error) {
	options := "EXPORT_SNAPSHOT"
	if serverMajor(repl) >= 15 {
		options = "(SNAPSHOT 'export')"
	}
	return create(ctx, repl, name, "TEMPORARY ", options, w)
}

func create(ctx context.Context, repl *pgconn.PgConn, name, temporary, options string, w Waiting) (*Made, error) {
	var made pglogrepl.CreateReplicationSlotResult
	err := w.beside(ctx, repl.PID(), func() (err error) {
		made, err = command(ctx, repl, fmt.Sprintf(createSlot, pgname.Quote(name), temporary, options), pglogrepl.ParseCreateReplicationSlot)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create replication slot %s: %w", name, explained(ctx, err, name, w.Conn))
	}
	point, err := catalog.ParseLSN(made.ConsistentPoint)
	if err != nil {
		return nil, fmt.Errorf("create replication slot %s: %w", name, err)
	}
	return &Made{Point: point, Snapshot: made.SnapshotName}, nil
}

// command runs one replication command. The context of the driver would close the
// connection and leave the server at it; here the server is asked to stop, and says
// what became of it.
func command[T any](ctx context.Context, repl *pgconn.PgConn, sql string, parse func(*pgconn.MultiResultReader) (T, error)) (T, error) {
	last, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		asking, cancel := context.WithTimeout(last, cancelTime)
		defer cancel()
		_ = repl.CancelRequest(asking)     // when even that fails, waiting ends below
		time.AfterFunc(cancelTime, giveUp) // does nothing once last has ended
	})
	result, err := parse(repl.Exec(last, sql))
	if !stop() {
		<-done
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return result, err
}

// cancelTime is how long a server that is asked to stop may take.
const cancelTime = 5 * time.Second

// explained makes errors of what the server says, where there is more to say.
func explained(ctx context.Context, err error, name string, conn *pgx.Conn) error {
	switch session.Code(err) {
	case "42710": // duplicate_object
		return &ExistsError{Slot: name, Err: err}
	case "53400": // configuration_limit_exceeded
		full := &FullError{Err: err}
		if conn != nil {
			full.Slots, _, _ = catalog.ReadSlots(ctx, conn) // without their names it is said all the same
		}
		return full
	}
	return err
}

// ExistsError reports a slot that is there already.
type ExistsError struct {
	Slot string
	Err  error
}

func (e *ExistsError) Error() string { return fmt.Sprintf("a slot named %s is there already", e.Slot) }

func (e *ExistsError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *ExistsError) Hint() string {
	return "see with bascule slots whose it is; one that nobody reads is dropped with bascule slots -prune"
}

// FullError reports a server that has no slot left. Slots are those that it has.
type FullError struct {
	Slots []catalog.Slot
	Err   error
}

func (e *FullError) Error() string {
	var names []string
	for _, s := range e.Slots {
		text := s.Name
		if s.Active {
			text += fmt.Sprintf(" (read by pid %d)", s.PID)
		}
		names = append(names, text)
	}
	return strings.TrimSuffix("all replication slots of the server are in use: "+strings.Join(names, ", "), ": ")
}

func (e *FullError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *FullError) Hint() string {
	return "drop a slot that nobody needs, or raise max_replication_slots and restart the server"
}

// serverMajor is 15 for a server of version 15.20; 0 when it does not say.
func serverMajor(repl *pgconn.PgConn) int {
	text := repl.ParameterStatus("server_version")
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	major, _ := strconv.Atoi(text[:end])
	return major
}

const (
	createSlot = `CREATE_REPLICATION_SLOT %s %sLOGICAL pgoutput %s`

	alterFailover = `ALTER_REPLICATION_SLOT %s (FAILOVER true)`

	copySlot = `select pg_catalog.pg_copy_logical_replication_slot($1, $2, false, 'pgoutput')`
)
