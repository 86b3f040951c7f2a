package config

import (
	"bytes"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// blank has the literal text of an expression blanked in Sources: it is, or may
// be part of, a secret. Names in calls of env and file stay readable.
func (l *loader) blank(expr hcl.Expression) {
	node, ok := expr.(hclsyntax.Expression)
	if !ok { // JSON: the whole value is one literal
		l.blankRange(expr.Range())
		return
	}
	_ = hclsyntax.Walk(node, &blanker{l: l, whole: true})
}

// blankCalls blanks the arguments of sensitive() in a body, however deep.
func (l *loader) blankCalls(body hcl.Body) {
	if b, ok := body.(*hclsyntax.Body); ok {
		_ = hclsyntax.Walk(b, &blanker{l: l})
	}
}

func (l *loader) blankRange(at hcl.Range) {
	l.blanks[at.Filename] = append(l.blanks[at.Filename], at)
}

// blanker walks an expression and blanks its literals: all of them, or those in
// calls of sensitive().
type blanker struct {
	l     *loader
	whole bool
	calls []string // the calls around the current node
}

func (b *blanker) Enter(node hclsyntax.Node) hcl.Diagnostics {
	switch n := node.(type) {
	case *hclsyntax.FunctionCallExpr:
		b.calls = append(b.calls, n.Name)
	case *hclsyntax.LiteralValueExpr:
		t := n.Val.Type()
		if (t == cty.String || t == cty.Number) && b.secret() {
			b.l.blankRange(n.SrcRange)
		}
	}
	return nil
}

func (b *blanker) Exit(node hclsyntax.Node) hcl.Diagnostics {
	if _, ok := node.(*hclsyntax.FunctionCallExpr); ok {
		b.calls = b.calls[:len(b.calls)-1]
	}
	return nil
}

func (b *blanker) secret() bool {
	if len(b.calls) > 0 && slices.Contains([]string{"env", "file"}, b.calls[len(b.calls)-1]) {
		return false
	}
	return b.whole || slices.Contains(b.calls, "sensitive")
}

// blankSources fills Config.Sources with what was read, secrets blanked. Ranges
// stay true: a blanked byte is still a byte.
func (l *loader) blankSources() {
	for _, body := range l.bodies {
		l.blankCalls(body)
	}
	for name, file := range l.parser.Files() {
		src := bytes.Clone(file.Bytes)
		for _, at := range l.blanks[name] {
			fillStars(src[at.Start.Byte:at.End.Byte])
		}
		if l.broken[name] {
			l.blankLines(src)
		}
		l.cfg.Sources[name] = &hcl.File{Body: file.Body, Bytes: src, Nav: file.Nav}
	}
}

// blankLines blanks what may be secret in a file that did not parse, where only
// the look of a line tells.
func (l *loader) blankLines(src []byte) {
	for _, m := range secretLine.FindAllSubmatchIndex(src, -1) {
		fillStars(src[m[2]:m[3]])
	}
	for name, v := range l.variables {
		if !v.sensitive {
			continue
		}
		line := regexp.MustCompile(`(?m)^\s*"?` + regexp.QuoteMeta(name) + `"?\s*[=:]\s*(.*)$`)
		for _, m := range line.FindAllSubmatchIndex(src, -1) {
			fillStars(src[m[2]:m[3]])
		}
	}
}

var secretLine = regexp.MustCompile(`(?m)^.*\b(?:url|password|default|sensitive)"?\s*[=:(]\s*(.*)$`)

// fillStars overwrites text, line ends left alone.
func fillStars(text []byte) {
	for i, c := range text {
		if c != '\n' && c != '\r' {
			text[i] = '*'
		}
	}
}
