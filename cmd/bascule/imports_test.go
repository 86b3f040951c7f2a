package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers is the table of allowed imports: a package imports only packages of lines
// below its own. A folder that is not named belongs to the nearest one above it that
// is; such inner packages are imported by their own folder's package, and by no
// package beside them.
var layers = [][]string{
	{"bench"},
	{"bench/report"},
	{"bench/contender"},
	{"bench/workload"},
	{"bench/server", "bench/client"},
	{"cmd/bascule"},
	{"cmd/cli"},
	{"cmd/view"},
	{"executor"},
	{"executor/command", "executor/removal", "executor/keep"},
	{"executor/engine"},
	{"executor/drive"},
	{"executor/stream", "executor/pglogical", "executor/subscription", "executor/cutover"},
	{"executor/snapshot", "executor/schema", "executor/ddl", "executor/verify", "executor/slot", "executor/trigger"},
	{"executor/ledger", "executor/progress", "executor/journal", "executor/graph", "executor/schema/archive", "executor/stream/walsender", "executor/stream/pgoutput"},
	{"planner/live"},
	{"planner"},
	{"planner/sourcelog"},
	{"planner/session", "planner/pgdump", "planner/catalog", "planner/statement", "state"},
	{"config"},
	{"config/pgname"},
}

// pgtestFolder is an inner package that the tests of every package may import.
const pgtestFolder = "planner/catalog/pgtest"

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.ours() {
			if problem := misdirected(p.folder(), imported); problem != "" {
				t.Errorf("%s imports %s: %s", p.folder(), imported, problem)
			}
		}
	}
}

// The table itself: what it allows and what it does not.
func TestMisdirected(t *testing.T) {
	for _, tc := range []struct{ from, to, want string }{
		{"cmd/cli", "executor", ""},
		{"cmd/cli", "cmd/view", ""},
		{"cmd/view", "cmd/cli", "it points up"},
		{"executor", "executor/snapshot", ""},
		{"executor/snapshot", "executor/schema", "it points sideways"},
		{"executor/snapshot", "executor", "it points up"},
		{"executor/schema/archive", "config/pgname", ""},
		{"executor/schema", "executor/schema/archive", ""},
		{"executor/snapshot/relay", "executor/snapshot", "an inner package does not import its own folder's"},
		{"executor/snapshot/relay", "executor/snapshot/other", "inner packages do not import each other"},
		{"executor/schema", "executor/snapshot/relay", "it points sideways"},
		{"executor", "executor/snapshot/relay", "that is inside executor/snapshot"},
		{"planner", "executor/ledger", "it points up"},
		{"planner/catalog", "planner", "it points up"},
		{"planner", "state", ""},
		{"state", "config", ""},
		{"config/pgname", "config", "it points up"},
		{"docs", "config", "docs is not in the table"},
	} {
		if got := misdirected(tc.from, tc.to); got != tc.want {
			t.Errorf("%s -> %s: %q, want %q", tc.from, tc.to, got, tc.want)
		}
	}
}

// misdirected says what is wrong with an import between two of our folders, or "".
func misdirected(from, to string) string {
	fromHome, fromRank := home(from)
	toHome, toRank := home(to)
	switch {
	case fromHome == "":
		return from + " is not in the table"
	case toHome == "":
		return to + " is not in the table"
	case fromHome == toHome && from == fromHome:
		return ""
	case fromHome == toHome && to == toHome:
		return "an inner package does not import its own folder's"
	case fromHome == toHome:
		return "inner packages do not import each other"
	case fromRank == toRank:
		return "it points sideways"
	case fromRank > toRank:
		return "it points up"
	case to != toHome && to != pgtestFolder:
		return "that is inside " + toHome
	}
	return ""
}

// home returns the folder of the table that a folder belongs to, and its line.
func home(folder string) (name string, rank int) {
	for i, line := range layers {
		for _, listed := range line {
			inside := folder == listed || strings.HasPrefix(folder, listed+"/")
			if inside && len(listed) > len(name) {
				name, rank = listed, i
			}
		}
	}
	return name, rank
}

// Throwaway clusters are for tests and for the benchmark, never for the program.
func TestPgtestIsForTests(t *testing.T) {
	for _, p := range packages(t) {
		if !p.isBench() && slices.Contains(p.ours(), pgtestFolder) {
			t.Errorf("%s imports %s outside its tests", p.folder(), pgtestFolder)
		}
	}
}

// pure are the packages of the planner that are functions of what they are given.
var pure = []string{"planner", "planner/depend", "planner/sourcelog"}

// The planner is pure: equal inputs, byte-equal plans.
func TestPlannerIsPure(t *testing.T) {
	forbidden := func(path string) bool {
		return path == "net" || strings.HasPrefix(path, "net/") || strings.Contains(path, "math/rand") ||
			strings.Contains(path, "/pgx/") || path == "os" || path == "os/exec" ||
			path == module+"planner/session" || path == module+"planner/live"
	}
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.folder()) {
			continue
		}
		for _, path := range p.Imports {
			if forbidden(path) {
				t.Errorf("%s imports %s", p.folder(), path)
			}
		}
		p.eachCall(t, func(at, path, name string) {
			if path == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Tick", "NewTimer"}, name) {
				t.Errorf("%s: time.%s in the planner", at, name)
			}
		})
	}
}

const module = "bascule/"

// goPackage is what `go list` says of a package of ours.
type goPackage struct {
	ImportPath, Dir string
	GoFiles         []string // without tests
	Imports         []string // of GoFiles
}

func (p goPackage) folder() string { return strings.TrimPrefix(p.ImportPath, module) }

func (p goPackage) isBench() bool {
	return p.folder() == "bench" || strings.HasPrefix(p.folder(), "bench/")
}

// ours returns the folders of this module that the package imports.
func (p goPackage) ours() []string {
	var folders []string
	for _, path := range p.Imports {
		if folder, ok := strings.CutPrefix(path, module); ok {
			folders = append(folders, folder)
		}
	}
	return folders
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
