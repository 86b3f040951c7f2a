package ddllog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bascule/config/pgname"
	"bascule/planner/statement"
)

// Step is what is done for an entry.
type Step struct {
	*Entry

	// Text is the statement that runs on the target, "" where none does. Tag is then what
	// the server has to answer, where that is all that is known of the text.
	Text string
	Says string

	// Answered: a block stands for it, which the target has had before the transaction.
	Answered bool

	// Alone: it cannot run in a transaction. Locks are the tables it is about; Queues says
	// that whoever writes to them waits while it waits.
	Alone  bool
	Locks  []string
	Queues bool

	// Extension is the one that Text creates.
	Extension string

	// Needs are relations that it reads, or gives rights on: it is passed over where the
	// target lacks one.
	Needs []string

	// Volatile are what it computes rows by, if that may come out otherwise here.
	Volatile []string

	// Stop is why the mirror stands still before the entry's transaction, or "".
	Stop string

	statements []statement.Statement // of Query, as far as it can be read
}

// Steps decides for the entries of one transaction. Answered are the entries that blocks
// stand for which the target has had. The parser of the first call takes two seconds.
func Steps(entries []*Entry, rules Rules, answered map[Place]bool) []Step {
	var list []Step
	var query string // "" has no statements
	var parsed []statement.Statement
	var failed error
	for _, e := range entries {
		s := Step{Entry: e}
		if s.Answered = answered[e.Place()]; s.Answered {
			list = append(list, s)
			continue
		}
		if e.Query != query {
			query = e.Query
			parsed, failed = statement.Parse(query)
		}
		s.statements = parsed
		s.decide(rules, failed)
		list = append(list, s)
	}
	if len(list) > 1 {
		for i := range list {
			if list[i].Alone && list[i].Stop == "" {
				list[i].Stop = "it cannot run in a transaction, and came with others in one"
			}
		}
	}
	return list
}

func (s *Step) decide(rules Rules, failed error) {
	var syntax *statement.SyntaxError
	switch {
	case s.Problem != "":
		s.Stop = "the source could not log what it did: " + s.Problem
	case rules.Halt:
		s.Stop = `ddl = "halt" stops the mirror at every command`
	case s.Definition != "": // whatever made the table, a string of statements or a function
		s.Text = s.Definition
	case !rules.Owners && s.single() && changesOwner(s.statements[0].Text):
	case s.unknown(), failed == nil && len(s.statements) == 0:
		s.Stop = "the source does not know its text"
	case errors.As(failed, &syntax) && !s.Shared: // of a newer grammar: the server says whether it is what it should be
		s.Text, s.Says = s.Query, s.Tag
	case failed != nil:
		s.Stop = "it cannot be read: " + failed.Error()
	case len(s.statements) > 1:
		s.Stop = fmt.Sprintf("it is one of %d statements that were sent at once, and what the others did would be done a second time", len(s.statements))
	case s.statements[0].Kind != s.Tag:
		s.Stop = fmt.Sprintf("it was run inside of a %s, and what else that did would be done a second time", s.statements[0].Kind)
	case s.Shared:
		s.Stop = "another " + s.Tag + " was run by the same statement, as an event trigger does, and which of the two it is the text of cannot be told"
	case s.statements[0].Refused != "":
		s.Stop = "it cannot be run on the target as it was: " + s.statements[0].Refused
	default:
		s.run(rules)
	}
}

// unknown: the source has no text of it, as of what no client sent.
func (s *Step) unknown() bool { return strings.Trim(s.Query, "; \t\r\n") == "" }

// single reports whether the client sent the entry's statement, and nothing else.
func (s *Step) single() bool { return len(s.statements) == 1 && s.statements[0].Kind == s.Tag }

// run has the statement run as it is.
func (s *Step) run(rules Rules) {
	x := &s.statements[0]
	s.Text, s.Alone, s.Volatile = x.Text, x.Alone, x.Volatile
	switch s.Tag {
	case "DROP INDEX":
		s.Text = ifThere(s.Text)
	case "ALTER TABLE": // the DETACH CONCURRENTLY before it has failed, so nobody has heard of that
		if finalize.MatchString(s.Text) {
			s.Text, s.Alone = finalize.ReplaceAllString(s.Text, "$1 concurrently"), true
		}
	}
	for _, t := range x.Tables {
		name := pgname.Quote(t.Name)
		if t.Schema != "" {
			name = pgname.Qualified(t.Schema, t.Name)
		}
		s.Locks = append(s.Locks, name)
		s.Queues = s.Queues || !slices.Contains(harmless, t.Lock)
		if rules.Some && !t.Optional && s.leanOn() {
			s.Needs = append(s.Needs, name)
		}
	}
	if s.Tag == "CREATE EXTENSION" {
		for _, o := range s.Objects {
			if o.Type == "extension" {
				s.Extension = unquoted(o.Identity)
			}
		}
	}
}

// ifThere has a DROP INDEX do nothing where there is none: what a CREATE INDEX CONCURRENTLY
// that failed has left on the source, nobody has heard of, until it is dropped.
func ifThere(text string) string {
	at := dropIndex.FindStringSubmatchIndex(text)
	if at == nil || at[4] >= 0 {
		return text
	}
	return text[:at[3]] + " if exists" + text[at[3]:]
}

const gap = `(?:\s|--[^\n]*\n|/\*.*?\*/)`

// dropIndex has in its first group what an IF EXISTS stands behind, and in its second that.
var dropIndex = regexp.MustCompile(`(?is)^(` + gap + `*drop` + gap + `+index\b(?:` + gap + `+concurrently\b)?)(` + gap + `+if` + gap + `+exists\b)?`)

// finalize has in its first group the command without the word.
var finalize = regexp.MustCompile(`(?is)^(` + gap + `*alter` + gap + `+table\b.*\bdetach` + gap + `+partition` + gap + `+[^\s].*?[^\s.])` + gap + `+finalize` + gap + `*$`)

// harmless are the locks that no writer conflicts with.
var harmless = []string{"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"}

// leanOn reports whether the step is about relations that its entry does not name.
func (s *Step) leanOn() bool { return s.has("VIEW") || s.has("RULE") || rights[s.Tag] }

func unquoted(identity string) string {
	if len(identity) > 1 && identity[0] == '"' {
		return strings.ReplaceAll(identity[1:len(identity)-1], `""`, `"`)
	}
	return identity
}

// changesOwner reports whether a statement does nothing else.
func changesOwner(text string) bool {
	return ownerOnly.MatchString(text) && !commaOutside(text)
}

var ownerOnly = regexp.MustCompile(`(?is)^\s*alter\s.*\sowner\s+to\s+("(?:[^"]|"")+"|[^\s";,]+)\s*;?\s*$`)

// commaOutside reports whether there is a comma outside of quotes and parentheses.
func commaOutside(text string) bool {
	depth, quote := 0, rune(0)
	for _, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			return true
		}
	}
	return false
}

// Path is the search_path that names of the entry are found by, whoever runs it here.
func (e *Entry) Path() string {
	return strings.ReplaceAll(e.SearchPath, `"$user"`, pgname.Quote(e.Role))
}
