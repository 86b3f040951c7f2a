package statement

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v6"
	pgquery "github.com/wasilibs/go-pgquery"
	"github.com/wasilibs/go-pgquery/parser"
)

// SyntaxError reports a command that is no SQL of PostgreSQL 17.
type SyntaxError struct {
	Message string // PostgreSQL's

	// Position is the character at which it is wrong, counted from 1; 0 when that is not
	// known. Line and Column, from 1 as well, are the same place.
	Position, Line, Column int
}

func (e *SyntaxError) Error() string {
	if e.Position == 0 {
		return e.Message
	}
	return fmt.Sprintf("%s (line %d, column %d)", e.Message, e.Line, e.Column)
}

// Hint says what the operator can do about it.
func (e *SyntaxError) Hint() string {
	return "correct the command; the syntax it is held against is that of PostgreSQL 17"
}

// Parse takes a command apart into its statements, in order, and says what is known of
// each. What is wrong with the command is a *SyntaxError, and so is a command with no
// statement in it.
func Parse(command string) ([]Statement, error) {
	if err := readable(command); err != nil {
		return nil, err
	}
	tree, err := parse(command)
	if err != nil {
		return nil, syntaxError(command, err)
	}
	var statements []Statement
	for _, raw := range tree.GetStmts() {
		statements = append(statements, read(cut(command, raw), raw.GetStmt()))
	}
	if len(statements) == 0 {
		return nil, &SyntaxError{Message: "there is no statement in the command"}
	}
	forgetOwn(statements)
	return statements, nil
}

// parsing is held while the parser works. It is a program that is compiled when it is first
// used, for seconds and into a hundred megabytes, and once more for each who comes while
// it is in use. A command is parsed in no time.
var parsing sync.Mutex

func parse(command string) (*pg.ParseResult, error) {
	parsing.Lock()
	defer parsing.Unlock()
	return pgquery.Parse(command)
}

// readable refuses what would reach the grammar otherwise than it was written: a NUL
// ends a string of C, and text that is not UTF-8 has no place in the tree.
func readable(command string) error {
	if i := strings.IndexByte(command, 0); i >= 0 {
		return at(command, "a NUL character", utf8.RuneCountInString(command[:i])+1)
	}
	for i, r := range command {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(command[i:]); size == 1 {
			return at(command, "a byte that is not UTF-8", utf8.RuneCountInString(command[:i])+1)
		}
	}
	return nil
}

func syntaxError(command string, err error) error {
	var failed *parser.Error
	if !errors.As(err, &failed) {
		return fmt.Errorf("parse the command: %w", err)
	}
	return at(command, failed.Message, failed.Cursorpos)
}

// at makes an error of a position in characters.
func at(command, message string, position int) error {
	e := &SyntaxError{Message: message, Position: position}
	if position < 1 {
		e.Position = 0
		return e
	}
	before := []rune(command)
	before = before[:min(position-1, len(before))]
	e.Line, e.Column = 1, 1
	for _, r := range before {
		e.Column++
		if r == '\n' {
			e.Line, e.Column = e.Line+1, 1
		}
	}
	return e
}

// cut returns a statement's own part of the command. The tree counts in bytes, and says
// 0 for the length of what reaches to the end.
func cut(command string, raw *pg.RawStmt) string {
	text := command[raw.GetStmtLocation():]
	if n := int(raw.GetStmtLen()); n > 0 {
		text = text[:n]
	}
	return strings.TrimSpace(text)
}

// forgetOwn takes out of each statement what one before it has made: a table that
// nobody else sees yet is locked against nobody, and rewriting an empty one is nothing.
func forgetOwn(statements []Statement) {
	fresh, known := map[Name]bool{}, map[Name]bool{}
	for i := range statements {
		s := &statements[i]
		var left []Table
		emptied := false
		for _, t := range s.Tables {
			name := Name{t.Schema, t.Name}
			if !known[name] {
				left = append(left, t)
			}
			emptied = emptied || fresh[name]
		}
		s.Tables = left
		if emptied && len(left) == 0 {
			s.Rewrite, s.Types, s.Doubts, s.Volatile = No, nil, nil, nil
		}
		for _, name := range s.Creates {
			known[name] = !s.Unsure
			fresh[name] = !s.Unsure && s.Kind == "CREATE TABLE"
		}
		for _, name := range s.Makes {
			known[name] = s.Kind != "CREATE VIEW" // one that was there is replaced, under its lock
		}
		for _, r := range s.Renames {
			known[r.To] = true
		}
	}
}
