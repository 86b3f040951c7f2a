package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"bascule/cmd/view"
	"bascule/planner"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v2"
)

// Exit codes that are decided here. Others come with the errors of other packages,
// by their ExitCode method.
const (
	exitError       = 1
	exitChanges     = 2
	exitStale       = 6
	exitNotApproved = 7
	exitPartWay     = 9
	exitCrash       = 11
	exitUsage       = 64
	exitInterrupt   = 130
	exitTerminate   = 143
)

// exitCode returns what a command's error means to the caller of the program.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		return signalCode(ctx)
	}
	var coded interface {
		error
		ExitCode() int
	}
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return exitError
}

// signalCode tells the signals apart by the cause that signal.NotifyContext leaves.
func signalCode(ctx context.Context) int {
	if strings.HasPrefix(context.Cause(ctx).Error(), syscall.SIGTERM.String()) {
		return exitTerminate
	}
	return exitInterrupt
}

// finish shows an error and returns the exit code.
func (p *program) finish(ctx context.Context, err error) int {
	code := exitCode(ctx, err)
	var shown shownError
	var wrong *configError
	doc := view.ErrorDocument{Format: view.DocumentFormat, Command: p.command, ExitCode: code}
	switch {
	case err == nil, errors.As(err, &shown):
		return code
	case errors.As(err, &wrong):
		doc.Diagnostics = wrong.list
		p.screen.Diagnostics(wrong.list)
	default:
		doc.Errors = view.Faults(err)
		p.screen.Error(err)
	}
	if p.screen.JSON() && !p.screen.Answered() {
		if err := p.screen.Document(doc); err != nil {
			return exitError
		}
	}
	return code
}

// shownError ends a command with a code after its result says all there is to say.
type shownError int

func (e shownError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// ExitCode is the command's exit code.
func (e shownError) ExitCode() int { return int(e) }

// usageError is a command line that makes no sense.
type usageError struct{ text, hint string }

func usagef(format string, args ...any) error { return &usageError{text: fmt.Sprintf(format, args...)} }

func (e *usageError) Error() string { return e.text }

// Hint says what the operator can do about it.
func (e *usageError) Hint() string { return e.hint }

// ExitCode is the command's exit code.
func (e *usageError) ExitCode() int { return exitUsage }

// asUsage turns what urfave/cli says of a flag's value into a usageError.
func asUsage(_ *cli.Context, err error, _ bool) error {
	return &usageError{text: strings.ReplaceAll(err.Error(), "flag -", "-")}
}

// notApprovedError is an apply that nobody said yes to.
type notApprovedError struct{ text, hint string }

func (e *notApprovedError) Error() string { return e.text }

// Hint says what the operator can do about it.
func (e *notApprovedError) Hint() string { return e.hint }

// ExitCode is the command's exit code.
func (e *notApprovedError) ExitCode() int { return exitNotApproved }

// staleError is a plan that is not what would be done now.
type staleError struct {
	text  string
	moved []string
}

func (e *staleError) Error() string {
	text := e.text
	for _, m := range e.moved {
		text += "\n  - " + m
	}
	return text
}

// Hint says what the operator can do about it.
func (e *staleError) Hint() string {
	return "nothing was done; make a new plan with: bascule plan -out=FILE, and read it"
}

// ExitCode is the command's exit code.
func (e *staleError) ExitCode() int { return exitStale }

// configError is a configuration that cannot be used.
type configError struct{ list []view.Diagnostic }

func (e *configError) Error() string {
	for _, d := range e.list {
		if d.Severity == planner.Refusal {
			return d.Summary
		}
	}
	return "the configuration has errors"
}

// checked shows warnings of the configuration, and returns its errors.
func (p *program) checked(diags hcl.Diagnostics, sources map[string]*hcl.File) error {
	list := view.FromHCL(diags, sources)
	if diags.HasErrors() {
		return &configError{list: list}
	}
	p.screen.Diagnostics(list)
	return nil
}
