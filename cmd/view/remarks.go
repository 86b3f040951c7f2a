package view

import (
	"fmt"
	"strings"
)

// Started shows what init wrote, and what to do next. variables are to be set in
// the environment.
func (s *Screen) Started(file string, variables []string) error {
	if s.json {
		return s.Document(struct {
			Format    int      `json:"format"`
			Command   string   `json:"command"`
			File      string   `json:"file"`
			Variables []string `json:"variables"`
		}{DocumentFormat, "init", file, append([]string{}, variables...)})
	}
	text := fmt.Sprintf("Wrote %s.\n", file)
	if len(variables) > 0 {
		text += fmt.Sprintf("It reads %s from the environment.\n", strings.Join(variables, " and "))
	}
	return s.Text(text + "Next: bascule plan\n")
}

// ValidDocument is the JSON result of validate.
type ValidDocument struct {
	Format      int          `json:"format"`
	Command     string       `json:"command"`
	Valid       bool         `json:"valid"`
	Errors      int          `json:"errors"`
	Warnings    int          `json:"warnings"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Validated shows the result of validate.
func (s *Screen) Validated(list []Diagnostic, peers, mirrors int) error {
	d := ValidDocument{Format: DocumentFormat, Command: "validate", Diagnostics: list}
	for _, v := range list {
		switch v.Severity {
		case "error":
			d.Errors++
		case "warning":
			d.Warnings++
		}
	}
	d.Valid = d.Errors == 0
	if s.json {
		return s.Document(d)
	}
	s.Diagnostics(list)
	if len(list) > 0 {
		s.Say("")
	}
	if !d.Valid {
		s.Say(fmt.Sprintf("The configuration is not valid: %s.", count(d.Errors, "error")))
		return nil
	}
	return s.Text(fmt.Sprintf("%s %s, %s.\n", s.out.paint(bold+";"+green, "The configuration is valid:"), count(peers, "peer"), count(mirrors, "mirror")))
}

// Formatted shows which files fmt changed, or would change, with their differences.
func (s *Screen) Formatted(files []string, diffs string) error {
	if s.json {
		return s.Document(struct {
			Format  int      `json:"format"`
			Command string   `json:"command"`
			Files   []string `json:"files"`
			Diff    string   `json:"diff,omitempty"`
		}{DocumentFormat, "fmt", append([]string{}, files...), diffs})
	}
	text := ""
	if len(files) > 0 {
		text = strings.Join(files, "\n") + "\n"
	}
	return s.Text(text + diffs)
}

// Ask prints a question on standard error; the answer is read elsewhere.
func (s *Screen) Ask(question string) { _, _ = s.stderr.Write([]byte(question)) }
