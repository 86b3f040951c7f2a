package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// scope is what an expression may refer to.
type scope struct {
	l   *loader
	ctx *hcl.EvalContext
}

// roots are the names that a reference starts with anywhere in the language.
var roots = []string{"var", "local", "peer", "mirror", "ddl", "each"}

// scope makes a scope of the named roots. "each" is added by withEach.
func (l *loader) scope(names ...string) *scope {
	values := map[string]cty.Value{}
	for _, name := range names {
		switch name {
		case "var":
			values[name] = cty.ObjectVal(l.varValues)
		case "local":
			values[name] = cty.ObjectVal(l.localValues())
		default:
			values[name] = cty.ObjectVal(l.blockValues(name))
		}
	}
	return &scope{l: l, ctx: &hcl.EvalContext{Variables: values, Functions: l.functions}}
}

// blockValues are what references to blocks of a type give, by label.
func (l *loader) blockValues(kind string) map[string]cty.Value {
	return map[string]map[string]cty.Value{"peer": l.peers, "mirror": l.mirrors, "ddl": l.ddls}[kind]
}

// withEach is the scope inside one instance of a for_each.
func (s *scope) withEach(key, value cty.Value) *scope {
	return s.with("each", cty.ObjectVal(map[string]cty.Value{"key": key, "value": value}))
}

// with is the scope with one more root.
func (s *scope) with(root string, value cty.Value) *scope {
	values := maps.Clone(s.ctx.Variables)
	values[root] = value
	return &scope{l: s.l, ctx: &hcl.EvalContext{Variables: values, Functions: s.ctx.Functions}}
}

// value evaluates an expression. It reports false, with the errors added, when
// there is none. The value may be unknown, in part or whole, where an error was
// reported at what it refers to.
func (s *scope) value(expr hcl.Expression) (cty.Value, bool) {
	if !s.references(expr) {
		return cty.DynamicVal, false
	}
	v, diags := expr.Value(s.ctx)
	for _, d := range diags {
		s.l.diags = append(s.l.diags, knownFunctions(d, s.ctx.Functions))
	}
	return v, !diags.HasErrors()
}

// knownFunctions gives the error about an unknown function its best suggestion:
// hcl takes any that is near, a different one each time.
func knownFunctions(d *hcl.Diagnostic, known map[string]function.Function) *hcl.Diagnostic {
	extra, ok := hcl.DiagnosticExtra[interface {
		CalledFunctionName() string
		CalledFunctionNamespace() string
	}](d)
	if !ok || extra.CalledFunctionName() == "" || d.Summary != "Call to unknown function" {
		return d
	}
	name := extra.CalledFunctionName()
	better := *d
	better.Detail = fmt.Sprintf("There is no function named %q.%s", name,
		didYouMean(name, slices.Collect(maps.Keys(known))))
	return &better
}

// references checks the names in an expression before it is evaluated: here the
// names that would be right are known.
func (s *scope) references(expr hcl.Expression) bool {
	ok := true
	for _, t := range expr.Variables() {
		ok = s.reference(t) && ok
	}
	return ok
}

func (s *scope) reference(t hcl.Traversal) bool {
	root := t.RootName()
	if _, known := s.ctx.Variables[root]; !known {
		s.l.unknownRoot(s, t)
		return false
	}
	name, at := step(t, 1)
	if name == "" {
		return true
	}
	known := s.names(root)
	if !slices.Contains(known, name) {
		if len(s.l.broken) == 0 || root == "each" {
			s.l.errorAt(at, "Unknown reference", "There is no %s.%s.%s", root, name, didYouMeanIn(root, name, known))
		}
		return false
	}
	return s.l.blockValues(root) == nil || s.l.blockReference(root, t)
}

// step returns the name at position i of a traversal, written .name or ["name"].
func step(t hcl.Traversal, i int) (string, hcl.Range) {
	if i >= len(t) {
		return "", hcl.Range{}
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, t.SourceRange()
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString(), t.SourceRange()
		}
	}
	return "", hcl.Range{}
}

// names are the names that may follow a root.
func (s *scope) names(root string) []string {
	switch root {
	case "var":
		return slices.Collect(maps.Keys(s.l.variables))
	case "local":
		return slices.Collect(maps.Keys(s.l.locals))
	case "peer", "mirror", "ddl":
		return s.l.labels(root)
	}
	return []string{"key", "value"} // of each
}

// labels are the names of all blocks of a type.
func (l *loader) labels(kind string) []string {
	var names []string
	for _, b := range l.blocks[kind] {
		names = append(names, b.Labels[0])
	}
	return names
}

// blockReference checks how a peer, mirror or ddl block is named: with a key only under
// for_each, and with nothing after it.
func (l *loader) blockReference(root string, t hcl.Traversal) bool {
	label, _ := step(t, 1)
	value, at := l.blockValues(root)[label], t.SourceRange()
	if !value.IsKnown() {
		return true
	}
	rest := len(t) - 2
	if value.Type().IsObjectType() {
		rest--
		if key, _ := step(t, 2); key != "" && !value.Type().HasAttribute(key) {
			l.errorAt(at, "Unknown reference", "%s.%s has no instance %q.%s", root, label, key,
				didYouMean(key, slices.Collect(maps.Keys(value.Type().AttributeTypes()))))
			return false
		}
	}
	if rest > 0 {
		l.errorAt(at, "Unknown reference", "A %s is named as a whole: nothing can be read from it.", root)
		return false
	}
	return true
}

// unknownRoot says what is wrong with a reference that starts with an unknown word.
func (l *loader) unknownRoot(s *scope, t hcl.Traversal) {
	root, at := t.RootName(), t.SourceRange()
	switch {
	case root == "each":
		l.errorAt(at, "Unknown reference", "each.key and each.value exist only in a block with for_each.")
	case slices.Contains(roots, root):
		l.errorAt(at, "Unknown reference", "A %s cannot be referred to here.", root)
	case slices.Contains(l.labels("peer"), root) && s.ctx.Variables["peer"] != cty.NilVal:
		l.errorAt(at, "Unknown reference", "There is no %q. Did you mean peer.%s?", root, root)
	case len(t) == 1:
		l.errorAt(at, "Unknown reference", "There is no %q.%s Text is written in quotes: \"%s\".", root, didYouMean(root, roots), root)
	default:
		l.errorAt(at, "Unknown reference", "There is no %q.%s", root, didYouMean(root, roots))
	}
}
