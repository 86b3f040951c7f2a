package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Only cmd/view prints, and only cmd knows the process's own output.
func TestOnlyViewPrints(t *testing.T) {
	for _, p := range packages(t) {
		if p.isBench() || p.folder() == pgtestFolder {
			continue
		}
		p.eachCall(t, func(at, path, name string) {
			switch {
			case path == "fmt" && strings.HasPrefix(name, "Print") && p.folder() != "cmd/view":
				t.Errorf("%s: fmt.%s outside cmd/view", at, name)
			case path == "os" && (name == "Stdout" || name == "Stderr") && !strings.HasPrefix(p.folder(), "cmd/"):
				t.Errorf("%s: os.%s outside cmd", at, name)
			case path == "log":
				t.Errorf("%s: log.%s: logs go to the slog.Logger that was passed in", at, name)
			}
		})
	}
}

// A session that planner/session did not open lacks the pinned settings and timeouts.
func TestOnlySessionConnects(t *testing.T) {
	for _, p := range packages(t) {
		if p.isBench() || p.folder() == pgtestFolder || p.folder() == "planner/session" {
			continue
		}
		p.eachCall(t, func(at, path, name string) {
			driver := strings.HasPrefix(path, "github.com/jackc/pgx/")
			if driver && (strings.HasPrefix(name, "Connect") || strings.HasPrefix(name, "New") && strings.HasSuffix(path, "/pgxpool")) {
				t.Errorf("%s: %s outside planner/session", at, name)
			}
			if path == "database/sql" {
				t.Errorf("%s: database/sql", at)
			}
		})
	}
}

// eachCall visits every name that the package's files use from another package: the
// place, the import path and the name.
func (p goPackage) eachCall(t *testing.T, visit func(at, path, name string)) {
	t.Helper()
	for _, file := range p.GoFiles {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		names := importNames(f)
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if from, ok := sel.X.(*ast.Ident); ok && names[from.Name] != "" {
					at := p.folder() + "/" + file + ":" + strconv.Itoa(fset.Position(sel.Pos()).Line)
					visit(at, names[from.Name], sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// importNames maps the names a file uses for its imports to their paths.
func importNames(f *ast.File) map[string]string {
	names := make(map[string]string)
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(imported)
		if isMajor(name) { // github.com/jackc/pgx/v5 is pgx
			name = path.Base(path.Dir(imported))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = imported
	}
	return names
}

func isMajor(name string) bool {
	_, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
	return strings.HasPrefix(name, "v") && err == nil
}
