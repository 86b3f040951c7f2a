package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"bascule/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// load writes an archive's files into a folder and loads it. Lines of the
// archive's comment are inputs: "env NAME=value", "var NAME=value", "varfile NAME",
// "version TEXT".
func load(t *testing.T, archive *txtar.Archive) (*config.Config, hcl.Diagnostics) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(dir, inputs(t, string(archive.Comment)))
}

func inputs(t *testing.T, comment string) config.Inputs {
	t.Helper()
	in := config.Inputs{Vars: map[string]string{}}
	for line := range strings.Lines(comment) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "env":
			in.Environ = append(in.Environ, rest)
		case "var":
			name, value, _ := strings.Cut(rest, "=")
			in.Vars[name] = value
		case "varfile":
			in.VarFiles = append(in.VarFiles, rest)
		case "version":
			in.Version = rest
		case "", "#":
		default:
			t.Fatalf("input %q", line)
		}
	}
	return in
}

// loadText loads files written as an archive, and expects no error.
func loadText(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, diags := load(t, txtar.Parse([]byte(text)))
	if diags.HasErrors() {
		t.Fatal(shown(t, cfg, diags))
	}
	return cfg
}

// shown is how diagnostics look to the operator.
func shown(t *testing.T, cfg *config.Config, diags hcl.Diagnostics) string {
	t.Helper()
	var text strings.Builder
	if err := hcl.NewDiagnosticTextWriter(&text, cfg.Sources, 0, false).WriteDiagnostics(diags); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text.String(), cfg.Dir, "DIR")
}

// TestWrong loads every archive of testdata/wrong and compares what is said of it
// with the golden file beside it.
func TestWrong(t *testing.T) {
	archives, err := filepath.Glob("testdata/wrong/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			cfg, diags := load(t, archive)
			if !diags.HasErrors() {
				t.Error("no error")
			}
			golden(t, strings.TrimSuffix(path, ".txtar")+".golden", shown(t, cfg, diags))
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
