package state

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"bascule/config"
)

// Store keeps one state file.
type Store interface {
	// Load reads the file. An absent one is a new File: Serial 0, a fresh lineage.
	Load(ctx context.Context) (*File, error)

	// Save writes f durably and raises its Serial by one. It refuses with a
	// *ConflictError when what is stored is not what this Store loaded or saved
	// last. After an error that leaves the file unchanged f is unchanged too.
	Save(ctx context.Context, f *File) error

	// Lock takes the one lock of this state, waiting at most wait for it, and
	// returns a *LockedError when somebody else still has it then. unlock lets it
	// go; so does the end of the process, however it ends.
	Lock(ctx context.Context, holder Holder, wait time.Duration) (unlock func() error, err error)

	// Path names the place for people: a file name, or an endpoint without secrets.
	Path() string
}

// Open returns the store of a backend. Relative paths are taken from dir. Nothing
// is read or created yet.
func Open(b config.Backend, dir string) (Store, error) {
	switch b.Type {
	case "", "local":
		path := b.Path
		if path == "" {
			path = DefaultPath
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return &Local{path: path}, nil
	case "postgres":
		return nil, errors.New(`backend "postgres" is not available in this version; use backend "local"`)
	}
	return nil, fmt.Errorf("backend %q is not known; there is only \"local\"", b.Type)
}

// DefaultPath is the state file of a configuration that names none.
const DefaultPath = "bascule.state.json"
