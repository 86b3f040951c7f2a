package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"bascule/config/pgname"
)

// part is one part of a name: between dots, or in double quotes.
type part struct {
	text   string
	quoted bool // * and ? stand for themselves
}

// Match reports whether the pattern selects the table schema.name. Case counts.
// A pattern that Load would refuse matches nothing.
func (p Pattern) Match(schema, name string) bool {
	parts, err := parts(p.Text)
	return err == nil && len(parts) == 2 && parts[0].match(schema) && parts[1].match(name)
}

// Kind is the word in front of the colon of a skip entry, which may be all of it.
func (p Pattern) Kind() string {
	kind, _, _ := strings.Cut(p.Text, ":")
	return kind
}

// MatchObject reports whether a skip entry selects an object. A name with
// argument types, as of a function, is also matched without them. An entry whose
// pattern has no schema matches the name in any.
func (p Pattern) MatchObject(kind, schema, name string) bool {
	mine, pattern, named := strings.Cut(p.Text, ":")
	if mine != kind || !named {
		return mine == kind
	}
	parts, err := parts(pattern)
	if err != nil {
		return false
	}
	last := parts[len(parts)-1]
	bare, _, _ := strings.Cut(name, "(")
	if !last.match(name) && !last.match(bare) {
		return false
	}
	return len(parts) == 1 || len(parts) == 2 && parts[0].match(schema)
}

func (p part) match(name string) bool {
	if p.quoted {
		return p.text == name
	}
	return glob(p.text, name)
}

// wild reports whether the part selects more than one name.
func (p part) wild() bool { return !p.quoted && strings.ContainsAny(p.text, "*?") }

// glob matches name with a pattern in which * is any text and ? any character.
// It goes back only to the last *, so its time is the product of the lengths.
func glob(pattern, name string) bool {
	p, n := 0, 0
	star, mark := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && pattern[p] == '?':
			_, size := utf8.DecodeRuneInString(name[n:])
			p, n = p+1, n+size
		case p < len(pattern) && pattern[p] == name[n]:
			p, n = p+1, n+1
		case star >= 0:
			_, size := utf8.DecodeRuneInString(name[mark:])
			mark += size
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

var (
	errEmptyPart    = errors.New("a part of the name is empty")
	errQuoteOpen    = errors.New("a double quote is not closed")
	errQuoteMisused = errors.New("a double quote must enclose a whole part of the name")
)

// parts takes a name apart at its dots.
func parts(text string) ([]part, error) {
	var all []part
	for {
		next, rest, err := cutPart(text)
		if err != nil {
			return nil, err
		}
		all = append(all, next)
		if rest == "" {
			return all, nil
		}
		text = rest[1:] // the dot
	}
}

// cutPart takes the first part off text. The rest is empty or starts with a dot.
func cutPart(text string) (part, string, error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexByte(text, '.')
		if end < 0 {
			end = len(text)
		}
		switch {
		case end == 0:
			return part{}, "", errEmptyPart
		case strings.Contains(text[:end], `"`):
			return part{}, "", errQuoteMisused
		}
		return part{text: text[:end]}, text[end:], nil
	}
	var name strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '"':
			name.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == '"':
			name.WriteByte('"')
			i++
		default:
			return quotedPart(name.String(), text[i+1:])
		}
	}
	return part{}, "", errQuoteOpen
}

func quotedPart(name, rest string) (part, string, error) {
	switch {
	case name == "":
		return part{}, "", errEmptyPart
	case rest != "" && rest[0] != '.':
		return part{}, "", errQuoteMisused
	}
	return part{text: name, quoted: true}, rest, nil
}

// qualified parses a pattern of what lives in a schema: schema.name.
func qualified(text string) ([]part, error) {
	all, err := parts(text)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 1:
		return nil, fmt.Errorf("the schema is missing. Did you mean %q?", "public."+text)
	case len(all) > 2:
		return nil, fmt.Errorf("it has %d parts, where schema.name has two; a part that holds a dot needs double quotes", len(all))
	}
	return all, nil
}

// ParseTable takes the name of one table apart: schema.table, either part in
// double quotes where it holds a dot, a * or a ?. Case counts.
func ParseTable(text string) (schema, name string, err error) {
	all, err := qualified(text)
	if err != nil {
		return "", "", err
	}
	for _, p := range all {
		if p.wild() {
			return "", "", errors.New("it must name one table; a name that holds * or ? needs double quotes")
		}
		if len(p.text) > pgname.MaxLen {
			return "", "", fmt.Errorf("a name has at most %d bytes", pgname.MaxLen)
		}
	}
	return all[0].text, all[1].text, nil
}

// canonical writes a pattern so that equal patterns have equal texts.
func (p Pattern) canonical() string {
	kind, pattern, named := strings.Cut(p.Text, ":")
	if !named || slices.Index(KindNames(), kind) < 0 {
		kind, pattern = "", p.Text
	} else {
		kind += ":"
	}
	all, err := parts(pattern)
	if err != nil {
		return p.Text
	}
	texts := make([]string, len(all))
	for i, part := range all {
		texts[i] = part.text
		if part.quoted {
			texts[i] = pgname.Quote(part.text)
			if shown := pgname.Shown("", part.text); !strings.HasPrefix(shown, `"`) {
				texts[i] = shown
			}
		}
	}
	return kind + strings.Join(texts, ".")
}
