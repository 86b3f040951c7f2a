package stream

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"bascule/planner/catalog"
)

// block is the ddl block that runs commands on a mirror's target where the stream stands
// still.
func block(label, mirror string, commands []string) string {
	text := fmt.Sprintf(blockText, label, mirror, quoted(commands))
	return string(hclwrite.Format([]byte(text)))
}

// quoted is a string of HCL: several commands are several lines.
func quoted(commands []string) string {
	if len(commands) == 1 && !strings.Contains(commands[0], "\n") {
		return string(hclwrite.TokensForValue(cty.StringVal(commands[0])).Bytes())
	}
	text := strings.Join(commands, ";\n")
	text = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text)
	end := "SQL"
	for strings.Contains(text, end) {
		end += "_"
	}
	return "<<" + end + "\n" + text + "\n" + end
}

// label names a block by what it is about and by the transaction that asks for it: the
// same column may be changed again, and a block of the configuration is named like it.
func (m *remedy) label(final catalog.LSN) string {
	parts := []string{m.rel.member.Name}
	for _, c := range m.list {
		switch c.kind {
		case columnAdded, columnRetyped:
			parts = append(parts, c.is.Name)
		case columnDropped, columnRenamed:
			parts = append(parts, c.was.Name)
		case tableRenamed, tableMoved:
			parts = append(parts, c.name)
		case keyChanged:
			parts = append(parts, "key")
		}
	}
	return identifier(strings.Join(parts, "_"), at(final.String()))
}

// at is a place in the WAL as part of a name: 1_a2b3.
func at(lsn string) string { return strings.ToLower(strings.ReplaceAll(lsn, "/", "_")) }

// identifier makes a name that can be referred to of any text, and of what keeps it apart
// from others.
func identifier(text, apart string) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		}
		return '_'
	}, text)
	if longest := longestLabel - len(apart) - 1; len(name) > longest {
		name = name[:longest]
	}
	name += "_" + apart
	if !hclsyntax.ValidIdentifier(name) {
		name = "ddl_" + name
	}
	return name
}

const longestLabel = 60

const blockText = `ddl %q {
  mirrors = [%s]
  command = %s
  ran_on_source = true
}
`
