package config

import (
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/gocty"
)

// reader reads the attributes of one body in one scope. An attribute that is
// absent, null or wrong reads as the zero value, or the default that is passed.
type reader struct {
	*scope
	attrs hcl.Attributes

	// prefix is put before names in ranges: "schema." in a schema block.
	prefix string
	ranges map[string]hcl.Range
	wrong  map[string]bool // attributes that had an error
}

func (s *scope) reader(attrs hcl.Attributes) *reader {
	return &reader{scope: s, attrs: attrs, ranges: map[string]hcl.Range{}, wrong: map[string]bool{}}
}

// within is a reader of a nested body, its ranges kept with those of r.
func (r *reader) within(prefix string, attrs hcl.Attributes) *reader {
	return &reader{scope: r.scope, attrs: attrs, prefix: r.prefix + prefix + ".", ranges: r.ranges, wrong: r.wrong}
}

// block notes where a nested block stands, and reads its attributes.
func (r *reader) block(name string, b *hcl.Block, schema *hcl.BodySchema) *reader {
	r.ranges[name] = b.DefRange
	return r.within(name, r.l.content(b.Body, schema).Attributes)
}

// open returns the attribute's value, which may be shown. A sensitive one is an
// error. The attribute is nil when there is no value.
func (r *reader) open(name string, want cty.Type) (cty.Value, *hcl.Attribute) {
	value, attr := r.any(name)
	if attr == nil {
		return cty.NilVal, nil
	}
	if value.ContainsMarked() {
		r.wrong[r.prefix+name] = true
		r.l.errorAt(attr.Expr.Range(), "Sensitive value",
			"The value of %s is shown in plans and messages, so it cannot be sensitive; what env() returns always is. "+
				"If it is no secret, write nonsensitive(...) around it.", name)
		return cty.NilVal, nil
	}
	return r.converted(attr, value, want)
}

// any returns the attribute's value. The attribute is nil when there is none.
func (r *reader) any(name string) (cty.Value, *hcl.Attribute) {
	attr := r.attrs[name]
	if attr == nil {
		return cty.NilVal, nil
	}
	r.ranges[r.prefix+name] = attr.Range
	value, ok := r.value(attr.Expr)
	if !ok {
		r.wrong[r.prefix+name] = true
		return cty.NilVal, nil
	}
	if bare, _ := value.Unmark(); bare.IsNull() {
		return cty.NilVal, nil
	}
	return value, attr
}

func (r *reader) converted(attr *hcl.Attribute, value cty.Value, want cty.Type) (cty.Value, *hcl.Attribute) {
	value, ok := r.l.convert(attr.Name, value, want, attr.Expr.Range())
	if !ok {
		r.wrong[r.prefix+attr.Name] = true
		return cty.NilVal, nil
	}
	return value, attr
}

// duration reads an attribute that is a span of time.
func (r *reader) duration(name string, otherwise time.Duration) time.Duration {
	value, attr := r.open(name, cty.String)
	if attr == nil {
		return otherwise
	}
	d, err := time.ParseDuration(value.AsString())
	if err != nil {
		r.l.errorAt(attr.Expr.Range(), "Invalid value", "%s is a span of time, such as \"100ms\", \"30s\" or \"2m\".", name)
		return otherwise
	}
	return d
}

func (r *reader) text(name, otherwise string) string {
	value, attr := r.open(name, cty.String)
	if attr == nil {
		return otherwise
	}
	return value.AsString()
}

// secret is a text that may be sensitive.
func (r *reader) secret(name string) Secret {
	value, attr := r.any(name)
	if given := r.attrs[name]; given != nil {
		r.l.blank(given.Expr)
	}
	if attr == nil {
		return ""
	}
	value, _ = value.UnmarkDeep()
	value, attr = r.converted(attr, value, cty.String)
	if attr == nil {
		return ""
	}
	return Secret(value.AsString())
}

func (r *reader) boolean(name string, otherwise bool) bool {
	value, attr := r.open(name, cty.Bool)
	if attr == nil {
		return otherwise
	}
	return value.True()
}

func (r *reader) number(name string, otherwise, least, most int) int {
	value, attr := r.open(name, cty.Number)
	if attr == nil {
		return otherwise
	}
	var n int
	if err := gocty.FromCtyValue(value, &n); err != nil || n < least || n > most {
		r.l.errorAt(attr.Expr.Range(), "Invalid value", "%s is a whole number from %d to %d.", name, least, most)
		return otherwise
	}
	return n
}

// choice is one of a few words.
func (r *reader) choice(name, otherwise string, words ...string) string {
	value, attr := r.open(name, cty.String)
	if attr == nil {
		return otherwise
	}
	for _, w := range words {
		if value.AsString() == w {
			return w
		}
	}
	r.l.errorAt(attr.Expr.Range(), "Invalid value", "%s is %s, not %q.%s", name, alternatives(words),
		value.AsString(), didYouMean(value.AsString(), words))
	return otherwise
}

// item is one text of a list, with its place.
type item struct {
	text string
	at   hcl.Range
}

// items reads a list of texts. It is nil when there is none, and not nil when
// there is an empty one.
func (r *reader) items(name string) []item {
	value, attr := r.open(name, cty.List(cty.String))
	if attr == nil {
		return nil
	}
	exprs, diags := hcl.ExprList(attr.Expr)
	exact := !diags.HasErrors() && len(exprs) == value.LengthInt()
	items := []item{}
	for i, v := range value.AsValueSlice() {
		at := attr.Expr.Range()
		if exact {
			at = exprs[i].Range()
		}
		if v.IsNull() {
			r.l.errorAt(at, "Wrong type", "%s: an element is null.", name)
			continue
		}
		items = append(items, item{v.AsString(), at})
	}
	return items
}

func (r *reader) texts(name string) []string {
	var texts []string
	for _, i := range r.items(name) {
		texts = append(texts, i.text)
	}
	return texts
}

func (r *reader) textMap(name string) map[string]string {
	value, attr := r.open(name, cty.Map(cty.String))
	if attr == nil {
		return nil
	}
	texts := map[string]string{}
	for key, v := range value.AsValueMap() {
		if v.IsNull() {
			r.l.errorAt(attr.Expr.Range(), "Wrong type", "%s: the element %q is null.", name, key)
			continue
		}
		texts[key] = v.AsString()
	}
	return texts
}

// alternatives is the words as "a, b or c", in quotes.
func alternatives(words []string) string {
	var text string
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			text += " or "
		case i > 0:
			text += ", "
		}
		text += `"` + w + `"`
	}
	return text
}
