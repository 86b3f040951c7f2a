package pgname

import "strings"

// Quote writes an identifier for SQL: users becomes "users".
func Quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Qualified writes a name with its schema for SQL: "public"."users".
func Qualified(schema, name string) string {
	return Quote(schema) + "." + Quote(name)
}

// Literal writes text as an SQL string constant. Text with a backslash becomes an
// escape constant, E'...', so that it reads the same whatever standard_conforming_strings is.
func Literal(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// Shown writes a qualified name for people: public.users, and "Odd.Name" in
// quotes where it would be misread without. It is no SQL: reserved words stay as
// they are. An empty schema is left out.
func Shown(schema, name string) string {
	if schema == "" {
		return shown(name)
	}
	return shown(schema) + "." + shown(name)
}

// ShownObject writes the name of an object that is no relation for people. That of a
// function has its arguments.
func ShownObject(schema, name string) string {
	switch {
	case schema == "":
		return name
	case strings.HasSuffix(name, ")"):
		return shown(schema) + "." + name
	}
	return Shown(schema, name)
}

func shown(name string) string {
	if plain(name) {
		return name
	}
	return Quote(name)
}

// plain reports whether PostgreSQL reads name as itself without quotes.
func plain(name string) bool {
	for i, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '$'):
		default:
			return false
		}
	}
	return name != ""
}
