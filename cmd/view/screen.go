package view

import (
	"cmp"
	"encoding/json"
	"io"
)

// Config sets up a Screen. Stdout and Stderr are required.
type Config struct {
	Stdout, Stderr io.Writer

	// JSON makes standard output one JSON document.
	JSON bool

	// Color allows colours on the two outputs.
	ColorStdout, ColorStderr bool

	// Width in columns that text is wrapped to. Default 80.
	Width int
}

// Screen is where a command shows its result.
type Screen struct {
	stdout, stderr io.Writer
	json           bool
	out, err       style
	width          int

	// answered is true once the JSON document is written.
	answered bool
}

// New returns a Screen.
func New(cfg Config) *Screen {
	return &Screen{
		stdout: cfg.Stdout, stderr: cfg.Stderr, json: cfg.JSON,
		out: style(cfg.ColorStdout), err: style(cfg.ColorStderr),
		width: min(cmp.Or(cfg.Width, 80), 120),
	}
}

// JSON reports whether standard output is a JSON document.
func (s *Screen) JSON() bool { return s.json }

// Answered reports whether the JSON document has been written.
func (s *Screen) Answered() bool { return s.answered }

// Document writes v as the one JSON document of a command.
func (s *Screen) Document(v any) error {
	enc := json.NewEncoder(s.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	s.answered = true
	return enc.Encode(v)
}

// Text writes a plain result.
func (s *Screen) Text(text string) error {
	_, err := io.WriteString(s.stdout, text)
	return err
}

// Say writes a remark that is not part of the result.
func (s *Screen) Say(text string) { _, _ = io.WriteString(s.stderr, text+"\n") }
