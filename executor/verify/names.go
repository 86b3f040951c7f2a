package verify

import (
	"strings"

	"bascule/config/pgname"
)

// split takes a qualified name of the server's apart into its two plain names.
func split(qualified string) (schema, name string) {
	quoted := false
	for i, c := range qualified {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			return plain(qualified[:i]), plain(qualified[i+1:])
		}
	}
	return "", plain(qualified)
}

// plain is a name without the quotes that the server gives it.
func plain(name string) string {
	if inner, ok := strings.CutPrefix(name, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
	}
	return name
}

// alwaysQuoted is a qualified name of the server's as we write it.
func alwaysQuoted(qualified string) string {
	return pgname.Qualified(split(qualified))
}
