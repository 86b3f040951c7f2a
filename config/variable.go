package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is one declared variable.
type variable struct {
	name      string
	typ       cty.Type
	typed     bool // the type attribute is there
	optional  *typeexpr.Defaults
	fallback  *given // the default
	sensitive bool
	rules     hcl.Blocks
	at        hcl.Range
}

// loadVariables declares the variables, gives each its value and checks it.
func (l *loader) loadVariables() {
	for _, b := range l.blocks["variable"] {
		l.variables[b.Labels[0]] = l.declare(b)
	}
	values := l.givenValues()
	for _, b := range l.blocks["variable"] {
		v := l.variables[b.Labels[0]]
		l.varValues[v.name] = l.variableValue(v, values[v.name])
	}
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		l.checkRules(l.variables[name])
	}
}

func (l *loader) declare(b *hcl.Block) *variable {
	v := &variable{name: b.Labels[0], typ: cty.DynamicPseudoType, at: b.DefRange}
	content := l.content(b.Body, variableSchema)
	v.rules = content.Blocks
	if attr := content.Attributes["type"]; attr != nil {
		var diags hcl.Diagnostics
		v.typ, v.optional, diags = typeexpr.TypeConstraintWithDefaults(attr.Expr)
		v.typed = true
		l.diags = append(l.diags, diags...)
	}
	if attr := content.Attributes["sensitive"]; attr != nil {
		v.sensitive = true // until it is known to be false
		if value, ok := l.constant(attr, cty.Bool); ok {
			v.sensitive = value.True()
		}
	}
	if attr := content.Attributes["description"]; attr != nil {
		l.constant(attr, cty.String)
	}
	if attr := content.Attributes["default"]; attr != nil {
		value, diags := attr.Expr.Value(nil)
		l.diags = append(l.diags, diags...)
		v.fallback = &given{value: value, at: attr.Expr.Range(), from: "default"}
		if v.sensitive {
			l.blankRange(attr.Expr.Range())
		}
	}
	return v
}

// constant evaluates an attribute that may refer to nothing. It reports false
// when there is no value, or null.
func (l *loader) constant(attr *hcl.Attribute, want cty.Type) (cty.Value, bool) {
	value, diags := attr.Expr.Value(nil)
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() || value.IsNull() {
		return value, false
	}
	return l.convert(attr.Name, value, want, attr.Expr.Range())
}

// convert makes the value of an attribute the wanted type.
func (l *loader) convert(name string, value cty.Value, want cty.Type, at hcl.Range) (cty.Value, bool) {
	converted, err := convert.Convert(value, want)
	if err != nil {
		l.errorAt(at, "Wrong type", "%s: %s.", name, wordsOf(err))
		return cty.DynamicVal, false
	}
	return converted, converted.IsWhollyKnown() && !converted.IsNull()
}

// wordsOf writes a conversion error with the path to the wrong part in front.
func wordsOf(err error) string {
	path, ok := err.(cty.PathError)
	if !ok || len(path.Path) == 0 {
		return err.Error()
	}
	var where string
	for _, s := range path.Path {
		switch s := s.(type) {
		case cty.GetAttrStep:
			where += "." + s.Name
		case cty.IndexStep:
			if s.Key.Type() == cty.Number {
				where += fmt.Sprintf("[%s]", s.Key.AsBigFloat().Text('f', -1))
			} else {
				where += "[...]" // a key may be part of a secret
			}
		}
	}
	return "at " + where + ", " + err.Error()
}

// variableValue gives a variable the value that was given last, converted and
// marked, or an unknown one after an error.
func (l *loader) variableValue(v *variable, g *given) cty.Value {
	if g == nil {
		g = v.fallback
	}
	value := cty.DynamicVal
	switch {
	case g == nil:
		l.errorAt(v.at, "No value for variable", "var.%s has no default, and no value was given: "+
			"set it by -var '%s=...', in a file for -var-file, in a *.auto.bvars file, or in the environment as %s%s.",
			v.name, v.name, environPrefix, v.name)
	case g.text != nil:
		value = l.parsed(v, g)
	default:
		value = g.value
	}
	if v.optional != nil && value.IsKnown() && !value.IsNull() {
		value = v.optional.Apply(value)
	}
	converted, err := convert.Convert(value, v.typ)
	if err != nil {
		l.errorAt(g.place(v), "Wrong type", "%s: %s.", g.of(v), wordsOf(err))
		converted = cty.DynamicVal
	}
	if v.sensitive {
		return converted.Mark(sensitive)
	}
	return converted
}

// checkRules runs the validation blocks of a variable.
func (l *loader) checkRules(v *variable) {
	for _, b := range v.rules {
		content := l.content(b.Body, validationSchema)
		condition, message := content.Attributes["condition"], content.Attributes["error_message"]
		if condition == nil || message == nil {
			continue
		}
		s := l.scope("var")
		value, ok := s.value(condition.Expr)
		if !ok {
			continue
		}
		value, _ = value.UnmarkDeep()
		if result, ok := l.convert("condition", value, cty.Bool, condition.Expr.Range()); ok && result.False() {
			l.errorAt(v.at, "Invalid value for variable", "%s\n\nvar.%s is checked by the rule at %s.",
				s.message(message.Expr), v.name, condition.Expr.Range())
		}
	}
}

// message evaluates the message of a validation rule.
func (s *scope) message(expr hcl.Expression) string {
	value, ok := s.value(expr)
	if !ok || !value.IsKnown() {
		return "The rule is not met."
	}
	if value.ContainsMarked() {
		return "The rule is not met. Its message refers to a sensitive value and is not shown."
	}
	text, ok := s.l.convert("error_message", value, cty.String, expr.Range())
	if !ok {
		return "The rule is not met."
	}
	return text.AsString()
}
