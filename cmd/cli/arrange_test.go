package cli

import (
	"errors"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	for _, c := range []struct{ name, args, want string }{
		{"flags after the argument", "apply app.plan -auto-approve", "apply: -auto-approve -- app.plan"},
		{"one dash or two", "plan --out=f -json", "plan: -out=f -json --"},
		{"a value apart", "plan -out f --target mirror.a", "plan: -out=f -target=mirror.a --"},
		{"a value that looks like a flag", "plan -out -json", "plan: -out=-json --"},
		{"a value with =", "plan -var=a=b=c", "plan: -var=a=b=c --"},
		{"global flags before the command", "-chdir dir -json plan -out=f", "plan: -chdir=dir -json -out=f --"},
		{"repeated flags keep their order", "plan -target=a -target b", "plan: -target=a -target=b --"},
		{"a command of a group", "state -json show peer.a", "state show: -json -- peer.a"},
		{"everything after -- is an argument", "apply -- -odd.plan", "apply: -- -odd.plan"},
		{"a lone dash is an argument", "fmt - -check", "fmt: -check -- -"},
		{"true and false with =", "plan -json=false -destroy=true", "plan: -json=false -destroy=true --"},
		{"help anywhere", "plan -out=f -h", "plan: help"},
		{"help by name", "help state show", "state show: help"},
		{"help of a group", "state -help", "state: help"},
		{"nothing", "", ": --"},

		{"a boolean with its value apart", "plan -detailed-exitcode false", "-detailed-exitcode false would not be read as you mean it; write -detailed-exitcode=false"},
		{"a global boolean before the command", "-json true plan", "-json true would not be read as you mean it; write -json=true"},
		{"a boolean that is neither", "plan -json=no", `-json is true or false, not "no"`},
		{"no value", "plan -out", "-out needs a value: -out=..."},
		{"unknown command", "aply", `there is no command "aply"; did you mean "apply"?`},
		{"unknown command of a group", "state lst", `there is no command of state "lst"; did you mean "list"?`},
		{"unknown command, nothing like it", "frobnicate", `there is no command "frobnicate"`},
		{"a group alone", "state", "state needs a command: list, show, rm"},
		{"unknown flag", "plan -taget=a", "there is no flag -taget of plan; did you mean -target?"},
		{"a flag of another command", "plan -auto-approve", "there is no flag -auto-approve of plan"},
		{"a command's flag before the command", "-out=f plan", "there is no flag -out"},
		{"a command that is not built", "drift", `there is no command "drift"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := arrange(rootCommand(), strings.Fields(c.args))
			got := l.cmd.path + ": " + strings.Join(l.args, " ")
			if l.help {
				got = l.cmd.path + ": help"
			}
			if err != nil {
				got = err.Error()
				var usage *usageError
				if !errors.As(err, &usage) || usage.ExitCode() != 64 {
					t.Errorf("%v is no usage error", err)
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Every flag of every command is described, and every command has an example.
func TestHelpIsComplete(t *testing.T) {
	var check func(c *command)
	check = func(c *command) {
		for _, s := range c.sub {
			check(s)
		}
		if c.run == nil {
			return
		}
		if c.about == "" || len(c.examples) == 0 && c.name != "version" {
			t.Errorf("%s has no description or no example", c.path)
		}
		for _, e := range c.examples {
			l, err := arrange(rootCommand(), strings.Fields(e[0])[1:])
			if err != nil || l.cmd.path != c.path {
				t.Errorf("%s: its example %q is not one of its own: %v", c.path, e[0], err)
			}
		}
		for _, f := range c.page().Flags {
			if f[1] == "" {
				t.Errorf("%s: %s is not described", c.path, f[0])
			}
		}
	}
	check(rootCommand())
}
