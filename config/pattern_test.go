package config_test

import (
	"strings"
	"testing"

	"bascule/config"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		rule, pattern, schema, name string
		want                        bool
	}{
		{"equal", "public.orders", "public", "orders", true},
		{"another name", "public.orders", "public", "order", false},
		{"another schema", "public.orders", "billing", "orders", false},
		{"any name", "public.*", "public", "a.b\n", true},
		{"any schema", "*.orders", "x", "orders", true},
		{"in the middle", "public.a*z", "public", "abcz", true},
		{"back to the last star", "public.*ab", "public", "aab", true},
		{"two stars", "public.*a*b", "public", "xaxb", true},
		{"a star is nothing", "public.a*", "public", "a", true},
		{"one character", "public.a?", "public", "aé", true},
		{"one character is not two", "public.?", "public", "ab", false},
		{"nor part of one", "public.*??", "public", "€", false},
		{"case counts", "public.Orders", "public", "orders", false},
		{"quoted dot", `"Weird.Name"."T"`, "Weird.Name", "T", true},
		{"quoted star is a star", `public."a*"`, "public", "ab", false},
		{"and matches itself", `public."a*"`, "public", "a*", true},
		{"quoted quote", `public."a""b"`, "public", `a"b`, true},
		{"no schema", "orders", "public", "orders", false},
		{"broken", `"public.orders`, "public", "orders", false},
	} {
		if got := (config.Pattern{Text: c.pattern}).Match(c.schema, c.name); got != c.want {
			t.Errorf("%s: %s matches %s.%s: %t", c.rule, c.pattern, c.schema, c.name, got)
		}
	}
}

func TestMatchObject(t *testing.T) {
	for _, c := range []struct {
		rule, skip, kind, schema, name string
		want                           bool
	}{
		{"a kind", "trigger", "trigger", "public", "t", true},
		{"another kind", "trigger", "rule", "public", "t", false},
		{"a name", "function:public.legacy_*", "function", "public", "legacy_a(integer)", true},
		{"another name", "function:public.legacy_*", "function", "public", "modern()", false},
		{"any arguments", "function:public.f", "function", "public", "f(integer, text)", true},
		{"these arguments", "function:public.f(integer)", "function", "public", "f(integer)", true},
		{"not those", "function:public.f(integer)", "function", "public", "f(text)", false},
		{"without a schema", "event_trigger:audit_*", "event_trigger", "", "audit_ddl", true},
	} {
		p := config.Pattern{Text: c.skip}
		if got := p.MatchObject(c.kind, c.schema, c.name); got != c.want {
			t.Errorf("%s: %s matches %s %s.%s: %t", c.rule, c.skip, c.kind, c.schema, c.name, got)
		}
		if got, _, _ := strings.Cut(c.skip, ":"); p.Kind() != got {
			t.Errorf("kind of %s: %s", c.skip, p.Kind())
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("public.a*b?", "public", "axxbc")
	f.Add(`"a""b"."c.d"`, `a"b`, "c.d")
	f.Add("*.*??", "€", "€")
	f.Fuzz(func(t *testing.T, pattern, schema, name string) {
		config.Pattern{Text: pattern}.Match(schema, name)
		if s, n, err := config.ParseTable(pattern); err == nil && !(config.Pattern{Text: pattern}).Match(s, n) {
			t.Fatalf("%q does not match its own table %q %q", pattern, s, n)
		}
	})
}

func TestFormat(t *testing.T) {
	for _, c := range []struct{ rule, name, src, want string }{
		{"aligned", "a.hcl", "peer \"a\" {\nhost=\"x\"\n  database = \"y\"\n}\n", "peer \"a\" {\n  host     = \"x\"\n  database = \"y\"\n}\n"},
		{"JSON is left alone", "a.hcl.json", "{ \"peer\":{} }", "{ \"peer\":{} }"},
	} {
		got, diags := config.Format([]byte(c.src), c.name)
		if diags.HasErrors() || string(got) != c.want {
			t.Errorf("%s: %s%v", c.rule, got, diags)
		}
	}
	const broken = "peer {\n"
	if got, diags := config.Format([]byte(broken), "a.hcl"); !diags.HasErrors() || string(got) != broken {
		t.Errorf("a broken file became %q", got)
	}
}
