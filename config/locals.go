package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// local is one entry of a locals block.
type local struct {
	attr  *hcl.Attribute
	value cty.Value // NilVal until it is evaluated
}

// loadLocals evaluates the entries of all locals blocks, each after those that it
// refers to.
func (l *loader) loadLocals() {
	var all []*hcl.Attribute
	for _, b := range l.blocks["locals"] {
		attrs, diags := b.Body.JustAttributes()
		l.diags = append(l.diags, diags...)
		all = append(all, sortedAttributes(attrs)...)
	}
	for _, attr := range all {
		if first := l.locals[attr.Name]; first != nil {
			l.errorAt(attr.NameRange, "Duplicate local", "local.%s is declared at %s already.", attr.Name, first.attr.NameRange)
			continue
		}
		l.locals[attr.Name] = &local{attr: attr}
	}
	for _, attr := range all {
		l.evaluateLocal(attr.Name, nil)
	}
}

// evaluateLocal evaluates one local. path holds the locals that wait for it.
func (l *loader) evaluateLocal(name string, path []string) {
	entry := l.locals[name]
	if entry == nil || entry.value != cty.NilVal {
		return
	}
	if i := slices.Index(path, name); i >= 0 {
		cycle := append(slices.Clone(path[i:]), name)
		l.errorAt(entry.attr.NameRange, "Cycle", "These locals refer to each other: local.%s.",
			strings.Join(cycle, ", local."))
		entry.value = cty.DynamicVal
		return
	}
	path = append(path, name)
	for _, t := range entry.attr.Expr.Variables() {
		if t.RootName() != "local" {
			continue
		}
		if next, _ := step(t, 1); next != "" {
			l.evaluateLocal(next, path)
		} else {
			l.errorAt(t.SourceRange(), "Cycle", "A local cannot refer to all locals.")
			entry.value = cty.DynamicVal
			return
		}
	}
	value, ok := l.scope("var", "local").value(entry.attr.Expr)
	if entry.value == cty.NilVal { // it may have been found in a cycle
		entry.value = cty.DynamicVal
		if ok {
			entry.value = value
		}
	}
}

// localValues are the values of the locals that are evaluated already.
func (l *loader) localValues() map[string]cty.Value {
	values := map[string]cty.Value{}
	for name, entry := range l.locals {
		if entry.value != cty.NilVal {
			values[name] = entry.value
		}
	}
	return values
}
