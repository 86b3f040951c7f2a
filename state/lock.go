package state

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/gofrs/flock"
)

// Holder says who holds a lock, for the message to the next who wants it.
type Holder struct {
	Who     string    `json:"who"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// NewHolder describes this process. command is the command's name, without
// arguments: they may hold a secret.
func NewHolder(command string, since time.Time) Holder {
	h := Holder{Who: cmp.Or(os.Getenv("USER"), "unknown"), PID: os.Getpid(), Command: command, Since: since.UTC()}
	if u, err := user.Current(); err == nil {
		h.Who = u.Username
	}
	if name, err := os.Hostname(); err == nil {
		h.Host = name
	}
	return h
}

// lockPoll is how often a held lock is tried again.
const lockPoll = 100 * time.Millisecond

// Lock takes the operating system's lock on <path>.lock and writes the holder into
// that file. The file stays: removing it would let two processes lock two files
// of one name.
func (l *Local) Lock(ctx context.Context, holder Holder, wait time.Duration) (func() error, error) {
	lock := flock.New(l.path+".lock", flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err == nil && !held && wait > 0 {
		held, err = l.await(ctx, lock, wait)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock state: %w", err)
	case !held:
		return nil, &LockedError{Path: l.path, Holder: readHolder(lock.Path())}
	}
	l.removeUnfinished()
	if err := writeHolder(lock.Path(), holder); err != nil {
		return nil, errors.Join(fmt.Errorf("lock state: %w", err), lock.Close())
	}
	return func() error {
		return errors.Join(os.Truncate(lock.Path(), 0), lock.Close())
	}, nil
}

// await polls for the lock. Running out of wait is no error.
func (l *Local) await(ctx context.Context, lock *flock.Flock, wait time.Duration) (bool, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	held, err := lock.TryLockContext(waiting, lockPoll)
	if ctx.Err() != nil {
		return held, context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return false, nil
	}
	return held, err
}

// readHolder returns the holder of a lock file, or the zero Holder while it is
// being written.
func readHolder(path string) Holder {
	var h Holder
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &h) != nil {
		return Holder{}
	}
	return h
}

func writeHolder(path string, h Holder) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}
