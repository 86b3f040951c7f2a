package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// instance is one instance of a block: the block itself, or one key of its for_each.
type instance struct {
	address string
	key     string
	scope   *scope
}

// address writes the address of a block or, when it is keyed, of one instance.
func address(kind, label string, keyed bool, key string) string {
	if !keyed {
		return kind + "." + label
	}
	return fmt.Sprintf("%s.%s[%q]", kind, label, key)
}

// instances expands a block's for_each, in the order of keys. It reports false
// when the for_each is wrong.
func (s *scope) instances(b *hcl.Block, attrs hcl.Attributes) ([]instance, bool) {
	attr := attrs["for_each"]
	if attr == nil {
		return []instance{{address: address(b.Type, b.Labels[0], false, ""), scope: s}}, true
	}
	elements, ok := s.elements(attr)
	if !ok {
		return nil, false
	}
	var all []instance
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		all = append(all, instance{
			address: address(b.Type, b.Labels[0], true, key),
			key:     key,
			scope:   s.withEach(cty.StringVal(key), elements[key]),
		})
	}
	return all, true
}

// unknownInstance stands for the instances of a for_each that is wrong, so that
// the rest of the block is still checked.
func (s *scope) unknownInstance(b *hcl.Block) []instance {
	return []instance{{address: address(b.Type, b.Labels[0], false, ""), scope: s.withEach(cty.DynamicVal, cty.DynamicVal)}}
}

// elements evaluates a for_each: a map, an object or a set of strings.
func (s *scope) elements(attr *hcl.Attribute) (map[string]cty.Value, bool) {
	value, ok := s.value(attr.Expr)
	if !ok {
		return nil, false
	}
	wrong := wrongForEach(value)
	if wrong != "" {
		s.l.errorAt(attr.Expr.Range(), "Invalid for_each", "%s", wrong)
		return nil, false
	}
	if !value.IsKnown() || value.Type().IsSetType() && !value.IsWhollyKnown() {
		return nil, false
	}
	if !value.Type().IsSetType() {
		return value.AsValueMap(), true
	}
	elements := map[string]cty.Value{}
	for _, v := range value.AsValueSlice() {
		elements[v.AsString()] = v
	}
	return elements, true
}

// wrongForEach says why a value cannot be iterated over, or "".
func wrongForEach(value cty.Value) string {
	t := value.Type()
	switch {
	case value.IsMarked():
		return "The keys of for_each are part of addresses, which are shown, so they cannot be sensitive. " +
			"If they are no secret, write nonsensitive(...) around them."
	case t == cty.DynamicPseudoType && !value.IsKnown():
		return ""
	case value.IsNull():
		return "for_each is null."
	case t.IsMapType(), t.IsObjectType():
		return ""
	case t.IsSetType() && t.ElementType() == cty.String:
		if value.IsWhollyKnown() && value.HasElement(cty.NullVal(cty.String)).True() {
			return "An element of for_each is null."
		}
		return ""
	case t.IsTupleType(), t.IsListType():
		return "for_each takes a map or a set of strings, not a list. Write toset(...) around it."
	}
	return "for_each takes a map or a set of strings, not " + t.FriendlyName() + "."
}
