package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

const reference = "../docs/configuration.md"

// TestReference demands that every word of the language is in the reference, and
// that the reference's first example is right.
func TestReference(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	words := slices.Concat(slices.Collect(maps.Keys(functions("", nil))), KindNames())
	for _, schema := range []*hcl.BodySchema{fileSchema, programSchema, variableSchema, validationSchema, peerSchema,
		fromServerSchema, mirrorSchema, tableSchema, schemaSchema, copySchema, streamSchema, cutoverSchema, ddlSchema} {
		for _, a := range schema.Attributes {
			words = append(words, a.Name)
		}
		for _, b := range schema.Blocks {
			words = append(words, b.Type)
		}
	}
	slices.Sort(words)
	for _, w := range slices.Compact(words) {
		if !slices.ContainsFunc([]string{"`" + w + "`", "`" + w + "(", "`" + w + " ", "# " + w + "\n"}, func(form string) bool {
			return strings.Contains(string(text), form)
		}) {
			t.Errorf("%s does not mention %s", reference, w)
		}
	}
	_, example, _ := strings.Cut(string(text), "```hcl\n")
	example, _, _ = strings.Cut(example, "```")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, diags := Load(dir, Inputs{Vars: map[string]string{"target_password": "x"}, Environ: []string{"OLD_PASSWORD=x"}})
	if diags.HasErrors() || len(cfg.Mirrors) != 2 {
		t.Errorf("the example: %v", diags)
	}
	if formatted, _ := Format([]byte(example), "main.hcl"); string(formatted) != example {
		t.Errorf("the example, formatted:\n%s", formatted)
	}
}
