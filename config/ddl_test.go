package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/config"
)

const commands = `
-- sql/index.sql --
CREATE INDEX CONCURRENTLY names ON public.users (name);
-- b.hcl --
ddl "second" {
  mirrors = [mirror.app]
  command = <<-SQL
    CREATE TABLE public.a (id int PRIMARY KEY);
    CREATE TABLE public.b (id int PRIMARY KEY);
  SQL
}
ddl "third" {
  mirrors       = [mirror.many["us"], mirror.many["eu"]]
  command       = "ALTER TABLE public.a ADD COLUMN n int"
  lock_timeout  = "500ms"
  ran_on_source = true
}
-- a.hcl --
ddl "each" {
  for_each   = mirror.many
  mirrors    = [each.value]
  command    = "COMMENT ON TABLE public.a IS '${each.key}'"
  depends_on = [ddl.third]
}
ddl "last" {
  mirrors    = [mirror.many]
  command    = "DROP TABLE public.a"
  depends_on = [ddl.each, ddl.first, ddl.each["eu"]]
}
ddl "first" {
  mirrors = concat([mirror.app], values(mirror.many))
  command = file("sql/index.sql")
}
-- main.hcl --
peer "prod" {}
peer "next" {}
peer "far" {
  for_each = toset(["us", "eu"])
}
mirror "app" {
  source = peer.prod
  target = peer.next
}
mirror "many" {
  for_each = peer.far
  source   = peer.prod
  target   = each.value
}
`

// ddl writes the blocks, one a line, in their order.
func ddl(cfg *config.Config) []string {
	var list []string
	for _, d := range cfg.DDL {
		var mirrors []string
		for _, m := range d.Mirrors {
			mirrors = append(mirrors, m.Address)
		}
		list = append(list, fmt.Sprintf("%s on %s: %q %s ran %t after %s at %s", d.Address, strings.Join(mirrors, ", "), d.Command, d.LockTimeout, d.RanOnSource, d.DependsOn, d.RangeOf("command")))
	}
	return list
}

func TestDDL(t *testing.T) {
	cfg := loadText(t, commands)
	want := []string{
		`ddl.first on mirror.app, mirror.many["eu"], mirror.many["us"]: "CREATE INDEX CONCURRENTLY names ON public.users (name);" 3s ran false after [] at a.hcl:14,3-34`,
		`ddl.second on mirror.app: "CREATE TABLE public.a (id int PRIMARY KEY);\nCREATE TABLE public.b (id int PRIMARY KEY);" 3s ran false after [] at b.hcl:3,3-6,6`,
		`ddl.third on mirror.many["eu"], mirror.many["us"]: "ALTER TABLE public.a ADD COLUMN n int" 500ms ran true after [] at b.hcl:10,3-58`,
		`ddl.each["eu"] on mirror.many["eu"]: "COMMENT ON TABLE public.a IS 'eu'" 3s ran false after [ddl.third] at a.hcl:4,3-60`,
		`ddl.each["us"] on mirror.many["us"]: "COMMENT ON TABLE public.a IS 'us'" 3s ran false after [ddl.third] at a.hcl:4,3-60`,
		`ddl.last on mirror.many["eu"], mirror.many["us"]: "DROP TABLE public.a" 3s ran false after [ddl.each["eu"] ddl.each["us"] ddl.first] at a.hcl:9,3-37`,
	}
	if diff := cmp.Diff(want, ddl(cfg)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if at := cfg.DDL[2].RangeOf("replication_sets").String(); at != "b.hcl:8,1-12" {
		t.Errorf("an attribute that is not set is at %s", at)
	}
}

// TestDDLOfJSON reads a block from JSON.
func TestDDLOfJSON(t *testing.T) {
	cfg := loadText(t, `
-- main.hcl.json --
{
  "peer": {"a": {}, "b": {}},
  "mirror": {"app": {"source": "${peer.a}", "target": "${peer.b}"}},
  "ddl": {
    "one": {"mirrors": ["${mirror.app}"], "command": "select 1", "depends_on": ["${ddl.two}"]},
    "two": {"mirrors": ["${mirror.app}"], "command": "select 2"}
  }
}
`)
	if len(cfg.DDL) != 2 || cfg.DDL[0].Address != "ddl.two" || cfg.DDL[1].Mirrors[0] != cfg.Mirrors[0] {
		t.Errorf("%v", ddl(cfg))
	}
}

func TestDigestOfDDL(t *testing.T) {
	first := loadText(t, commands)
	for _, c := range []struct{ rule, old, new string }{
		{"a command", "DROP TABLE public.a", "DROP TABLE public.b"},
		{"a command in a file", "names ON", "numbers ON"},
		{"another mirror", `mirrors = [mirror.app]`, `mirrors = [mirror.many]`},
		{"a timeout", "500ms", "501ms"},
	} {
		if loadText(t, strings.Replace(commands, c.old, c.new, 1)).Digest == first.Digest {
			t.Errorf("%s: the digest stays", c.rule)
		}
	}
	if loadText(t, commands).Digest != first.Digest {
		t.Error("it moves by itself")
	}
}
