package statement

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"bascule/config/pgname"
)

// called is a function in an expression.
type called struct {
	name       string // as people write it
	volatility string
}

// functions returns the functions of an expression, keywords like current_user and
// operators of a schema's own included.
func functions(expr *pg.Node) []called {
	var found []called
	walk(expr, func(m proto.Message) bool {
		switch f := m.(type) {
		case *pg.FuncCall:
			n := nameOf(words(f.GetFuncname()))
			found = append(found, called{shownFunction(n), volatilityOf(n)})
		case *pg.SQLValueFunction:
			found = append(found, called{keyword(f.GetOp()), stable})
		case *pg.A_Expr:
			if n := nameOf(words(f.GetName())); n.Schema != "" && n.Schema != "pg_catalog" {
				found = append(found, called{"operator(" + n.Schema + "." + n.Name + ")", unknown})
			}
		case *pg.TypeCast:
			if word := clockWord(f.GetArg()); word != "" && slices.Contains(clockTypes, typeName(f.GetTypeName()).Name) {
				found = append(found, called{"'" + word + "'", stable})
			}
		}
		return true
	})
	return found
}

// shownFunction leaves out the schema that needs no mention.
func shownFunction(n Name) string {
	if n.Schema == "pg_catalog" {
		n.Schema = ""
	}
	return pgname.Shown(n.Schema, n.Name)
}

// keyword is a function that SQL has a word for: current_timestamp.
func keyword(op pg.SQLValueFunctionOp) string {
	word := strings.ToLower(strings.TrimPrefix(op.String(), "SVFOP_"))
	return strings.TrimSuffix(word, "_n")
}

// clockTypes are the types that read the clock when their text is one of clockWords.
var (
	clockTypes = []string{"date", "time", "timetz", "timestamp", "timestamptz"}
	clockWords = []string{"now", "today", "tomorrow", "yesterday"}
)

// clockWord is the text of a constant that reads the clock as a date or a time, or "".
func clockWord(expr *pg.Node) string {
	text := strings.ToLower(strings.TrimSpace(constant(expr)))
	if !slices.Contains(clockWords, text) {
		return ""
	}
	return text
}

// constant is the text of a string constant, or "".
func constant(expr *pg.Node) string { return expr.GetAConst().GetSval().GetSval() }
