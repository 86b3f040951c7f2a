package pgname_test

import (
	"strings"
	"testing"

	"bascule/config/pgname"
)

func TestQuote(t *testing.T) {
	for _, c := range []struct{ rule, name, want string }{
		{"plain", "users", `"users"`},
		{"case is kept", "Users", `"Users"`},
		{"a reserved word", "select", `"select"`},
		{"quotes are doubled", `a"b`, `"a""b"`},
		{"a dot is part of the name", "a.b", `"a.b"`},
		{"a newline stays", "a\nb", "\"a\nb\""},
		{"nothing", "", `""`},
	} {
		if got := pgname.Quote(c.name); got != c.want {
			t.Errorf("%s: got %s, want %s", c.rule, got, c.want)
		}
	}
	if got, want := pgname.Qualified("A", `b"`), `"A"."b"""`; got != want {
		t.Errorf("qualified: got %s, want %s", got, want)
	}
}

func TestLiteral(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"plain", "a", `'a'`},
		{"nothing", "", `''`},
		{"quotes are doubled", "it's", `'it''s'`},
		{"a backslash makes an escape constant", `a\b`, `E'a\\b'`},
		{"a backslash before a quote", `\'`, `E'\\'''`},
		{"a newline stays", "a\nb", "'a\nb'"},
	} {
		if got := pgname.Literal(c.text); got != c.want {
			t.Errorf("%s: got %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestShown(t *testing.T) {
	for _, c := range []struct{ rule, schema, name, want string }{
		{"plain", "public", "users", `public.users`},
		{"no schema", "", "users", `users`},
		{"upper case is quoted", "public", "Users", `public."Users"`},
		{"a dot is quoted", "a.b", "c", `"a.b".c`},
		{"a leading digit is quoted", "public", "2fa", `public."2fa"`},
		{"an empty name is seen", "public", "", `public.""`},
	} {
		if got := pgname.Shown(c.schema, c.name); got != c.want {
			t.Errorf("%s: got %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestDerived(t *testing.T) {
	long := strings.Repeat("orders_", 12)
	for _, c := range []struct {
		rule  string
		parts []string
		want  string
	}{
		{"joined", []string{"bascule", "app", "9d7f0c6e"}, "bascule_app_9d7f0c6e"},
		{"the middle part keeps its underscores", []string{"bascule", "my_app", "9d7f0c6e"}, "bascule_my_app_9d7f0c6e"},
		{"a single part too", []string{"my_app"}, "my_app"},
		{"two ways to split", []string{"a_b", "c"}, "a_b_c__8ddb6a568e"},
		{"case is lost", []string{"App"}, "app__2d0714a2da"},
		{"characters are lost", []string{`app["eu"]`}, "app_eu__5b18216d0e"},
		{"an empty part", []string{"a", ""}, "a__6aa98e17c1"},
		{"what looks like a tail", []string{"app__2d0714a2da"}, "app_2d0714a2da__587e10bb54"},
		{"cut", []string{"bascule", long, "9d7f0c6e"}, "bascule_orders_orders_orders_orders_orders_orders_o__444fe7f907"},
		{"nothing but other characters", []string{"ä"}, "__ee12779ea1"},
		{"no parts", nil, "__e3b0c44298"},
	} {
		if got := pgname.Derived(c.parts...); got != c.want {
			t.Errorf("%s: got %s, want %s", c.rule, got, c.want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", `"`, `a""b`, "ä\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		q := pgname.Quote(name)
		inner := q[1 : len(q)-1]
		if strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`) {
			t.Fatalf("%q ends early in %s", name, q)
		}
		if back := strings.ReplaceAll(inner, `""`, `"`); back != name {
			t.Fatalf("%q reads back as %q", name, back)
		}
	})
}

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"", "a", `'`, `\`, `\'`, `'\`, `\\''`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q := pgname.Literal(text)
		for _, standard := range []bool{true, false} {
			if back, ok := readLiteral(q, standard); !ok || back != text {
				t.Fatalf("%q as %s reads back as %q (standard %t)", text, q, back, standard)
			}
		}
	})
}

// readLiteral reads an SQL string constant as the server does.
func readLiteral(q string, standard bool) (string, bool) {
	escapes := !standard
	if strings.HasPrefix(q, "E") {
		q, escapes = q[1:], true
	}
	var out []byte
	for i := 1; i < len(q); i++ {
		switch {
		case q[i] == '\\' && escapes:
			i++
			out = append(out, q[i])
		case q[i] == '\'' && i+1 < len(q) && q[i+1] == '\'':
			i++
			out = append(out, '\'')
		case q[i] == '\'':
			return string(out), i == len(q)-1
		default:
			out = append(out, q[i])
		}
	}
	return "", false
}

func FuzzDerived(f *testing.F) {
	f.Add("a_b", "c", "a", "b_c")
	f.Add("", "a", "a", "")
	f.Add("app", "eu", "App", "eu")
	f.Add(strings.Repeat("a", 60), "b", strings.Repeat("a", 60), "bc")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		one, two := pgname.Derived(a, b), pgname.Derived(c, d)
		for _, name := range []string{one, two} {
			if name == "" || len(name) > pgname.MaxLen || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				t.Fatalf("%q is no derived name", name)
			}
		}
		if (one == two) != (a == c && b == d) {
			t.Fatalf("%q %q and %q %q give %s and %s", a, b, c, d, one, two)
		}
	})
}
