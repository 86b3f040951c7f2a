package view

import (
	"fmt"
	"strings"

	"bascule/planner"

	"github.com/hashicorp/hcl/v2"
)

// PlanDocument is the JSON result of plan.
type PlanDocument struct {
	Format      int           `json:"format"`
	Command     string        `json:"command"`
	Digest      string        `json:"digest"`
	Saved       string        `json:"saved,omitempty"`
	Changes     bool          `json:"changes"`
	Applicable  bool          `json:"applicable"`
	Summary     Summary       `json:"summary"`
	Diagnostics []Diagnostic  `json:"diagnostics"`
	Plan        *planner.Plan `json:"plan"`
}

func planDocument(r PlanReport) PlanDocument {
	return PlanDocument{
		Format: DocumentFormat, Command: "plan", Digest: r.Plan.Digest(), Saved: r.Saved,
		Changes: !r.Plan.Empty(), Applicable: !r.Plan.Refused(), Summary: summarize(r.Plan),
		Diagnostics: FromFindings(r.Plan.Findings, r.Sources), Plan: r.Plan,
	}
}

// PlanMarkdown renders a plan for a comment on a change under review.
func PlanMarkdown(p *planner.Plan, sources map[string]*hcl.File) string {
	var b strings.Builder
	head := "No changes"
	if !p.Empty() {
		head = "Plan: " + strings.TrimSuffix(summaryText(summarize(p)), ".")
	}
	fmt.Fprintf(&b, "### Bascule: %s\n\n`%s`\n\n", head, p.Digest())
	if len(p.Peers) > 0 {
		b.WriteString("| peer | database | version |\n|---|---|---|\n")
	}
	for _, peer := range p.Peers {
		state := "PostgreSQL " + peer.Version
		if peer.Error != "" {
			state = peer.Error
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", peer.Address, peer.Endpoint, cell(state))
	}
	t := &planWriter{plan: p, width: 100}
	for _, c := range shownChanges(p) {
		t.change(&c)
	}
	if t.b.Len() > 0 {
		fmt.Fprintf(&b, "\n```diff\n%s\n```\n", diffLines(t.b.String()))
	}
	for _, f := range FromFindings(p.Findings, sources) {
		fmt.Fprintf(&b, "\n**%s: %s** `%s`\n\n%s\n", severityWord(f.Severity), f.Summary, f.Code, f.Detail)
	}
	return b.String()
}

func severityWord(severity string) string {
	return map[string]string{planner.Refusal: "Error", planner.Warning: "Warning", planner.Notice: "Note"}[severity]
}

// cell keeps text from breaking a Markdown table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }

// diffLines moves the sign of each line to its front, where a diff is coloured by it.
func diffLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		trimmed := strings.TrimLeft(l, " ")
		if trimmed != "" && strings.ContainsRune("+-", rune(trimmed[0])) {
			lines[i] = trimmed[:1] + l[:len(l)-len(trimmed)] + trimmed[1:]
		}
	}
	return strings.Join(lines, "\n")
}
