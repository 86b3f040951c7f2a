package statement

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// Rewrites says whether PostgreSQL writes all rows anew when a column of type from
// becomes one of type to, both as format_type writes them. It is Unknown where one is a
// domain, an enum or another type that pg_catalog does not have, and where the server's
// time zone decides. The text that the column is computed from is not considered: with
// USING, that decides.
func Rewrites(from, to string) string {
	if from == to {
		return No
	}
	a, b := takeApart(from), takeApart(to)
	switch {
	case a.array != b.array, !slices.Contains(plainTypes, a.base), !slices.Contains(plainTypes, b.base):
		return Unknown
	case a.array: // element by element, even where the elements by themselves would stay
		return answer(a.base != b.base || len(b.mods) > 0)
	case a.base == b.base:
		return answer(!fits(a, b))
	case isText(a.base) && isText(b.base):
		return answer(len(b.mods) > 0)
	case a.base == "cidr" && b.base == "inet":
		return No
	case isTimestamp(a.base) && isTimestamp(b.base):
		return Unknown
	}
	return Yes
}

func isText(base string) bool      { return base == "text" || base == "character varying" }
func isTimestamp(base string) bool { return strings.HasPrefix(base, "timestamp ") }

func answer(rewrites bool) string {
	if rewrites {
		return Yes
	}
	return No
}

// fits says whether every value of a type is one of the same type with other modifiers,
// unchanged, as PostgreSQL knows it.
func fits(from, to typed) bool {
	switch base := from.base; {
	case base == "character varying", base == "bit varying":
		return len(to.mods) == 0 || len(from.mods) == 1 && to.mods[0] >= from.mods[0]
	case base == "numeric":
		return len(to.mods) == 0 || len(from.mods) == 2 && len(to.mods) == 2 && to.mods[0] >= from.mods[0] && to.mods[1] == from.mods[1]
	case strings.HasPrefix(base, "time"):
		return len(to.mods) == 0 || to.mods[0] >= 6 || len(from.mods) == 1 && to.mods[0] >= from.mods[0]
	}
	return false
}

// plainTypes are the types, as format_type calls them, of which one becomes another by
// computing it, apart from the exceptions in Rewrites.
var plainTypes = []string{
	"smallint", "integer", "bigint", "real", "double precision", "numeric", "money", "boolean",
	"text", "character varying", "character", "bytea", "uuid", "json", "jsonb", "bit", "bit varying", "inet", "cidr",
	"date", "time without time zone", "time with time zone", "timestamp without time zone", "timestamp with time zone",
}

// typed is a type taken apart: timestamp(3) with time zone[] has a base, one modifier,
// and is an array.
type typed struct {
	base  string
	mods  []int
	array bool
}

func takeApart(text string) typed {
	var t typed
	t.base, t.array = strings.CutSuffix(text, "[]")
	before, rest, found := strings.Cut(t.base, "(")
	if !found {
		return t
	}
	inner, after, _ := strings.Cut(rest, ")")
	t.base = strings.TrimSpace(before) + after
	for part := range strings.SplitSeq(inner, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return typed{base: text}
		}
		t.mods = append(t.mods, n)
	}
	return t
}

// sqlTypes are the types that format_type writes in SQL's words; %s is for modifiers.
var sqlTypes = map[string]string{
	"bool": "boolean", "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision",
	"numeric": "numeric%s", "varchar": "character varying%s", "bpchar": "character%s", "bit": "bit%s", "varbit": "bit varying%s",
	"time": "time%s without time zone", "timetz": "time%s with time zone",
	"timestamp": "timestamp%s without time zone", "timestamptz": "timestamp%s with time zone",
}

// spelled writes a type as format_type does.
func spelled(t *pg.TypeName) string {
	n := typeName(t)
	mods := modifiers(t.GetTypmods())
	text, known := sqlTypes[n.Name]
	switch {
	case !known || n.Schema != "":
		text = n.String() + mods
	case strings.Contains(text, "%s"):
		if n.Name == "numeric" && len(t.GetTypmods()) == 1 {
			mods = strings.TrimSuffix(mods, ")") + ",0)"
		}
		text = fmt.Sprintf(text, mods)
	}
	if len(t.GetArrayBounds()) > 0 {
		text += "[]"
	}
	return text
}

// modifiers writes what is in the parentheses of a type, or "".
func modifiers(mods []*pg.Node) string {
	var texts []string
	for _, m := range mods {
		switch {
		case m.GetColumnRef() != nil:
			texts = append(texts, strings.Join(words(m.GetColumnRef().GetFields()), "."))
		case constant(m) != "":
			texts = append(texts, constant(m))
		default:
			texts = append(texts, strconv.Itoa(int(m.GetAConst().GetIval().GetIval())))
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return "(" + strings.Join(texts, ",") + ")"
}
