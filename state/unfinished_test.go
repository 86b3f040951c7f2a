package state_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bascule/config"
	"bascule/state"
)

// What a killed save leaves goes with the next lock; files of others stay.
func TestLockRemovesUnfinishedSaves(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".bascule.state.json123", ".bascule.state.json.backup77", ".bascule.state.json.mine", "bascule.state.json1", ".bascule.state.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store, err := state.Open(config.Backend{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := store.Lock(t.Context(), state.Holder{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, f := range files {
		left = append(left, f.Name())
	}
	want := []string{".bascule.state.json", ".bascule.state.json.mine", "bascule.state.json.lock", "bascule.state.json1"}
	if slices.Sort(left); !slices.Equal(left, want) {
		t.Errorf("left: %q", left)
	}
}
