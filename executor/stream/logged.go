package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/executor/ddl"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/stream/ddllog"
	"bascule/executor/stream/target"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// loggedError reports a command of the log that does not run on the target.
type loggedError struct {
	final catalog.LSN
	steps []ddllog.Step  // of its transaction
	where ddllog.Schemas // of the names that lack one
	at    int            // the one
	text  string
	err   error // the server's; nil where it was not tried
}

func (e *loggedError) Error() string {
	x := &e.steps[e.at]
	return fmt.Sprintf("transaction %s: %s, run on the source by role %q: %s. It is: %s", e.final, x.Title(), x.Role, e.text, x.Shown())
}

func (e *loggedError) Unwrap() error { return e.err }

// FromLog reports whether a block's command is one that a halt has printed: it stands for
// entries of the source's log. Then these entries, which the stream comes to behind it,
// say what becomes of the members.
func FromLog(command string) bool { return len(ddllog.Answered([]string{command})) > 0 }

// stands are the steps that a block has to stand for: what can run by itself does, but for
// a table that was made among other statements of the string that they are of.
func (e *loggedError) stands() (list []ddllog.Step) {
	for i := range e.steps {
		x := &e.steps[i]
		if i == e.at || x.Stop != "" || x.AmongOthers() && slices.ContainsFunc(e.steps, func(other ddllog.Step) bool {
			return other.Stop != "" && other.Query == x.Query && other.Stamp == x.Stamp
		}) {
			list = append(list, *x)
		}
	}
	return list
}

// undeclared is the halt by a command of the log.
func (s *Stream) undeclared(e *loggedError) ledger.Halt {
	h := ledger.Halt{Code: catalog.HaltDDL, LSN: e.final.String(), Text: e.Error()}
	if tables := e.steps[e.at].Tables; len(tables) > 0 {
		h.Table = tables[0].String()
	}
	commands, remarks := ddllog.Commands(e.stands(), e.where)
	notes := ""
	for _, r := range remarks {
		notes += r + "\n"
	}
	again := ""
	if e.err != nil {
		again = fmt.Sprintf("make it possible on the target, then %s, which runs it again. Or else ", s.retry())
	}
	label := identifier(strings.ToLower(e.steps[e.at].Title()), strconv.FormatInt(int64(e.steps[e.at].ID), 10))
	h.Remedy = fmt.Sprintf("%sadd this block, which runs the same on the target at this point of the stream, and run `bascule apply`; the comments in it say for which entries of the source's log, at whose places it runs:\n\n%s\n%s",
		again, block(label, s.cfg.Label, commands), notes)
	return h
}

// refusedStep reports whether an error is the target's refusal of a command of the log, or
// of a block that runs in its place, and names that command.
func (s *Stream) refusedStep(err *error) bool {
	var refused *target.CommandError
	if s.steps == nil || !errors.As(*err, &refused) || refused.Command.Into != "" || session.Transient(*err) {
		return false
	}
	t := s.steps
	if t.running != nil {
		t.running.err = refused.Err
		*err = t.running
		return true
	}
	if t.next == 0 {
		return false
	}
	*err = t.stops(t.next-1, refused.Err.Error(), refused)
	return true
}

// stops is the error of a step that does not run on the target. err is the server's, or nil.
func (t *stepping) stops(at int, text string, err error) *loggedError {
	return &loggedError{final: t.final, steps: t.list, where: t.where, at: at, text: text, err: err}
}

// alone runs the one statement of a transaction that cannot run in any, before the
// position is moved past it. How far it is, the ledger says, so it runs once.
func (t *stepping) alone(life context.Context) error {
	s, x := t.link.s, &t.list[0]
	open := func(ctx context.Context) (*pgx.Conn, error) { return t.openAlone(ctx, x) }
	control, err := open(life)
	if err != nil {
		return err
	}
	defer session.Close(life, control)
	conn, err := t.aside(life)
	if err != nil {
		return err
	}
	done, err := ledger.Alone(life, conn, s.cfg.Mirror)
	if err != nil {
		return err
	}
	place := t.final.String() + " "
	done, same := strings.CutPrefix(done, place)
	if !same {
		done = ""
	}
	err = ddl.Alone{
		Address: x.Title(), Where: "the target", Side: ddl.SideTarget, LockTimeout: s.cfg.DDL.LockTimeout,
		Waiting: func(text string) { t.tell(life, text) },
		Source: ddl.Source{Control: control, Open: open, Retrying: func(err error, in time.Duration) {
			s.cfg.Sink.Event(progress.Retrying{Mirror: s.cfg.Label, What: x.Title(), Err: err, In: in})
		}},
		Statements: []ddl.Statement{{Text: x.Text, Tables: x.Locks, Queues: x.Queues}},
		Record: func(ctx context.Context, done string) error {
			err := ledger.SetAlone(ctx, conn, s.cfg.Mirror, t.link.start.Epoch, place+done)
			if session.Code(err) == ledger.ClaimLost {
				return &LeaseLostError{Mirror: s.cfg.Mirror, Err: err}
			}
			return err
		},
	}.Run(life, done)
	var refused *ddl.CommandError
	if errors.As(err, &refused) {
		return t.stops(0, refused.Err.Error(), refused)
	}
	return err
}

// openAlone opens a session in which a statement runs by itself, known by its name to
// whoever has to end it.
func (t *stepping) openAlone(ctx context.Context, x *ddllog.Step) (*pgx.Conn, error) {
	conn, err := t.link.s.cfg.Target(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, aloneSettings, x.Path()); err == nil {
		if _, err = conn.Exec(ctx, aloneRole, t.role(x)); err != nil && !session.Transient(err) {
			err = t.stops(0, err.Error(), err)
		}
	}
	if err != nil {
		session.Close(ctx, conn)
		return nil, err
	}
	return conn, nil
}

const (
	aloneSettings = `
		select pg_catalog.set_config('application_name', 'bascule/ddl.log', false), pg_catalog.set_config('search_path', $1, false),
			pg_catalog.set_config('synchronous_commit', 'local', false)`

	aloneRole = `select pg_catalog.set_config('role', $1, false) where $1 operator(pg_catalog.<>) ''`
)
