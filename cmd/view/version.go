package view

import (
	"fmt"
	"strings"
)

// VersionReport says which build this is.
type VersionReport struct {
	Version     string `json:"version"`
	Revision    string `json:"revision,omitempty"`
	Go          string `json:"go"`
	Platform    string `json:"platform"`
	StateFormat int    `json:"state_format"`
}

// Version shows which build this is.
func (s *Screen) Version(r VersionReport) error {
	if s.json {
		return s.Document(r)
	}
	text := "bascule " + r.Version
	if r.Revision != "" {
		text += " (" + r.Revision[:min(12, len(r.Revision))] + ")"
	}
	return s.Text(fmt.Sprintf("%s, %s, %s\n", text, r.Go, r.Platform))
}

// crashFrames is how many lines of the stack a crash report has.
const crashFrames = 40

// Crash reports a fault of the program itself.
func (s *Screen) Crash(version string, value any, stack []byte) {
	lines := strings.Split(strings.TrimSpace(string(stack)), "\n")
	s.Say(fmt.Sprintf("%s bascule %s: %v\n", s.err.paint(bold+";"+red, "Crash:"), version, value))
	s.Say(strings.Join(lines[:min(crashFrames, len(lines))], "\n"))
	s.Say("\nThis is a fault of the program; please report the lines above. The state was saved at every step:\nthe same command continues.")
	if s.json && !s.answered {
		_ = s.Document(ErrorDocument{Format: DocumentFormat, ExitCode: 11, Errors: []Fault{{Message: fmt.Sprintf("crash: %v", value)}}})
	}
}
