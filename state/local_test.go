package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bascule/config"
	"bascule/state"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, path string) state.Store {
	t.Helper()
	s, err := state.Open(config.Backend{Type: "local", Path: path}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t *testing.T, s state.Store) *state.File {
	t.Helper()
	f, err := s.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func save(t *testing.T, s state.Store, f *state.File) {
	t.Helper()
	if err := s.Save(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func peer(address string) *state.Resource {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &state.Resource{Address: address, Status: state.Ready, Created: at, Updated: at, Peer: &state.Peer{Endpoint: "h:5432/d"}}
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name    string
		backend config.Backend
		dir     string
		want    string
	}{
		{"nothing set: the default name in the folder", config.Backend{}, "conf", "conf/bascule.state.json"},
		{"relative to the folder", config.Backend{Type: "local", Path: "s/x.json"}, "conf", "conf/s/x.json"},
		{"absolute as it is", config.Backend{Type: "local", Path: "/s/x.json"}, "conf", "/s/x.json"},
		{"not built yet", config.Backend{Type: "postgres"}, ".", `backend "postgres" is not available in this version; use backend "local"`},
		{"unknown", config.Backend{Type: "s3"}, ".", `backend "s3" is not known; there is only "local"`},
	} {
		s, err := state.Open(c.backend, c.dir)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = s.Path()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAbsentFileIsNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	a, b := load(t, open(t, path)), load(t, open(t, path))
	if a.Serial != 0 || len(a.Resources) != 0 || a.Lineage == b.Lineage || len(a.Lineage) != 36 {
		t.Errorf("got %+v and %+v", a, b)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("loading wrote the file: %v", err)
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	s := open(t, path)
	f := load(t, s)
	f.Version = "0.1.0"
	f.Resources = []*state.Resource{peer("peer.b"), peer("peer.a")}
	save(t, s, f)
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	save(t, s, f)

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	got := load(t, open(t, path))
	if got.Serial != 2 || got.Lineage != f.Lineage || got.Resources[0].Address != "peer.a" {
		t.Errorf("loaded %+v", got)
	}
	backup, err := os.ReadFile(path + ".backup")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(backup)); diff != "" {
		t.Errorf("the backup is not the save before:\n%s", diff)
	}
	if left, _ := filepath.Glob(path + "?*"); len(left) != 1 {
		t.Errorf("files beside the state: %v", left)
	}
}

func TestEncodingIsDeterministic(t *testing.T) {
	one := &state.File{Format: 1, Lineage: "l", Resources: []*state.Resource{peer("b"), peer("a")}}
	two := &state.File{Format: 1, Lineage: "l", Resources: []*state.Resource{peer("a"), peer("b")}}
	a, err := one.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := two.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) || !strings.HasSuffix(string(a), "}\n") {
		t.Errorf("%s\nand\n%s", a, b)
	}
	if one.Resources[0].Address != "b" {
		t.Error("encoding reordered its input")
	}
}

func TestLinkStaysALink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.json"), filepath.Join(dir, "link.json")
	s := open(t, real)
	save(t, s, load(t, s))
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	l := open(t, link)
	save(t, l, load(t, l))
	if got := load(t, open(t, real)).Serial; got != 2 {
		t.Errorf("the file behind the link has serial %d, want 2", got)
	}
}

func TestSaveRefusesWhatSomebodyElseWrote(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "s.json")
	mine, theirs := open(t, path), open(t, path)
	f := load(t, mine)
	save(t, theirs, load(t, theirs))
	before, _ := os.ReadFile(path)

	var conflict *state.ConflictError
	if err := mine.Save(ctx, f); !errors.As(err, &conflict) || conflict.Hint() == "" {
		t.Fatalf("saving over a new file: %v", err)
	}
	if f.Serial != 0 {
		t.Errorf("a refused save raised the serial to %d", f.Serial)
	}
	f = load(t, mine)
	save(t, theirs, load(t, theirs))
	if err := mine.Save(ctx, f); !errors.As(err, &conflict) {
		t.Fatalf("saving over a later serial: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := mine.Save(ctx, f); !errors.As(err, &conflict) {
		t.Fatalf("saving where the file was removed: %v", err)
	}
	if len(before) == 0 {
		t.Error("nothing was written")
	}
}

const good = `{"format":1,"version":"0.1.0","serial":3,"lineage":"6b1c8a52-5c0f-4d7e-9d3a-0d8f5e1c2b3a","resources":[]}`

func TestUnreadable(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "it is empty"},
		{"cut short", good[:60], "it is cut short"},
		{"not JSON", "hello", "line 1: invalid character 'h' looking for beginning of value"},
		{"text behind it", good + "\n{}", "line 2: text after the end of the document"},
		{"no format", `{}`, `it has no "format"`},
		{"no lineage", `{"format":1,"serial":1}`, `its "lineage" is not a UUID`},
		{"twice", strings.Replace(good, "[]", `[{"address":"peer.a","peer":{}},{"address":"peer.a","peer":{}}]`, 1), "resource peer.a is in it twice"},
		{"of no kind", strings.Replace(good, "[]", `[{"address":"peer.a"}]`, 1), "resource peer.a is not exactly one of peer, mirror and ddl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.json")
			write(t, path, c.text)
			_, err := open(t, path).Load(context.Background())
			var damaged *state.DamagedError
			if !errors.As(err, &damaged) || damaged.Err.Error() != c.want {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if !strings.Contains(damaged.Hint(), "version control") {
				t.Errorf("hint without a backup: %s", damaged.Hint())
			}
			write(t, path+".backup", good)
			_, err = open(t, path).Load(context.Background())
			if !errors.As(err, &damaged) || !strings.Contains(damaged.Hint(), "cp "+path+".backup "+path) {
				t.Errorf("hint with a backup: %v", damaged.Hint())
			}
			if now, _ := os.ReadFile(path); string(now) != c.text {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func TestNewerFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	write(t, path, `{"format":7,"version":"9.1.0","resources":{"other":"shape"}}`)
	_, err := open(t, path).Load(context.Background())
	var newer *state.NewerError
	if !errors.As(err, &newer) || newer.Format != 7 || newer.Hint() != "use bascule 9.1.0 or later; the file was not changed" {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"format":9}`))
	f.Add([]byte(`{"format":1,"resources":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := state.Decode(data, "s.json")
		if err != nil {
			return
		}
		again, err := file.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := state.Decode(again, "s.json"); err != nil {
			t.Fatalf("what was decoded does not decode again: %v\n%s", err, again)
		}
	})
}
