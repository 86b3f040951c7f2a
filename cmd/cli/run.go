package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"

	"bascule/cmd/view"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Run runs the command line args, args[0] being the program's name, and returns the
// exit code. A signal is the end of ctx; its cause tells which.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p := &program{stdin: os.Stdin, stdout: stdout, stderr: stderr}
	p.screen = p.newScreen(hasFlag(args, "json"), hasFlag(args, "no-color"))
	return p.guard(ctx, func() error { return p.run(ctx, args) })
}

// guard shows what work returns, or that it crashed, and returns the exit code.
func (p *program) guard(ctx context.Context, work func() error) (code int) {
	defer func() {
		if r := recover(); r != nil {
			p.screen.Crash(version(), r, debug.Stack())
			code = exitCrash
		}
	}()
	return p.finish(ctx, work())
}

// program is one run of the program.
type program struct {
	stdin          *os.File
	stdout, stderr io.Writer
	screen         *view.Screen
	command        string // for JSON errors
	plain          bool   // no colours, wherever it goes
}

// call is one run of a command.
type call struct {
	*program
	flags *cli.Context
	log   *slog.Logger
}

// run finds the command and runs it.
func (p *program) run(ctx context.Context, args []string) error {
	root := rootCommand()
	l, err := arrange(root, args[1:])
	p.command = l.cmd.path
	switch {
	case err != nil:
		return err
	case l.help || l.cmd.run == nil:
		return p.screen.Help(l.cmd.page())
	}
	app := &cli.App{
		Name: "bascule", HideHelp: true, HideVersion: true, DisableSliceFlagSeparator: true,
		Writer: io.Discard, ErrWriter: io.Discard,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   asUsage,
		Flags:          l.cmd.allFlags(),
		Action: func(flags *cli.Context) error {
			return p.call(ctx, l.cmd, flags)
		},
	}
	return app.RunContext(ctx, append([]string{"bascule"}, l.args...))
}

// call runs a command with its parsed flags.
func (p *program) call(ctx context.Context, cmd *command, flags *cli.Context) error {
	if n := flags.NArg(); n > cmd.maxArgs {
		return usagef("%s takes %s, and %q is one more", cmd.path, cmd.takes(), flags.Args().Get(cmd.maxArgs))
	} else if n < cmd.minArgs {
		return usagef("%s needs %s: %s", cmd.path, cmd.args, cmd.usageLine())
	}
	p.screen = p.newScreen(flags.Bool("json"), flags.Bool("no-color"))
	c := &call{program: p, flags: flags}
	log, err := c.newLog(p.stderr)
	if err != nil {
		return err
	}
	c.log = log
	if dir := flags.String("chdir"); dir != "" {
		if err := os.Chdir(dir); err != nil {
			return err
		}
	}
	return cmd.run(ctx, c)
}

// newLog returns the log of -log.
func (c *call) newLog(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.flags.String("log"))); err != nil {
		return nil, usagef("-log=%s is no level; there are debug, info, warn and error", c.flags.String("log"))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})), nil
}

func (p *program) newScreen(json, plain bool) *view.Screen {
	p.plain = plain || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	width, _ := terminalSize(p.stdout)
	return view.New(view.Config{
		Stdout: p.stdout, Stderr: p.stderr, JSON: json, Width: width,
		ColorStdout: p.colored(p.stdout), ColorStderr: p.colored(p.stderr),
	})
}

// colored reports whether colours may go to an output.
func (p *program) colored(w io.Writer) bool { return !p.plain && isTerminal(w) }

// isTerminal reports whether w or r is one.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// terminalSize returns columns and rows of a terminal, 80 by 24 for all else.
func terminalSize(f any) (columns, rows int) {
	if file, ok := f.(*os.File); ok {
		if w, h, err := term.GetSize(int(file.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// hasFlag looks for a boolean flag before flags are parsed, so that usage errors
// are shown the way that was asked for.
func hasFlag(args []string, name string) bool {
	for _, form := range []string{"-" + name, "--" + name, "-" + name + "=true", "--" + name + "=true"} {
		if slices.Contains(args, form) {
			return true
		}
	}
	return false
}
