package config

import "strings"

// Like returns the pattern as two patterns of SQL's LIKE, with the backslash as their
// escape, for the schema and the name. ok is false for a pattern that Match would let
// match nothing because Load refuses it.
func (p Pattern) Like() (schema, name string, ok bool) {
	parts, err := parts(p.Text)
	if err != nil || len(parts) != 2 {
		return "", "", false
	}
	return parts[0].like(), parts[1].like(), true
}

func (p part) like() string {
	if p.quoted {
		return escapeLike.Replace(p.text)
	}
	return globLike.Replace(p.text)
}

var (
	escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	globLike   = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`, `?`, `_`)
)
