package planner_test

import (
	"regexp"
	"slices"
	"strings"
)

// A word is a name in SQL text, or one character of punctuation. Names that were
// quoted keep their case.
type word struct {
	text   string
	quoted bool
}

func (w word) isName() bool {
	return w.quoted || w.text != "" && nameStart.MatchString(w.text)
}

// is tells whether the word is this keyword.
func (w word) is(keywords ...string) bool { return !w.quoted && slices.Contains(keywords, w.text) }

var (
	nameStart = regexp.MustCompile(`^[\p{L}_]`)

	// skipped is what holds no name: white space, comments, strings, numbers and $1.
	skipped = regexp.MustCompile(`(?is)^(?:\s+|--[^\n]*|/\*.*?\*/|(?:\bE)'(?:[^'\\]|\\.|'')*'|(?:\b[BXN]|U&)?'(?:[^']|'')*'|\$?\d[\w.]*)`)
	quoted  = regexp.MustCompile(`(?s)^"(?:[^"]|"")*"`)
	dollar  = regexp.MustCompile(`^\$(?:[\p{L}_]\w*)?\$`)
	name    = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_$]*`)
)

// words takes SQL text apart. Text in dollar quotes is code: it is taken apart too.
func words(sql string) []word {
	var out []word
	for sql != "" {
		if m := skipped.FindString(sql); m != "" {
			sql = sql[len(m):]
		} else if m := quoted.FindString(sql); m != "" {
			out = append(out, word{strings.ReplaceAll(m[1:len(m)-1], `""`, `"`), true})
			sql = sql[len(m):]
		} else if m := dollar.FindString(sql); m != "" {
			body, rest, _ := strings.Cut(sql[len(m):], m)
			out = append(append(out, word{";", false}), words(body)...)
			sql = rest
		} else if m := name.FindString(sql); m != "" {
			out = append(out, word{strings.ToLower(m), false})
			sql = sql[len(m):]
		} else {
			out = append(out, word{sql[:1], false})
			sql = sql[1:]
		}
	}
	return out
}

// calls returns the functions that SQL text calls, as written. What is not plainly
// something else is taken for a call.
func calls(sql string) []string {
	var found []string
	ws := words(sql)
	for i := 1; i < len(ws); i++ {
		if !ws[i].is("(") || !ws[i-1].isName() || ws[i-1].is(notFunctions...) {
			continue
		}
		first := i - 1
		for first >= 2 && ws[first-1].is(".") && ws[first-2].isName() {
			first -= 2
		}
		if first > 0 && !followsCall(ws[:first]) {
			continue
		}
		var parts []string
		for _, w := range ws[first:i] {
			parts = append(parts, w.text)
		}
		found = append(found, strings.Join(parts, ""))
	}
	return found
}

// followsCall tells whether a name and "(" after these words can be a call. It cannot
// after a cast or an alias, where they are a type or a list of columns.
func followsCall(before []word) bool {
	i := len(before) - 1
	last := before[i]
	switch {
	case last.is(":", "as"):
		return false
	case last.is(")"):
		return closesOperator(before) // a operator(pg_catalog.=) f(b)
	case !last.isName(), last.is(notFunctions...), last.is(beforeCalls...):
		return true
	}
	return i > 0 && before[i-1].is("%") // a verb of fmt stands for anything
}

// closesOperator tells whether the words end with operator(...).
func closesOperator(ws []word) bool {
	for i := len(ws) - 1; i > 0; i-- {
		if ws[i].is("(") {
			return ws[i-1].is("operator")
		}
	}
	return false
}

// writes tells whether SQL text holds a statement that is not a reading one: one
// begins the text, follows ";" or stands in parentheses after WITH.
func writes(sql string) bool {
	ws := words(sql)
	for i, w := range ws {
		if (i == 0 || ws[i-1].is(";", "(")) && w.is(writingStatements...) {
			return true
		}
	}
	return false
}

// notFunctions are keywords that stand before "(" and are no function, nor run one.
var notFunctions = strings.Fields(`
	all and any array as between by case cast coalesce copy cube distinct else except exists extract filter from
	greatest group having ilike in intersect is isnull join lateral least like limit materialized not notnull nullif
	offset on operator or order over overlay partition position recursive rollup row select sets similar some substring then
	trim union using values when where window with within`)

// beforeCalls are other keywords that an expression follows.
var beforeCalls = strings.Fields(`
	begin call do execute explain analyze verbose return perform if elsif while loop set to to default returning
	escape zone at fetch first next end asc desc symmetric both leading trailing for into`)

var writingStatements = strings.Fields(`
	alter analyze call checkpoint cluster comment copy create delete do drop execute grant import insert listen load
	lock merge notify prepare reassign refresh reindex revoke security truncate unlisten update vacuum`)
