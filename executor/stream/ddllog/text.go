package ddllog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Commands are the statements that do on the target what a transaction's entries did on
// the source, as far as they can be told. Remarks say what the operator has to look at.
func Commands(steps []Step, schemas Schemas) (commands, remarks []string) {
	var done []string // texts of which the statements are in already
	var left leftBare
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Text == "" && s.Stop == "" || slices.Contains(done, s.Query):
		case s.unknown():
			remarks = append(remarks, fmt.Sprintf("What %s did is not known: write it into the block.", s.Title()))
		case secret(s.Query):
			remarks = append(remarks, fmt.Sprintf("What %s did is not shown, for it speaks of a password: write it into the block.", s.Title()))
		case s.single():
			text, bare := qualify(s.statements[0], schemas[s.Path()])
			commands = append(commands, text)
			left.add(bare, s.Path())
		default:
			done = append(done, s.Query)
			paths := pathsOf(steps, s.Query)
			list, bare, notes := s.parts(schemas.agreed(paths))
			commands, remarks = append(commands, list...), append(remarks, notes...)
			left.add(bare, paths...)
		}
	}
	for i, text := range commands {
		if strings.Contains(text[strings.LastIndex(text, "\n")+1:], "--") {
			commands[i] += "\n" // a comment would have the semicolon
		}
	}
	return commands, append(remarks, left.remarks()...)
}

// parts are the definitions among statements that were sent at once, and the names in
// them that lack a schema.
func (s *Step) parts(schemas map[string]string) (commands, bare, remarks []string) {
	for _, x := range s.statements {
		switch {
		case x.Refused != "":
		case x.Opaque, x.Kind == "SELECT", x.Kind == "DO", x.Kind == "CALL":
			commands, bare = append(commands, x.Text), append(bare, x.Unqualified...)
			remarks = append(remarks, fmt.Sprintf("Of the %s, write the DDL alone (here it was %s): rows that it writes travel by themselves, and would be there twice.", x.Kind, s.Title()))
		default:
			text, left := qualify(x, schemas)
			commands, bare = append(commands, text), append(bare, left...)
		}
	}
	if len(s.statements) == 0 {
		commands = append(commands, strings.TrimRight(s.Query, "; \n\t"))
	}
	return commands, bare, remarks
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
