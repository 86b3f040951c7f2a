package cli

import (
	"fmt"
	"slices"
	"strings"

	"bascule/cmd/view"
	"bascule/planner"
)

// refusedError is a plan that may not be applied.
type refusedError struct {
	text, hint string
	code       int
}

func (e *refusedError) Error() string { return e.text }

// Hint says what the operator can do about it.
func (e *refusedError) Hint() string { return e.hint }

// ExitCode is the command's exit code.
func (e *refusedError) ExitCode() int { return e.code }

// exitRefused is the code of a refusal that protects something.
const exitRefused = 4

// refusal returns why a plan may not be applied, or nil.
func refusal(p *planner.Plan, allowed []string) error {
	if p.Refused() {
		return &refusedError{text: "the plan has errors, shown above; nothing was done", code: p.ExitCode()}
	}
	var lost []string
	var flags []string
	for _, c := range p.Changes {
		if len(c.DataLoss) > 0 && !slices.Contains(allowed, c.Address) {
			lost = append(lost, fmt.Sprintf("\n  - %s overwrites %s", c.Address, view.Some(c.DataLoss)))
			flags = append(flags, "-allow-data-loss="+c.Address)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return &refusedError{
		text: "data on a target would be overwritten; nothing was done:" + strings.Join(lost, ""),
		hint: "if that data may go, pass " + view.Shell(flags...), code: exitRefused,
	}
}
