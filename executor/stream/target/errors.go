package target

import (
	"fmt"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// BatchError is a failure of the fast path: the same transactions may well succeed,
// or tell more of themselves, by Careful. The session has ended.
type BatchError struct {
	// Table that the failed statement was for, or nil. Final is the commit LSN of the
	// first source transaction in its segment.
	Table *Table
	Final catalog.LSN
	Err   error
}

func (e *BatchError) Error() string {
	if e.Table == nil {
		return fmt.Sprintf("transactions from %s on: %v", e.Final, e.Err)
	}
	return fmt.Sprintf("%s, transactions from %s on: %v", e.Table, e.Final, e.Err)
}
func (e *BatchError) Unwrap() error { return e.Err }

// CountError reports that a statement touched more or fewer rows than it was given.
type CountError struct {
	Op    string // insert, update, delete
	Rows  int64
	Found int64 // -1: another number
}

func (e *CountError) Error() string {
	if e.Found < 0 {
		return fmt.Sprintf("%s of %d rows did not find just these", e.Op, e.Rows)
	}
	return fmt.Sprintf("%s of %d rows found %d", e.Op, e.Rows, e.Found)
}

// ClaimLostError reports that the position is no longer the session's: another
// process took it, or it was changed. Nothing of the transaction is on the target.
type ClaimLostError struct {
	Mirror string
	At     catalog.LSN
	Err    error
}

func (e *ClaimLostError) Error() string {
	return fmt.Sprintf("mirror %s: the position is no longer at %s under this process's epoch", e.Mirror, e.At)
}
func (e *ClaimLostError) Unwrap() error { return e.Err }

// RowError is the server's refusal of one row.
type RowError struct {
	Final catalog.LSN // of the commit of its transaction on the source
	Table string      // on the target
	Key   string      // its key columns, or "" without
	Op    string      // insert, update, delete, truncate
	Err   error
}

func (e *RowError) Error() string {
	return fmt.Sprintf("transaction %s: %s %s%s: %v", e.Final, e.Op, e.Table, spaced(e.Key), e.Err)
}
func (e *RowError) Unwrap() error { return e.Err }

// MissingError reports an update or delete whose row is not on the target.
type MissingError struct {
	Final          catalog.LSN
	Table, Key, Op string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("transaction %s: %s %s%s: there is no such row", e.Final, e.Op, e.Table, spaced(e.Key))
}

// Hint says what the operator can do about it.
func (e *MissingError) Hint() string {
	return "copy the table again, or put the row back; missing_row = \"skip\" passes such changes over and counts them"
}

func spaced(key string) string {
	if key == "" {
		return ""
	}
	return " " + key
}

// ShapeError reports that a table of the target cannot take the source's rows.
type ShapeError struct {
	Schema, Name string // on the target
	Problem      string
	Remedy       string
	Differences
}

func (e *ShapeError) Error() string { return pgname.Shown(e.Schema, e.Name) + ": " + e.Problem }

// Hint says what the operator can do about it.
func (e *ShapeError) Hint() string { return e.Remedy }
