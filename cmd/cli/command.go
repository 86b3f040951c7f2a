package cli

import (
	"context"
	"fmt"
	"strings"

	"bascule/cmd/view"

	"github.com/urfave/cli/v2"
)

// command is one command of the program, or a group of them.
type command struct {
	name string
	path string // with the group before it: state show

	// about is one line for lists, more the rest of the help page.
	about, more string

	args             string // [PLAN]
	minArgs, maxArgs int

	flags    []cli.Flag
	examples [][2]string
	sub      []*command

	// run does it; nil for a group.
	run func(context.Context, *call) error
}

// rootCommand returns the tree of all commands.
func rootCommand() *command {
	root := &command{
		about: "Bascule moves PostgreSQL databases by plan and apply: files say what should be, plan says what would happen, apply does it.",
		sub: []*command{
			initCommand(), validateCommand(), fmtCommand(), planCommand(), applyCommand(), destroyCommand(),
			keepCommand(), statusCommand(), slotsCommand(), showCommand(), stateCommand(), versionCommand(),
		},
		examples: [][2]string{
			{"bascule init -from postgres://me@old/app -to postgres://me@new/app", "write main.hcl for two databases"},
			{"bascule plan -out=app.plan", "see what would happen, and keep it"},
			{"bascule apply app.plan", "do exactly that"},
			{"bascule status -watch", "look on, from another terminal"},
		},
	}
	for _, c := range root.sub {
		c.path = c.name
		for _, s := range c.sub {
			s.path = c.name + " " + s.name
		}
	}
	return root
}

// find returns the command of this name below c, or nil.
func (c *command) find(name string) *command {
	for _, s := range c.sub {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (c *command) names() []string {
	var list []string
	for _, s := range c.sub {
		list = append(list, s.name)
	}
	return list
}

// allFlags are the command's own flags and the global ones.
func (c *command) allFlags() []cli.Flag {
	return append(append([]cli.Flag{}, c.flags...), globalFlags()...)
}

// takes says how many arguments there may be.
func (c *command) takes() string {
	switch c.maxArgs {
	case 0:
		return "no arguments"
	case 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", c.maxArgs)
}

func (c *command) usageLine() string {
	parts := []string{"bascule"}
	if c.path != "" {
		parts = append(parts, c.path)
	}
	if len(c.sub) > 0 {
		parts = append(parts, "COMMAND")
	}
	if c.args != "" {
		parts = append(parts, c.args)
	}
	return strings.Join(append(parts, "[flags]"), " ")
}

// page is the command's help.
func (c *command) page() view.HelpPage {
	p := view.HelpPage{
		Usage: c.usageLine(), About: strings.TrimSpace(sentence(c.about) + "\n\n" + c.more), Examples: c.examples,
		Flags: describe(c.flags), Global: describe(globalFlags()),
	}
	for _, s := range c.sub {
		p.Commands = append(p.Commands, [2]string{strings.TrimSpace(s.name + " " + s.args), s.about})
	}
	return p
}

// sentence makes a line of a list stand alone.
func sentence(s string) string {
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// describe lists flags with the form of their value: the word in back quotes in
// their usage, as package flag has it.
func describe(flags []cli.Flag) [][2]string {
	var list [][2]string
	for _, f := range flags {
		doc := f.(cli.DocGenerationFlag)
		usage := doc.GetUsage()
		form := "-" + f.Names()[0]
		if _, rest, ok := strings.Cut(usage, "`"); ok {
			value, _, _ := strings.Cut(rest, "`")
			form += "=" + value
		}
		if b, ok := f.(*cli.BoolFlag); ok && b.Value {
			form += "=false"
		}
		list = append(list, [2]string{form, strings.ReplaceAll(usage, "`", "")})
	}
	return list
}

// globalFlags may stand before or after any command.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "chdir", Usage: "go to `DIR` first"},
		&cli.StringFlag{Name: "state", Usage: "keep the state in `FILE` instead of where the configuration says"},
		&cli.StringSliceFlag{Name: "var", Usage: "set a variable: `NAME=VALUE`; may be repeated"},
		&cli.StringSliceFlag{Name: "var-file", Usage: "read variables from `FILE`; may be repeated"},
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document"},
		&cli.BoolFlag{Name: "no-color", Usage: "no colours (also: NO_COLOR)"},
		&cli.BoolFlag{Name: "input", Value: true, Usage: "ask nothing"},
		&cli.StringFlag{Name: "log", Value: "warn", Usage: "log from `LEVEL` on: debug, info, warn, error"},
		&cli.DurationFlag{Name: "lock-timeout", Usage: "wait so long for the state's lock: `30s`"},
		&cli.BoolFlag{Name: "lock", Value: true, Usage: "do not lock the state"},
	}
}

// targetFlags narrow a plan.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "target", Usage: "only `ADDR`; may be repeated"},
		&cli.StringSliceFlag{Name: "exclude", Usage: "all but `ADDR`; may be repeated"},
	}
}

// isBool reports whether a flag stands without a value.
func isBool(f cli.Flag) bool {
	_, ok := f.(*cli.BoolFlag)
	return ok
}

// flagNamed finds a flag.
func flagNamed(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if f.Names()[0] == name {
			return f
		}
	}
	return nil
}
