package config_test

import (
	"strings"
	"testing"
)

func TestPrecedence(t *testing.T) {
	const files = `
-- main.hcl --
variable "host" { default = "default" }
peer "p" { host = var.host }
-- a.auto.bvars --
host = "auto a"
-- b.auto.bvars --
host = "auto b"
-- more/first.bvars --
host = "first"
-- second.bvars --
host = "second"
`
	all := strings.Split("env BASCULE_VAR_host=environment\nfiles\nvarfile more/first.bvars\nvarfile second.bvars\nvar host=argument", "\n")
	for i, want := range []string{"default", "environment", "auto b", "first", "second", "argument"} {
		text := files
		if i < 2 { // without the files that are read by themselves
			text = strings.ReplaceAll(files, ".auto.bvars", ".off")
		}
		given := strings.ReplaceAll(strings.Join(all[:i], "\n"), "files\n", "")
		given = strings.TrimSuffix(given, "files")
		if got := loadText(t, given+text).Peers[0].Host; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestVariables(t *testing.T) {
	for _, c := range []struct{ rule, typ, value, expr, want string }{
		{"text is taken as it is", "string", `["a"]`, "var.v", `["a"]`},
		{"text without a type too", "", `true`, "var.v", `true`},
		{"a number", "number", `7`, "var.v + 1", `8`},
		{"a list", "list(string)", `["a", "b"]`, `join("-", var.v)`, `a-b`},
		{"a list is converted", "set(number)", `["2", 1, 1]`, `length(var.v)`, `2`},
		{"an object", "object({ a = string, b = optional(string, \"z\") })", `{ a = "x" }`, `"${var.v.a}${var.v.b}"`, `xz`},
		{"null stands for nothing", "any", `null`, `coalesce(var.v, "x")`, `x`},
		{"any", "any", `{ a = [1, 2] }`, `var.v.a[1]`, `2`},
	} {
		block := "variable \"v\" {}"
		if c.typ != "" {
			block = "variable \"v\" { type = " + c.typ + " }"
		}
		cfg := loadText(t, "var v="+c.value+"\n-- main.hcl --\n"+block+"\npeer \"p\" { host = "+c.expr+" }\n")
		if got := cfg.Peers[0].Host; got != c.want {
			t.Errorf("%s: got %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestFunctions(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{`length("äb")`, "2"},
		{`length({ a = 1 })`, "1"},
		{`length(["a", "b", "c"])`, "3"},
		{`replace("a.b.c", ".", "-")`, "a-b-c"},
		{`replace("a1b22", "/[0-9]+/", "#")`, "a#b#"},
		{`startswith("public", "pub") && endswith("public", "lic")`, "true"},
		{`alltrue([true, false]) || anytrue([])`, "false"},
		{`lookup({ a = "x" }, "b", "y")`, "y"},
		{`try(jsondecode("{"), "none")`, "none"},
		{`can(tonumber("x"))`, "false"},
		{`nonsensitive(env("E"))`, "from outside"},
		{`nonsensitive(env("UNSET", "otherwise"))`, "otherwise"},
		{`nonsensitive(sensitive("x"))`, "x"},
		{`trimspace(file("text.txt"))`, "file text"},
		{`format("%s-%03d", "a", 7)`, "a-007"},
		{`merge({ a = 1 }, { b = 2 }).b`, "2"},
		{`join(",", setunion(["a"], ["b"]))`, "a,b"},
	} {
		cfg := loadText(t, "env E=from outside\n-- text.txt --\nfile text\n-- main.hcl --\npeer \"p\" { host = "+c.expr+" }\n")
		if got := cfg.Peers[0].Host; got != c.want {
			t.Errorf("%s: got %s, want %s", c.expr, got, c.want)
		}
	}
}
