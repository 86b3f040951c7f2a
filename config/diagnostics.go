package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
)

// errorAt adds an error with its place in the files.
func (l *loader) errorAt(at hcl.Range, summary, format string, args ...any) {
	l.diags = append(l.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(format, args...),
		Subject:  &at,
	})
}

// sourceless is an error that has no place in a file.
func sourceless(summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail}
}

// finish puts the diagnostics in the order of files and lines, each once: the
// instances of a for_each repeat what their block does wrong. Of a file with
// syntax errors only those are kept; the rest would follow from them.
func (l *loader) finish() hcl.Diagnostics {
	diags := slices.DeleteFunc(l.diags, func(d *hcl.Diagnostic) bool {
		return d.Subject != nil && l.broken[d.Subject.Filename] && !l.syntax[d]
	})
	slices.SortStableFunc(diags, compareDiagnostics)
	return slices.CompactFunc(diags, func(a, b *hcl.Diagnostic) bool {
		return compareDiagnostics(a, b) == 0
	})
}

func compareDiagnostics(a, b *hcl.Diagnostic) int {
	return cmp.Or(
		compareSubjects(a.Subject, b.Subject),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Summary, b.Summary),
		cmp.Compare(a.Detail, b.Detail),
	)
}

func compareSubjects(a, b *hcl.Range) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Or(
		cmp.Compare(a.Filename, b.Filename),
		cmp.Compare(a.Start.Byte, b.Start.Byte),
		cmp.Compare(a.End.Byte, b.End.Byte),
	)
}

// didYouMean is " Did you mean ...?" with the nearest of the known names, or ""
// when none is near.
func didYouMean(given string, known []string) string {
	if best := nearest(given, known); best != "" {
		return fmt.Sprintf(" Did you mean %q?", best)
	}
	return ""
}

// didYouMeanIn is didYouMean for what follows the root of a reference.
func didYouMeanIn(root, given string, known []string) string {
	if best := nearest(given, known); best != "" {
		return fmt.Sprintf(" Did you mean %s.%s?", root, best)
	}
	return ""
}

// nearest returns the known name with the fewest changes from given, at most a
// third of its length and at least one; of equals the first in the alphabet.
func nearest(given string, known []string) string {
	most := max(2, len(given)/3)
	best, distance := "", most+1
	for _, name := range slices.Sorted(slices.Values(known)) {
		if d := levenshtein.Distance(given, name, nil); d < distance && d < len(name) {
			best, distance = name, d
		}
	}
	return best
}
