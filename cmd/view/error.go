package view

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Fault is an error as it is shown.
type Fault struct {
	Message string `json:"message"`

	// SQLState, Detail, Where and ServerHint are PostgreSQL's, when it was the one
	// to refuse.
	SQLState   string `json:"sqlstate,omitempty"`
	Detail     string `json:"detail,omitempty"`
	Where      string `json:"where,omitempty"`
	ServerHint string `json:"server_hint,omitempty"`

	// Hint says what the operator can do.
	Hint string `json:"hint,omitempty"`

	// place is where in the configuration it comes from, rendered.
	place string
}

// Faults takes an error apart. Joined errors become one Fault each.
func Faults(err error) []Fault {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && isJoin(err, joined.Unwrap()) {
		var list []Fault
		for _, e := range joined.Unwrap() {
			list = append(list, Faults(e)...)
		}
		return list
	}
	f := Fault{Message: err.Error()}
	var hinted interface {
		error
		Hint() string
	}
	if errors.As(err, &hinted) {
		f.Hint = hinted.Hint()
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		f.SQLState, f.Detail, f.Where, f.ServerHint = pg.Code, pg.Detail, pg.Where, pg.Hint
	}
	return []Fault{f}
}

// isJoin reports whether err is no more than its parts, as errors.Join makes it.
func isJoin(err error, parts []error) bool {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Error()
	}
	return err.Error() == strings.Join(texts, "\n")
}

// Error prints an error to standard error.
func (s *Screen) Error(err error) {
	for i, f := range Faults(err) {
		if i > 0 {
			s.Say("")
		}
		s.Say(strings.TrimRight(f.text(s.err, min(s.width, 100)), "\n"))
	}
}

func (f *Fault) text(s style, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", s.paint(bold+";"+red, "Error:"), f.message())
	for _, line := range []struct{ label, text string }{
		{"detail", f.Detail}, {"where", f.Where}, {"server's hint", f.ServerHint},
	} {
		if line.text != "" {
			fmt.Fprintf(&b, "  %s: %s\n", line.label, strings.ReplaceAll(line.text, "\n", "\n    "))
		}
	}
	b.WriteString(f.place)
	if f.Hint != "" {
		fmt.Fprintf(&b, "\n%s\n", wrap("Hint: "+f.Hint, width))
	}
	return b.String()
}

// message is the error's text with the SQLSTATE, where it does not say it itself.
func (f *Fault) message() string {
	if f.SQLState == "" || strings.Contains(f.Message, f.SQLState) {
		return f.Message
	}
	return f.Message + " (SQLSTATE " + f.SQLState + ")"
}

// ErrorDocument is the JSON result of a command that failed before it had one.
type ErrorDocument struct {
	Format      int          `json:"format"`
	Command     string       `json:"command"`
	ExitCode    int          `json:"exit_code"`
	Errors      []Fault      `json:"errors,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`
}

// DocumentFormat is the version of every JSON document that commands print.
const DocumentFormat = 1
