package crash_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// edit replaces one piece of a file of the product.
type edit struct {
	file     string // from the module's root
	old, new string
}

// mutant builds the program with faults put in. The files themselves stay as they are.
func mutant(t *testing.T, edits ...edit) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for _, e := range edits {
		path := filepath.Join(root, filepath.FromSlash(e.file))
		from := path
		if replace[path] != "" {
			from = replace[path]
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			t.Fatalf("%s has %d times what is to be replaced: %s", e.file, n, e.old)
		}
		replace[path] = filepath.Join(dir, filepath.Base(filepath.Dir(path))+"-"+filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file, build := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "bascule")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, "-o", build, "bascule/cmd/bascule").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return build
}

// Each rule that this suite guards is broken in a build of its own, which a directed
// test must catch; and the same test finds nothing in the program as it is.
func TestBrokenBuilds(t *testing.T) {
	long(t)
	t.Parallel()
	for _, m := range []struct {
		name  string
		finds func(t *testing.T, build string) (faults []string)
		edits []edit
	}{
		{"acknowledges what was received", findsEarlyAcknowledgement, []edit{
			{"executor/stream/watch.go", "position := l.durable.position()", "position := max(l.durable.position(), l.s.Progress().Received)"}}},
		{"acknowledges what is committed and not flushed", findsEarlyAcknowledgement, []edit{
			{"executor/stream/watch.go", "position := l.durable.position()", "position := max(l.durable.position(), l.s.Progress().Position)"}}},
		{"takes the end of one transaction for the next", findsWrongBoundary, []edit{
			{"planner/catalog/lsn.go", "return final < l", "return final <= l"}}},
		{"has no epoch", findsSecondHolder, []edit{
			{"executor/ledger/position.go", "and epoch = $3::bigint and lsn = $4::text::pg_lsn", "and $3::bigint is not null and $4::text is not null"}}},
		{"takes a command that is committed for one that is not", findsCommandTwice, []edit{
			{"executor/ddl/became.go", "return *status, nil", "return Aborted, nil"}}},
		{"forgets that a command which runs by itself was begun", findsBuiltTwice, []edit{
			{"executor/stream/logged.go", "if !same {", "if !same || true {"}}},
		{"says that its servers have the mirror when they have begun", findsEngineForgotten, []edit{
			{"executor/engine/handover.go", sayHanded, ""},
			{"executor/engine/handover.go", "\th.cfg.Log.InfoContext(ctx, \"mirror handed over\"", sayHanded + "\th.cfg.Log.InfoContext(ctx, \"mirror handed over\""}}},
		// The slot that the copy's snapshot comes from waits for open transactions too, so it
		// is not enough to take the wait away: the table is published after the snapshot.
		{"does not wait at ADD TABLE", findsOpenWriter, []edit{
			{"executor/followchange.go", "return slot.WaitOut(ctx, f.control, f.note)", "return nil"},
			{"executor/followchange.go", announce, ""},
			{"executor/followchange.go", "\tif f.copied == nil {\n", announce + "\tif f.copied == nil {\n"}}},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			t.Run("broken", func(t *testing.T) {
				faults := m.finds(t, mutant(t, m.edits...))
				if len(faults) == 0 && !t.Failed() {
					t.Error("nothing was found")
				}
				t.Logf("found: %q", faults)
			})
			t.Run("as it is", func(t *testing.T) {
				if faults := m.finds(t, program); len(faults) > 0 {
					t.Errorf("found: %q", faults)
				}
			})
		})
	}
}

const announce = "\tif err := f.announce(ctx, todo); err != nil {\n\t\treturn err\n\t}\n"

const sayHanded = "\tif err := ledger.SetHanded(ctx, h.cfg.Conn, h.cfg.ID, true); err != nil {\n\t\treturn err\n\t}\n"
