package ddl

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/planner/session"
)

// CommandError is what a server says of a command. Nothing of it is left there.
type CommandError struct {
	Address string
	Where   string // the source, the target of mirror.app
	Err     error
}

func (e *CommandError) Error() string { return fmt.Sprintf("%s on %s: %v", e.Address, e.Where, e.Err) }
func (e *CommandError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *CommandError) Hint() string {
	if hint, ok := targetHints[session.Code(e.Err)]; ok && e.Where != onSource {
		return hint
	}
	if hint, ok := hints[session.Code(e.Err)]; ok {
		return hint
	}
	return "correct the block, and apply again"
}

// commandError wraps what the server says of the command itself; an error of the
// connection stays as it is.
func commandError(address, where string, err error) error {
	var server *pgconn.PgError
	if err == nil || !errors.As(err, &server) || session.Transient(err) {
		return err
	}
	return &CommandError{Address: address, Where: where, Err: err}
}

// onSource is where a command is that has not run yet; on a target it runs behind the
// source's.
const onSource = "the source"

// targetHints are those that a target has of its own, by SQLSTATE: there it cannot be
// that the source alone has what the command makes.
var targetHints = map[string]string{
	"42P07": thereAlready,
	"42701": thereAlready,
	"42710": thereAlready,
}

const thereAlready = "the target has it already: take it away there, so that the command can make it; or, if it is what the command makes, take the block out"

// hints by SQLSTATE.
var hints = map[string]string{
	"42501": "the role of the peer must own what the command alters (or be a member of its owner), and may create in its schema: grant it that, or let another role of the peer block apply",
	"42P01": "a table is not there under that name: names are schema-qualified, for search_path is empty while the command runs",
	"3F000": "a schema is not there, or a name has none: create the schema in a ddl block of its own, and write it before each name, for search_path is empty while the command runs",
	"42883": "a function or operator is not there under that name: names are schema-qualified, for search_path is empty while the command runs",
	"42704": "a type, role or other object is not there under that name: names are schema-qualified, for search_path is empty while the command runs",
	"42703": "a column is not there: correct the command",
	"42P07": "it is there already: if somebody ran the command by hand, set ran_on_source = true, so that it runs on the targets alone",
	"42701": "the column is there already: if somebody ran the command by hand, set ran_on_source = true, so that it runs on the targets alone",
	"42710": "it is there already: if somebody ran the command by hand, set ran_on_source = true, so that it runs on the targets alone",
	"2BP01": "other objects depend on what is dropped: drop them first, or with CASCADE",
	"23502": "rows of the table do not fit: correct them first, the stream carries that",
	"23503": "rows of the table do not fit: correct them first, the stream carries that",
	"23505": "rows of the table do not fit: correct them first, the stream carries that",
	"23514": "rows of the table do not fit: correct them first, the stream carries that",
	"25001": "the statement cannot run in a transaction: give it a block of its own",
}

// EndedError reports a command that ended the transaction that it ran in.
type EndedError struct{ Address string }

func (e *EndedError) Error() string {
	return e.Address + " ended the transaction that it ran in: what it did until then may be on the source, and is not on the targets"
}

// Hint says what the operator can do about it.
func (e *EndedError) Hint() string {
	return "take COMMIT and ROLLBACK out of the block; what is on the source by now is declared with ran_on_source = true"
}
