package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// environPrefix is in front of a variable's name in the environment.
const environPrefix = "BASCULE_VAR_"

// given is one value of a variable, and where it comes from.
type given struct {
	value cty.Value
	text  *string   // from the environment or -var: not parsed yet
	at    hcl.Range // where it stands, if in a file
	from  string    // "-var", "BASCULE_VAR_name", "default", or "" for a file
}

// of names a variable together with where its value is from.
func (g *given) of(v *variable) string {
	if g.from == "" {
		return "var." + v.name
	}
	return "var." + v.name + ", by " + g.from
}

// place is where an error about the value points.
func (g *given) place(v *variable) hcl.Range {
	if g == nil || g.at.Filename == "" {
		return v.at
	}
	return g.at
}

// givenValues collects the values from outside: the environment, then the
// *.auto.bvars files by name, then -var-file, then -var. Later wins.
func (l *loader) givenValues() map[string]*given {
	values := map[string]*given{}
	for name := range l.variables {
		if text, ok := l.env[environPrefix+name]; ok {
			values[name] = &given{text: &text, from: environPrefix + name}
		}
	}
	auto, _ := filepath.Glob(filepath.Join(globQuoted(l.dir), "*.auto.bvars"))
	for _, path := range auto {
		l.readValues(filepath.Base(path), values)
	}
	for _, name := range l.in.VarFiles {
		l.readValues(name, values)
	}
	for _, name := range slices.Sorted(maps.Keys(l.in.Vars)) {
		if l.variables[name] == nil {
			if len(l.broken) == 0 {
				l.diags = append(l.diags, sourceless("Undeclared variable",
					"-var gives a value to "+name+", which no variable block declares."+didYouMean(name, slices.Collect(maps.Keys(l.variables)))))
			}
			continue
		}
		text := l.in.Vars[name]
		values[name] = &given{text: &text, from: "-var"}
	}
	return values
}

// globQuoted makes a folder's name stand for itself in a glob pattern.
func globQuoted(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// readValues reads one file of variable values.
func (l *loader) readValues(name string, values map[string]*given) {
	file := l.parse(name)
	if file == nil {
		return
	}
	attrs, diags := file.Body.JustAttributes()
	l.diags = append(l.diags, diags...)
	for _, attr := range sortedAttributes(attrs) {
		v := l.variables[attr.Name]
		if v == nil {
			l.blankRange(attr.Expr.Range()) // it may be a sensitive one, misspelt
			if len(l.broken) == 0 {
				l.errorAt(attr.NameRange, "Undeclared variable", "No variable block declares %s.%s",
					attr.Name, didYouMean(attr.Name, slices.Collect(maps.Keys(l.variables))))
			}
			continue
		}
		if v.sensitive {
			l.blankRange(attr.Expr.Range())
		}
		value, diags := attr.Expr.Value(nil)
		l.diags = append(l.diags, diags...)
		values[attr.Name] = &given{value: value, at: attr.Expr.Range()}
	}
}

// sortedAttributes are the attributes in file order.
func sortedAttributes(attrs hcl.Attributes) []*hcl.Attribute {
	return slices.SortedFunc(maps.Values(attrs), func(a, b *hcl.Attribute) int {
		return compareSubjects(&a.Range, &b.Range)
	})
}

// parsed reads a value that came as text: as it is for a variable of a plain
// type or without a type, as an HCL expression otherwise.
func (l *loader) parsed(v *variable, g *given) cty.Value {
	if v.typ.IsPrimitiveType() || !v.typed {
		return cty.StringVal(*g.text)
	}
	expr, diags := hclsyntax.ParseExpression([]byte(*g.text), g.from, hcl.InitialPos)
	if !diags.HasErrors() {
		value, more := expr.Value(nil)
		if !more.HasErrors() {
			return value
		}
		diags = more
	}
	why := ""
	if !v.sensitive {
		why = " " + diags[0].Summary + ": " + diags[0].Detail
	}
	l.errorAt(v.at, "Invalid value for variable", "%s: this is not an HCL expression.%s", g.of(v), why)
	return cty.DynamicVal
}
