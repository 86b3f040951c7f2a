package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Inputs is what a configuration depends on besides the files of its folder.
type Inputs struct {
	// Vars are values from -var, by name.
	Vars map[string]string

	// VarFiles are the files named by -var-file; a later one wins. Relative names
	// start at the configuration folder.
	VarFiles []string

	// Environ holds "NAME=value" lines, as os.Environ returns them. A later one wins.
	Environ []string

	// Version of the program, compared with required_version. "" skips that.
	Version string
}

// Load reads the configuration in dir.
//
// Every error of every file is in the diagnostics, in the order of files and
// lines. The Config is never nil, and its Sources hold all files that could be
// read, so that diagnostics can be shown with a snippet; the rest of it may only
// be used when the diagnostics have no error. Nothing that is returned, besides
// Secret values, holds a sensitive value: passwords that stand in a file are
// blanked in Sources.
func Load(dir string, in Inputs) (*Config, hcl.Diagnostics) {
	l := newLoader(dir, in)
	l.readFolder()
	l.collect()
	l.loadVariables()
	l.loadLocals()
	l.loadProgram()
	l.loadPeers()
	l.loadMirrors()
	l.loadDDL()
	l.blankSources()
	if !l.diags.HasErrors() {
		l.cfg.Digest = l.digest()
	}
	return l.cfg, l.finish()
}

// loader is one run of Load. Each stage leaves what the next ones refer to, and
// an unknown value for what it could not make sense of, so that one mistake is
// one diagnostic.
type loader struct {
	dir    string
	in     Inputs
	env    map[string]string
	parser *hclparse.Parser
	cfg    *Config
	diags  hcl.Diagnostics

	files  []string                 // of the folder, sorted
	bodies []hcl.Body               // in the order of files
	broken map[string]bool          // files with syntax errors
	syntax map[*hcl.Diagnostic]bool // those errors
	blanks map[string][]hcl.Range

	blocks    map[string]hcl.Blocks // by type, in file order
	functions map[string]function.Function

	variables map[string]*variable
	varValues map[string]cty.Value
	locals    map[string]*local

	// What references give, by label: the block, or an object of its instances by key.
	peers, mirrors, ddls map[string]cty.Value
}

func newLoader(dir string, in Inputs) *loader {
	l := &loader{
		dir:       dir,
		in:        in,
		env:       environment(in.Environ),
		parser:    hclparse.NewParser(),
		broken:    map[string]bool{},
		syntax:    map[*hcl.Diagnostic]bool{},
		blanks:    map[string][]hcl.Range{},
		blocks:    map[string]hcl.Blocks{},
		variables: map[string]*variable{},
		varValues: map[string]cty.Value{},
		locals:    map[string]*local{},
		peers:     map[string]cty.Value{},
		mirrors:   map[string]cty.Value{},
		ddls:      map[string]cty.Value{},
	}
	l.cfg = &Config{
		Dir:     dir,
		Backend: Backend{Type: "local", Path: defaultStatePath},
		Sources: map[string]*hcl.File{},
	}
	l.functions = functions(dir, l.env)
	return l
}

func environment(lines []string) map[string]string {
	env := make(map[string]string, len(lines))
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, "="); ok {
			env[name] = value
		}
	}
	return env
}

// readFolder parses every *.hcl and *.hcl.json of the folder.
func (l *loader) readFolder() {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		l.diags = append(l.diags, sourceless("Folder cannot be read", err.Error()))
		return
	}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || strings.HasPrefix(name, ".") {
			continue
		}
		if strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json") {
			l.files = append(l.files, name)
			if f := l.parse(name); f != nil {
				l.bodies = append(l.bodies, f.Body)
			}
		}
	}
	if len(l.files) == 0 {
		l.diags = append(l.diags, sourceless("No configuration",
			"There is no *.hcl or *.hcl.json file in "+l.dir+"."))
	}
}

// parse reads one file. A file with syntax errors is marked as broken and its
// readable part is used, so that the other files are still checked against it.
func (l *loader) parse(name string) *hcl.File {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.dir, path)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		l.diags = append(l.diags, sourceless("File cannot be read", err.Error()))
		return nil
	}
	parse := l.parser.ParseHCL
	if strings.HasSuffix(name, ".json") {
		parse = l.parser.ParseJSON
	}
	file, diags := parse(src, name)
	for _, d := range diags {
		l.syntax[d] = true
		if d.Severity == hcl.DiagError && d.Summary != "Attribute redefined" {
			l.broken[name] = true // anything else may hide blocks
		}
	}
	l.diags = append(l.diags, diags...)
	return file
}
