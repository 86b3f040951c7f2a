package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/renameio/v2"
)

// Local is the Store of a file on this machine.
//
// Beside the file are <path>.backup, the save before, and <path>.lock.
type Local struct {
	path string

	mu    sync.Mutex
	known Position // of what was loaded or saved last
}

// Path returns the name of the state file.
func (l *Local) Path() string { return l.path }

// Load reads the state file.
func (l *Local) Load(context.Context) (*File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, _, err := l.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.known = Position{}
		return newFile(), nil
	case err != nil:
		return nil, err
	}
	l.known = f.Position()
	return f, nil
}

// Position tells this save from every other.
func (f *File) Position() Position { return Position{Lineage: f.Lineage, Serial: f.Serial} }

// read returns the stored file, decoded and as it is.
func (l *Local) read() (*File, []byte, error) {
	data, err := os.ReadFile(l.path)
	if err != nil {
		return nil, nil, fmt.Errorf("read state: %w", err)
	}
	f, err := Decode(data, l.path)
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		damaged.Backup = l.intactBackup()
	}
	return f, data, err
}

// intactBackup returns the name of the backup if it can be read.
func (l *Local) intactBackup() string {
	data, err := os.ReadFile(l.backup())
	if err != nil {
		return ""
	}
	if _, err := Decode(data, l.backup()); err != nil {
		return ""
	}
	return l.backup()
}

func (l *Local) backup() string { return l.path + ".backup" }

// Save writes the state file and keeps the one before as the backup.
//
// It does not look at the context: what is known of the databases must reach the
// disk, most of all when the work on them was cancelled.
func (l *Local) Save(_ context.Context, f *File) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, err := l.unchanged()
	if err != nil {
		return err
	}
	next := *f
	next.Format = Format
	next.Serial++
	data, err := next.Encode()
	if err != nil {
		return err
	}
	if before != nil {
		if err := replace(l.backup(), before); err != nil {
			return fmt.Errorf("keep the state before: %w", err)
		}
	}
	if err := replace(l.path, data); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	f.Format, f.Serial = next.Format, next.Serial
	l.known = f.Position()
	return nil
}

// unchanged returns the stored bytes, nil for no file, after making sure that they
// are the ones this Local knows.
func (l *Local) unchanged() ([]byte, error) {
	disk, data, err := l.read()
	var stored Position
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		stored = disk.Position()
	}
	if stored != l.known {
		return nil, &ConflictError{Path: l.path, Known: l.known, Disk: stored}
	}
	return data, nil
}

// replace writes data under path so that a crash at any moment leaves either the
// old file or the new one. A symbolic link stays one.
func replace(path string, data []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	dir := filepath.Dir(path)
	t, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer t.Cleanup()
	if _, err := t.Write(data); err != nil {
		return err
	}
	if err := t.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncFolder(dir)
}

// removeUnfinished removes what saves that were killed left beside the file. Only the
// holder of the lock may: another process's save may be under way.
func (l *Local) removeUnfinished() {
	for _, path := range []string{l.path, l.backup()} {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		files, _ := os.ReadDir(filepath.Dir(path)) // a save will say what is wrong with it
		for _, f := range files {
			number, ours := strings.CutPrefix(f.Name(), "."+filepath.Base(path))
			if ours && number != "" && strings.Trim(number, "0123456789") == "" {
				_ = os.Remove(filepath.Join(filepath.Dir(path), f.Name()))
			}
		}
	}
}

// syncFolder makes a rename in dir durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
