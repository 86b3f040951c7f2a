package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"bascule/config"
)

// FuzzLoad demands that no file makes Load panic, and that what it returns can be
// shown and summed up.
func FuzzLoad(f *testing.F) {
	for _, file := range txtar.Parse([]byte(whole)).Files {
		f.Add(file.Data)
	}
	archives, err := filepath.Glob("testdata/wrong/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.hcl"), src, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, diags := config.Load(dir, config.Inputs{Environ: []string{"HOST=h", "BASCULE_VAR_port=1"}, Version: "0.1.0"})
		shown(t, cfg, diags)
		for _, m := range cfg.Mirrors {
			m.Digest()
		}
	})
}
