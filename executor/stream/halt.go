package stream

import (
	"cmp"
	"errors"
	"fmt"

	"bascule/executor/ledger"
	"bascule/executor/stream/target"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// HaltError reports what one transaction or one table of the source is to blame for,
// and no retry can help. The position stands right before it.
type HaltError struct {
	Halt ledger.Halt
	Err  error

	// Refused is the target's table of which the server refused a row, or "".
	Refused string
}

func (e *HaltError) Error() string { return e.Err.Error() }
func (e *HaltError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *HaltError) Hint() string { return e.Halt.Remedy }

// LeaseLostError reports that another process took the position. Nothing that this
// one did not commit before is on the target by it.
type LeaseLostError struct {
	Mirror string
	Err    error // may be nil
}

func (e *LeaseLostError) Error() string {
	return fmt.Sprintf("mirror %q: another process has taken its position over", e.Mirror)
}
func (e *LeaseLostError) Unwrap() error { return e.Err }

// codeMissingRow is the code of a halt by a change that found no row. See also
// catalog.HaltShape.
const codeMissingRow = "missing_row"

// halted makes a HaltError of what one row or table is to blame for.
func (s *Stream) halted(err error) error {
	var row *target.RowError
	var missing *target.MissingError
	var shape *shapeError
	var unknown *unknownError
	var shifted *shiftedError
	var command *commandError
	var logged *loggedError
	var unfit *blockError
	h := ledger.Halt{Text: err.Error()}
	refused := ""
	switch {
	case errors.As(err, &unfit):
		h = s.unfit(unfit)
	case errors.As(err, &row):
		h.Code, h.LSN, h.Key = session.Code(row.Err), row.Final.String(), row.Key
		h.Table, refused = s.source(row.Table), row.Table
		h.Remedy = s.mend(h.Table)
		if catalog.ByDefinition(h.Code) {
			h.Remedy += ". If a command was run on the source only, which the target needs too: declare it in a ddl block with ran_on_source = true, and run `bascule apply`"
		}
	case errors.As(err, &missing):
		h.Code, h.LSN, h.Key = codeMissingRow, missing.Final.String(), missing.Key
		h.Table = s.source(missing.Table)
		h.Remedy = s.mend(h.Table)
	case errors.As(err, &shape):
		h.Code, h.LSN, h.Table, h.Remedy = catalog.HaltShape, shape.final.String(), shape.table, shape.remedy
	case errors.As(err, &unknown):
		h.Code, h.LSN, h.Table = catalog.HaltShape, unknown.final.String(), unknown.table
		h.Remedy = fmt.Sprintf("take the table out of the publication if it is no table of the mirror, then %s; or declare it and run `bascule apply`", s.retry())
	case errors.As(err, &shifted):
		h.Code, h.LSN, h.Table = catalog.HaltShape, shifted.final.String(), shifted.table
		h.Remedy = fmt.Sprintf("copy the table again: `bascule apply -replace='%s.table[%q]'`", s.cfg.Label, h.Table)
	case errors.As(err, &command):
		h = s.refused(command)
	case errors.As(err, &logged):
		h = s.undeclared(logged)
	default:
		return err
	}
	return &HaltError{Halt: h, Err: err, Refused: refused}
}

// mend is the remedy for a row that cannot be applied.
func (s *Stream) mend(table string) string {
	return fmt.Sprintf("mend the row on the target, then %s; or copy the table again: `bascule apply -replace='%s.table[%q]'`; or exclude the table and run `bascule apply`",
		s.retry(), s.cfg.Label, table)
}

func (s *Stream) retry() string {
	return cmp.Or(s.cfg.Again, "`bascule run -retry='"+s.cfg.Label+"'`")
}

// source names a table of the target as the source does, and as the configuration
// does.
func (s *Stream) source(onTarget string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.names[onTarget]; ok {
		return name
	}
	return onTarget
}

// unknownError reports a change of a table that is no member.
type unknownError struct {
	final catalog.LSN
	table string
}

func (e *unknownError) Error() string {
	return fmt.Sprintf("transaction %s: a table that is not of the mirror is published: %s", e.final, e.table)
}
