package view

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcled"
)

// Diagnostic is one thing to say about a place in the configuration: an error in
// it, or a finding of the plan.
type Diagnostic struct {
	Severity string   `json:"severity"` // error, warning, info
	Code     string   `json:"code,omitempty"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail,omitempty"`
	Address  string   `json:"address,omitempty"`
	Objects  []string `json:"objects,omitempty"`

	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"`
	Column  int      `json:"column,omitempty"`
	Context string   `json:"context,omitempty"` // mirror "app"
	Snippet []string `json:"snippet,omitempty"` // the source, from Line on
}

// snippetLines is how much of the source is shown at most.
const snippetLines = 6

// FromHCL converts diagnostics of the configuration. Values of variables, which hcl
// would print beside a failed expression, are left out: they may be secret.
func FromHCL(diags hcl.Diagnostics, sources map[string]*hcl.File) []Diagnostic {
	list := make([]Diagnostic, 0, len(diags))
	for _, d := range diags {
		v := Diagnostic{Severity: planner.Refusal, Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagWarning {
			v.Severity = planner.Warning
		}
		if d.Subject != nil {
			v.place(*d.Subject, sources)
		}
		list = append(list, v)
	}
	return list
}

// FromFindings converts findings of a plan.
func FromFindings(findings []planner.Finding, sources map[string]*hcl.File) []Diagnostic {
	list := make([]Diagnostic, 0, len(findings))
	for _, f := range findings {
		v := Diagnostic{Severity: f.Severity, Code: f.Code, Summary: f.Summary, Detail: f.Detail, Address: f.Address, Objects: f.Objects}
		if f.File != "" && f.Line > 0 {
			v.place(lineRange(f.File, f.Line, sources), sources)
		}
		list = append(list, v)
	}
	return list
}

// lineRange is the text of one line, without the space before it.
func lineRange(file string, line int, sources map[string]*hcl.File) hcl.Range {
	rng := hcl.Range{Filename: file, Start: hcl.Pos{Line: line}, End: hcl.Pos{Line: line}}
	src := sources[file]
	if src == nil {
		return rng
	}
	offset := 0
	for i, text := range strings.SplitAfter(string(src.Bytes), "\n") {
		if i == line-1 {
			rng.Start.Byte = offset + len(text) - len(strings.TrimLeft(text, " \t"))
			rng.End.Byte = rng.Start.Byte
			break
		}
		offset += len(text)
	}
	return rng
}

// place records where a diagnostic points to, with the source there.
func (d *Diagnostic) place(rng hcl.Range, sources map[string]*hcl.File) {
	d.File, d.Line, d.Column = rng.Filename, rng.Start.Line, rng.Start.Column
	src := sources[rng.Filename]
	if src == nil {
		return
	}
	d.Context = hcled.ContextString(src, rng.Start.Byte)
	lines := strings.Split(string(src.Bytes), "\n")
	last := min(max(rng.End.Line, rng.Start.Line), rng.Start.Line+snippetLines-1, len(lines))
	if rng.End.Column == 1 && last > rng.Start.Line {
		last-- // the range ends before the first letter of its last line
	}
	for n := rng.Start.Line; n >= 1 && n <= last; n++ {
		d.Snippet = append(d.Snippet, strings.TrimRight(lines[n-1], " \r\t"))
	}
}

// text renders a diagnostic, ending in one newline.
func (d *Diagnostic) text(s style, width int) string {
	var b strings.Builder
	word, color := "Error", red
	switch d.Severity {
	case planner.Warning:
		word, color = "Warning", yellow
	case planner.Notice:
		word, color = "Note", cyan
	}
	title := d.Summary
	if d.Code != "" {
		title += " [" + d.Code + "]"
	}
	fmt.Fprintf(&b, "%s %s\n", s.paint(bold+";"+color, word+":"), s.paint(bold, title))
	b.WriteString(d.where())
	if list := objectList(d.Objects, d.Summary); list != "" {
		fmt.Fprintf(&b, "\n%s\n", indent(wrap(list, width-2), "  "))
	}
	if d.Detail != "" {
		fmt.Fprintf(&b, "\n%s\n", wrap(d.Detail, width))
	}
	return b.String()
}

// where renders the place, with the source when it is known.
func (d *Diagnostic) where() string {
	if d.File == "" {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  on %s line %d", d.File, d.Line)
	if d.Context != "" {
		fmt.Fprintf(&b, ", in %s", d.Context)
	}
	if len(d.Snippet) > 0 {
		b.WriteString(":")
	}
	b.WriteString("\n")
	for i, line := range d.Snippet {
		fmt.Fprintf(&b, "  %d: %s\n", d.Line+i, line)
	}
	return b.String()
}

// objectsShown is how many objects of a finding are named.
const objectsShown = 10

// objectList names what a finding speaks of, unless its summary does so already.
func objectList(objects []string, summary string) string {
	named := func(o string) bool { return strings.Contains(summary, o) }
	if !slices.ContainsFunc(objects, func(o string) bool { return !named(o) }) {
		return ""
	}
	return Some(objects)
}

// Some joins names, the first ten of them when they are many.
func Some(names []string) string {
	if len(names) <= objectsShown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %s more", strings.Join(names[:objectsShown], ", "), grouped(int64(len(names)-objectsShown)))
}

// Diagnostics prints them to standard error, a blank line between two.
func (s *Screen) Diagnostics(list []Diagnostic) {
	var b strings.Builder
	for i := range list {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(list[i].text(s.err, min(s.width, 80)))
	}
	_, _ = s.stderr.Write([]byte(b.String()))
}
