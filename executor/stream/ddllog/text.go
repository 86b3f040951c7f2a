package ddllog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bascule/planner/statement"
)

// Commands are the statements that do on the target what entries of a transaction did on
// the source, as far as they can be told, each with a mark before it if it has a place of
// its own. Remarks say what the operator has to look at.
func Commands(steps []Step, schemas Schemas) (commands, remarks []string) {
	var left leftBare
	for len(steps) > 0 {
		s, n := &steps[0], 1
		switch {
		case s.Text == "" && s.Stop == "":
		case s.Definition != "" && (!s.AmongOthers() || secret(s.Query)):
			commands = append(commands, mark(*s)+s.Definition)
		case s.unknown():
			commands = append(commands, mark(*s)+toWrite)
			remarks = append(remarks, fmt.Sprintf("What %s did is not known: write it into the block.", s.Title()))
		case secret(s.Query):
			commands = append(commands, mark(*s)+toWrite)
			remarks = append(remarks, fmt.Sprintf("What %s did is not shown, for it speaks of a password: write it into the block.", s.Title()))
		case s.single():
			text, bare := qualify(s.statements[0], schemas[s.Path()])
			commands = append(commands, mark(*s)+text)
			left.add(bare, s.Path())
		default:
			n = atOnce(steps)
			paths := pathsOf(steps[:n], s.Query)
			list, bare, notes := s.parts(schemas.agreed(paths), definitionsOf(steps[:n]))
			commands, remarks = append(commands, placed(steps[:n], list)...), append(remarks, notes...)
			left.add(bare, paths...)
		}
		steps = steps[n:]
	}
	for i, text := range commands {
		if strings.Contains(text[strings.LastIndex(text, "\n")+1:], "--") {
			commands[i] += "\n" // a comment would have the semicolon
		}
	}
	return commands, append(remarks, left.remarks()...)
}

const toWrite = "-- what it did"

// atOnce is how many of the steps, from the first on, were sent with it.
func atOnce(steps []Step) int {
	n := 1
	for n < len(steps) && steps[n].Query == steps[0].Query && steps[n].Stamp == steps[0].Stamp {
		n++
	}
	return n
}

// definition is one of a block, and its tag; "" where it is more than one.
type definition struct{ text, tag string }

// placed marks definitions that were sent at once with the steps that they are of. Where
// that cannot be told of each, the first step is the place of all.
func placed(steps []Step, list []definition) (commands []string) {
	each := len(list) == len(steps)
	for i := range list {
		each = each && list[i].tag == steps[i].Tag
		commands = append(commands, list[i].text)
	}
	switch {
	case each:
		for i := range commands {
			commands[i] = mark(steps[i]) + commands[i]
		}
	case len(commands) > 0:
		commands[0] = mark(steps...) + commands[0]
	default:
		commands = []string{mark(steps...) + toWrite}
	}
	return commands
}

// AmongOthers reports whether the statement that made a table with rows was sent as one
// string with others: in a block, the table is made where it stands among them.
func (s *Step) AmongOthers() bool {
	return s.Definition != "" && len(s.statements) > 1 && slices.ContainsFunc(s.statements, func(x statement.Statement) bool { return withRows[x.Kind] })
}

// withRows are the commands that make a table with rows.
var withRows = map[string]bool{"CREATE TABLE AS": true, "SELECT INTO": true}

// definitionsOf are those of the tables that steps have made with rows, in order.
func definitionsOf(steps []Step) (list []definition) {
	for i := range steps {
		if x := &steps[i]; x.Definition != "" {
			list = append(list, definition{x.Definition, x.Tag})
		}
	}
	return list
}

// parts are the definitions among statements that were sent at once, and the names in
// them that lack a schema. For those that made tables with rows stand the definitions of
// these, as many as there are.
func (s *Step) parts(schemas map[string]string, made []definition) (list []definition, bare, remarks []string) {
	for _, x := range s.statements {
		switch {
		case withRows[x.Kind]:
			n := min(1, len(made))
			list, made = append(list, made[:n]...), made[n:]
		case x.Refused != "":
		case x.Opaque, x.Kind == "SELECT", x.Kind == "DO", x.Kind == "CALL":
			list, bare = append(list, definition{text: x.Text}), append(bare, x.Unqualified...)
			remarks = append(remarks, fmt.Sprintf("Of the %s, write the DDL alone (here it was %s): rows that it writes travel by themselves, and would be there twice.", x.Kind, s.Title()))
		default:
			text, left := qualify(x, schemas)
			list, bare = append(list, definition{text, x.Kind}), append(bare, left...)
		}
	}
	if len(s.statements) == 0 {
		list = append(list, definition{text: strings.TrimRight(s.Query, "; \n\t")})
	}
	return list, bare, remarks
}

// Shown is an entry's text for people, cut where it is long.
func (e *Entry) Shown() string {
	text := strings.Join(strings.Fields(e.Query), " ")
	if secret(text) {
		return "(not shown: it speaks of a password)"
	}
	if len(text) > shownMost {
		text = strings.ToValidUTF8(text[:shownMost], "") + "..."
	}
	return text
}

const shownMost = 300

// secret reports whether a text may have a password in it.
func secret(text string) bool { return secrets.MatchString(text) }

var secrets = regexp.MustCompile(`(?i)password|passwd|secret|://[^\s:@/]*:[^\s@]+@`)
