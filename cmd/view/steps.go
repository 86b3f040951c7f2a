package view

import (
	"fmt"
	"strings"

	"bascule/planner"
)

// SQL shows the statements of a plan, change by change and step by step, as a
// script for reading.
func (s *Screen) SQL(p *planner.Plan) error {
	if s.json {
		return s.Document(stepsOf(p))
	}
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "-- %s: %s\n", c.Address, c.Action)
		for _, st := range c.Steps {
			writeStep(&b, st)
		}
		b.WriteString("\n")
	}
	if len(p.Changes) == 0 {
		b.WriteString("-- no changes\n")
	}
	return s.Text(b.String())
}

func writeStep(b *strings.Builder, st planner.Step) {
	where := ""
	if st.Peer != "" {
		where = " (" + st.Peer + ")"
	}
	fmt.Fprintf(b, "\n-- %s%s\n", oneLine(st.Summary), where)
	if len(st.Command) > 0 {
		fmt.Fprintf(b, "-- runs: %s\n", oneLine(Shell(st.Command...)))
	}
	for _, sql := range st.SQL {
		fmt.Fprintf(b, "%s;\n", strings.TrimRight(strings.TrimSpace(sql), ";"))
	}
}

// oneLine keeps a name with a line break from ending its comment.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

// ChangeSteps is the steps of one change in the JSON result of show -sql.
type ChangeSteps struct {
	Address string         `json:"address"`
	Action  string         `json:"action"`
	Steps   []planner.Step `json:"steps"`
}

func stepsOf(p *planner.Plan) []ChangeSteps {
	list := []ChangeSteps{}
	for _, c := range p.Changes {
		list = append(list, ChangeSteps{Address: c.Address, Action: c.Action, Steps: c.Steps})
	}
	return list
}
