package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bascule/planner"

	"github.com/hashicorp/hcl/v2"
)

// ResultReport is how an apply ended.
type ResultReport struct {
	Outcomes []Outcome

	// Sources are the configuration's files, for snippets.
	Sources map[string]*hcl.File

	// Left is what still holds resources on a peer.
	Left []string

	// State is the name of the state file, Serial what it is at now.
	State  string
	Serial int64

	Took time.Duration

	// Stopped: a signal ended it. Failed: an error did.
	Stopped, Failed bool

	// Continue and GiveUp are the two commands to choose from when it is not done.
	Continue, GiveUp string
}

// Outcome is what became of one change.
type Outcome struct {
	Address string
	Action  string
	Status  string // done, failed, interrupted, skipped
	Err     error

	// Remark is what the operator has to do next, or "".
	Remark string

	// File and Line are where the change comes from, "" and 0 when from nowhere.
	File string
	Line int
}

// place renders where a change comes from.
func (o *Outcome) place(sources map[string]*hcl.File) string {
	if o.File == "" {
		return ""
	}
	var d Diagnostic
	d.place(lineRange(o.File, o.Line, sources), sources)
	return d.where()
}

// doneWord says what an action did.
func doneWord(action string) string {
	return map[string]string{
		planner.Create: "created", planner.Update: "updated", planner.Replace: "replaced",
		planner.Run: "run", planner.Remove: "removed", planner.Forget: "forgotten",
	}[action]
}

// Result shows how an apply ended.
func (s *Screen) Result(r ResultReport) error {
	if s.json {
		return s.Document(resultDocument(r))
	}
	return s.Text("\n" + s.resultText(r))
}

func (s *Screen) resultText(r ResultReport) string {
	var b strings.Builder
	var g grid
	for _, o := range r.Outcomes {
		g.add("  "+o.Address, outcomeWord(o))
	}
	switch {
	case r.Stopped:
		fmt.Fprintf(&b, "%s\n\n", s.out.paint(bold+";"+yellow, "Stopped after "+span(r.Took)+"."))
	case r.Failed:
		fmt.Fprintf(&b, "%s\n\n", s.out.paint(bold+";"+red, "Apply is not complete: an error stopped it after "+span(r.Took)+"."))
	default:
		fmt.Fprintf(&b, "%s\n\n", s.out.paint(bold+";"+green, "Apply complete in "+span(r.Took)+"."))
	}
	for _, l := range g.lines("  ") {
		fmt.Fprintln(&b, l)
	}
	for i, o := range r.Outcomes {
		if of := remarkOf(r.Outcomes, i); of != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", of, o.Remark)
		}
		for _, f := range Faults(o.Err) {
			if o.Status == "interrupted" {
				continue
			}
			f.place = o.place(r.Sources)
			if !strings.Contains(f.Message, o.Address) {
				f.Message = o.Address + ": " + f.Message
			}
			fmt.Fprintf(&b, "\n%s", f.text(s.out, min(s.width, 100)))
		}
	}
	if r.Stopped || r.Failed {
		s.unfinished(&b, r)
	}
	return b.String()
}

// remarkOf are the addresses that have the remark of one outcome, at the last of them: what
// is the same for many is said once. "" elsewhere.
func remarkOf(outcomes []Outcome, at int) string {
	same := func(o Outcome) bool { return o.Remark == outcomes[at].Remark }
	if outcomes[at].Remark == "" || slices.ContainsFunc(outcomes[at+1:], same) {
		return ""
	}
	var of []string
	for _, o := range outcomes {
		if same(o) {
			of = append(of, o.Address)
		}
	}
	return strings.Join(of, ", ")
}

// unfinished says what is left, and what to do about it.
func (s *Screen) unfinished(b *strings.Builder, r ResultReport) {
	fmt.Fprintf(b, "\nThe state is saved in %s (serial %d).\n", r.State, r.Serial)
	if len(r.Left) > 0 {
		b.WriteString("\nStill held on the databases:\n")
		for _, l := range r.Left {
			fmt.Fprintf(b, "  - %s\n", l)
		}
	}
	if r.Continue != "" {
		fmt.Fprintf(b, "\nTo continue:  %s\n", r.Continue)
	}
	if r.GiveUp != "" {
		fmt.Fprintf(b, "To give up:   %s\n", r.GiveUp)
	}
}

func outcomeWord(o Outcome) string {
	switch o.Status {
	case "done":
		return doneWord(o.Action)
	case "skipped":
		return "not begun"
	}
	return o.Status
}

// ResultDocument is the JSON result of apply.
type ResultDocument struct {
	Format   int               `json:"format"`
	Command  string            `json:"command"`
	Status   string            `json:"status"` // complete, stopped, failed
	Seconds  float64           `json:"seconds"`
	Outcomes []OutcomeDocument `json:"outcomes"`
	Left     []string          `json:"left"`
	State    string            `json:"state"`
	Serial   int64             `json:"serial"`
	Continue string            `json:"continue,omitempty"`
	GiveUp   string            `json:"give_up,omitempty"`
}

// OutcomeDocument is one change in a ResultDocument.
type OutcomeDocument struct {
	Address string  `json:"address"`
	Action  string  `json:"action"`
	Status  string  `json:"status"`
	Remark  string  `json:"remark,omitempty"`
	File    string  `json:"file,omitempty"`
	Line    int     `json:"line,omitempty"`
	Errors  []Fault `json:"errors,omitempty"`
}

func resultDocument(r ResultReport) ResultDocument {
	d := ResultDocument{
		Format: DocumentFormat, Command: "apply", Status: "complete", Seconds: r.Took.Round(time.Millisecond).Seconds(),
		Outcomes: []OutcomeDocument{}, Left: append([]string{}, r.Left...), State: r.State, Serial: r.Serial,
		Continue: r.Continue, GiveUp: r.GiveUp,
	}
	switch {
	case r.Stopped:
		d.Status = "stopped"
	case r.Failed:
		d.Status = "failed"
	}
	for _, o := range r.Outcomes {
		d.Outcomes = append(d.Outcomes, OutcomeDocument{Address: o.Address, Action: o.Action, Status: o.Status, Remark: o.Remark,
			File: o.File, Line: o.Line, Errors: Faults(o.Err)})
	}
	return d
}
