package stream

import (
	"fmt"

	"bascule/executor/ledger"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// OvertakenError reports that a command of a ddl block came while a table was copied
// beside the main stream. What was copied has the shape of before.
type OvertakenError struct{ Address string }

func (e *OvertakenError) Error() string {
	return e.Address + " was run on the source while a table was being copied into the mirror"
}

// Hint says what the operator can do about it.
func (e *OvertakenError) Hint() string {
	return "run `bascule apply` again: the copy begins anew behind that command"
}

// commandError reports that the target refused a command.
type commandError struct {
	final catalog.LSN
	ddl   *ledger.DDL
	err   error
}

func (e *commandError) Error() string { return e.ddl.Address + ": " + e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

// codeCommand is that of a command that could not run, where no server says another.
const codeCommand = "ddl"

// refused is the halt by a command.
func (s *Stream) refused(e *commandError) ledger.Halt {
	h := ledger.Halt{Code: session.Code(e.err), LSN: e.final.String(), Text: e.Error()}
	if h.Code == "" {
		h.Code = codeCommand
	}
	h.Remedy = fmt.Sprintf("the command is committed on the source: make it possible on the target too, then %s, which runs it again. It is: %s",
		s.retry(), e.ddl.Command)
	return h
}
