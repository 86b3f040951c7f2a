package ddllog

import (
	"slices"
	"strings"
	"unicode"

	"bascule/config/pgname"
	"bascule/planner/statement"
)

// Bare are the names in what the steps' blocks would say that lack a schema, as people
// see them; of functions with () behind them.
func Bare(steps []Step) []string {
	var names []string
	for i := range steps {
		for _, x := range steps[i].statements {
			if x.Refused == "" {
				names = append(names, x.Unqualified...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// qualify writes schemas before the names of a statement that lack them, as far as the
// result is a statement of the same kind that lacks fewer. What still does is returned.
func qualify(x statement.Statement, schemas map[string]string) (text string, bare []string) {
	text, bare = x.Text, x.Unqualified
	for _, types := range []bool{false, true} {
		if len(bare) == 0 {
			break
		}
		try := prefixed(text, bare, schemas, types)
		list, err := statement.Parse(try)
		if err == nil && len(list) == 1 && list[0].Kind == x.Kind && len(list[0].Unqualified) < len(bare) {
			text, bare = try, list[0].Unqualified
		}
	}
	return text, bare
}

// prefixed writes schemas before the words that stand where a name of a relation or a
// function does, or of a type. Others may be of columns.
func prefixed(text string, bare []string, schemas map[string]string, types bool) string {
	list := tokens(text)
	at := func(i int) token {
		if i < 0 || i >= len(list) {
			return token{}
		}
		return list[i]
	}
	newIndex := at(0).word == "create" && (at(1).word == "index" || at(1).word == "unique")
	var out strings.Builder
	done := 0
	for i, t := range list {
		name := pgname.Shown("", t.word)
		before, after := at(i-1), at(i+1)
		if t.word == "" || before.text == "." {
			continue
		}
		named := slices.Contains(bare, name) && after.text != "."
		relation := relationBefore[before.word] && !(newIndex && indexBefore[before.word])
		here := named && (relation || before.text == "(" && at(i-2).word == "inherits" ||
			before.text == "," && at(0).word == "drop" || types && (before.text == ":" || before.word != "" && !columnAfter[before.word]))
		if !here && after.text == "(" && slices.Contains(bare, name+"()") {
			name, here = name+"()", true
		}
		if schema := schemas[name]; here && schema != "" {
			out.WriteString(text[done:t.start] + pgname.Shown("", schema) + ".")
			done = t.start
		}
	}
	return out.String() + text[done:]
}

// relationBefore are the words behind which a relation, or another object with a schema,
// is named.
var relationBefore = set("table only exists on into from join update references view index sequence partition of like type domain function procedure routine aggregate concurrently")

// indexBefore are those behind which a new index is named, which has no schema.
var indexBefore = set("index concurrently exists")

// columnAfter are the words behind which a word is no type.
var columnAfter = set("column add drop alter rename to key select where and or not constraint in set default check unique primary using values order group limit begin atomic")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// token is a word, as the server reads it, or one character.
type token struct {
	start int
	word  string
	text  string
}

// tokens takes a statement apart, without strings and comments.
func tokens(text string) (list []token) {
	for i := 0; i < len(text); {
		rest := text[i:]
		switch c := rest[0]; {
		case strings.HasPrefix(rest, "--"):
			i += through(rest, 2, "\n")
		case strings.HasPrefix(rest, "/*"):
			i += through(rest, 2, "*/")
		case c == '\'':
			i += through(rest, 1, "'")
		case c == '"':
			n := through(rest, 1, `"`)
			for strings.HasPrefix(text[i+n:], `"`) {
				n += through(text[i+n:], 1, `"`)
			}
			list = append(list, token{start: i, word: unquoted(rest[:n])})
			i += n
		case c == '$' && strings.Contains(rest[1:], "$"):
			end := strings.Index(rest[1:], "$") + 2
			i += through(rest, end, rest[:end])
		case c == '_' || c >= 0x80 || unicode.IsLetter(rune(c)):
			n := strings.IndexFunc(rest, func(r rune) bool {
				return r != '_' && r != '$' && r < 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			})
			if n < 0 {
				n = len(rest)
			}
			list = append(list, token{start: i, word: strings.ToLower(rest[:n])})
			i += n
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		default:
			list = append(list, token{start: i, text: rest[:1]})
			i++
		}
	}
	return list
}

// through is how much of a text goes to the end of what closes it, from a place on.
func through(text string, from int, closing string) int {
	if n := strings.Index(text[from:], closing); n >= 0 {
		return from + n + len(closing)
	}
	return len(text)
}
