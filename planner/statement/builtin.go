package statement

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// Volatilities by PostgreSQL's letters.
const (
	immutable = "i"
	stable    = "s"
	volatile  = "v"
	unknown   = "" // no function of pg_catalog
)

// builtinList has what pg_catalog holds in PostgreSQL 15 to 18: lines of names, headed
// by the volatility of functions (of overloaded ones the worst) or by t for types. A test
// holds it against servers, and writes it anew with -update.
//
//go:embed builtin.txt
var builtinList string

// builtins are the names of the list by their heads.
var builtins = sync.OnceValue(func() map[string]map[string]bool {
	names := map[string]map[string]bool{"t": {}, immutable: {}, stable: {}, volatile: {}}
	for line := range strings.Lines(builtinList) {
		fields := strings.Fields(line)
		for _, name := range fields[1:] {
			names[fields[0]][name] = true
		}
	}
	return names
})

// volatilityOf is that of a function of pg_catalog.
func volatilityOf(n Name) string {
	if n.Schema != "" && n.Schema != "pg_catalog" {
		return unknown
	}
	for _, v := range []string{volatile, stable, immutable} {
		if builtins()[v][n.Name] {
			return v
		}
	}
	return unknown
}

// serials are types by the grammar's leave alone: a column of integers with a sequence.
var serials = []string{"serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"}

// builtinType says whether a type is pg_catalog's, and so no domain.
func builtinType(t *pg.TypeName) bool {
	parts := words(t.GetNames())
	n := typeName(t)
	if len(parts) == 0 || n.Schema == "" && slices.Contains(serials, n.Name) {
		return true
	}
	return nameOf(parts).Schema == "pg_catalog" || n.Schema == "" && builtins()["t"][n.Name]
}
