package cli

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/urfave/cli/v2"
)

// line is a command line put in order.
type line struct {
	cmd  *command
	help bool

	// args are the flags as -name=value or -name, then "--", then the arguments.
	args []string
}

// arrange finds the command and puts its flags, which may stand anywhere, before
// its arguments. Every flag is checked against the command's own table, so that
// its value is not taken for an argument, nor an argument for its value.
func arrange(root *command, args []string) (line, error) {
	l := line{cmd: root}
	var flags []token
	var words []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			words = append(words, args[i+1:]...)
			i = len(args)
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			if len(l.cmd.sub) == 0 {
				words = append(words, arg)
				continue
			}
			if err := l.enter(arg); err != nil {
				return l, err
			}
		default:
			t := readToken(arg)
			if t.name == "h" || t.name == "help" {
				l.help = true
				continue
			}
			var err error
			if i, err = t.take(root, l.cmd, args, i); err != nil {
				return l, err
			}
			flags = append(flags, t)
		}
	}
	return l, l.settle(flags, words)
}

// enter goes down to a command by name. "help" as a command asks for help.
func (l *line) enter(name string) error {
	if name == "help" {
		l.help = true
		return nil
	}
	sub := l.cmd.find(name)
	if sub == nil {
		what := "command"
		if l.cmd.path != "" {
			what += " of " + l.cmd.path
		}
		return &usageError{
			text: "there is no " + what + " " + quoted(name) + didYouMean(name, l.cmd.names()),
			hint: "bascule -h lists all commands",
		}
	}
	l.cmd = sub
	return nil
}

// settle checks every flag against the command it turned out to be for.
func (l *line) settle(flags []token, words []string) error {
	if l.help {
		return nil
	}
	if l.cmd.run == nil && l.cmd.path != "" {
		return &usageError{text: l.cmd.path + " needs a command: " + strings.Join(l.cmd.names(), ", ")}
	}
	known := l.cmd.allFlags()
	for _, t := range flags {
		if flagNamed(known, t.name) == nil {
			return unknownFlag(t, l.cmd)
		}
		l.args = append(l.args, t.text())
	}
	l.args = append(append(l.args, "--"), words...)
	return nil
}

func unknownFlag(t token, c *command) error {
	var names []string
	for _, f := range c.allFlags() {
		names = append(names, f.Names()[0])
	}
	of := ""
	if c.path != "" {
		of = " of " + c.path
	}
	return &usageError{
		text: "there is no flag -" + t.name + of + didYouMeanFlag(t.name, names),
		hint: strings.Join(strings.Fields("bascule "+c.path+" -h lists all flags"), " "),
	}
}

// token is one flag on the command line.
type token struct {
	name, value string
	valued      bool
}

// readToken splits -name=value; one dash or two.
func readToken(arg string) token {
	name, value, valued := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	return token{name: name, value: value, valued: valued}
}

func (t token) text() string {
	if t.valued {
		return "-" + t.name + "=" + t.value
	}
	return "-" + t.name
}

// take completes a flag at args[i] with the value after it, where it needs one, and
// returns the index of the last argument it used.
func (t *token) take(root, c *command, args []string, i int) (int, error) {
	f := t.definition(root, c)
	switch {
	case f == nil:
		return i, unknownFlag(*t, c)
	case isBool(f):
		return i, t.checkBool(args, i)
	case t.valued:
		return i, nil
	case i+1 == len(args):
		return i, usagef("-%s needs a value: -%s=...", t.name, t.name)
	}
	t.value, t.valued = args[i+1], true
	return i + 1, nil
}

// definition finds the flag in the command's table; before the command is known, in
// the global one.
func (t *token) definition(root, c *command) cli.Flag {
	if c == root {
		return flagNamed(globalFlags(), t.name)
	}
	return flagNamed(c.allFlags(), t.name)
}

// checkBool refuses "-refresh false", which would silently be true and an argument.
func (t *token) checkBool(args []string, i int) error {
	if t.valued {
		if t.value != "true" && t.value != "false" {
			return usagef("-%s is true or false, not %s", t.name, quoted(t.value))
		}
		return nil
	}
	if i+1 < len(args) && slices.Contains([]string{"true", "false"}, strings.ToLower(args[i+1])) {
		return usagef("-%s %s would not be read as you mean it; write -%s=%s", t.name, args[i+1], t.name, strings.ToLower(args[i+1]))
	}
	return nil
}

func quoted(s string) string { return `"` + s + `"` }

// didYouMean suggests the closest name, when one is close.
func didYouMean(name string, names []string) string {
	if best := closest(name, names); best != "" {
		return "; did you mean " + quoted(best) + "?"
	}
	return ""
}

func didYouMeanFlag(name string, names []string) string {
	if best := closest(name, names); best != "" {
		return "; did you mean -" + best + "?"
	}
	return ""
}

func closest(name string, names []string) string {
	best, distance := "", len(name)/3+2
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); d < distance {
			best, distance = n, d
		}
	}
	return best
}
