package state

import (
	"fmt"
	"time"
)

// LockedError reports that somebody else holds the lock.
type LockedError struct {
	Path string

	// Holder is who holds it; its Who is "" when that could not be read.
	Holder Holder
}

func (e *LockedError) Error() string {
	if e.Holder.Who == "" {
		return fmt.Sprintf("state %s is locked by another process", e.Path)
	}
	return fmt.Sprintf("state %s is locked by %s@%s, pid %d, running %q since %s",
		e.Path, e.Holder.Who, e.Holder.Host, e.Holder.PID, e.Holder.Command, e.Holder.Since.UTC().Format(time.RFC3339))
}

// Hint says what the operator can do about it.
func (e *LockedError) Hint() string {
	return "wait for it with -lock-timeout=10m, or stop that process; the lock ends with the process, so there is nothing to clean up"
}

// ExitCode is the command's exit code for a held lock.
func (e *LockedError) ExitCode() int { return 5 }

// NewerError reports a file of a format that this build does not know.
type NewerError struct {
	Path    string
	Format  int
	Version string // of the build that wrote it
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("state %s has format %d, written by bascule %s; this build reads formats up to %d", e.Path, e.Format, e.Version, Format)
}

// Hint says what the operator can do about it.
func (e *NewerError) Hint() string {
	return fmt.Sprintf("use bascule %s or later; the file was not changed", e.Version)
}

// DamagedError reports a file that is there and is not a state file.
type DamagedError struct {
	Path string
	Err  error

	// Backup is a readable copy of the serial before, or "" when there is none.
	Backup string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("state %s cannot be read: %v", e.Path, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *DamagedError) Hint() string {
	if e.Backup == "" {
		return "the file was not changed; bring back a copy of it from version control or a backup: it names what was created on the databases"
	}
	return fmt.Sprintf("the file was not changed; the save before it is intact, bring it back with: cp %s %s", e.Backup, e.Path)
}

// ConflictError reports that the stored file is not the one this process knows:
// somebody wrote it without holding the lock.
type ConflictError struct {
	Path        string
	Known, Disk Position
}

// Position tells one save of a state from every other. The zero Position stands
// for no file.
type Position struct {
	Lineage string
	Serial  int64
}

func (p Position) String() string {
	if p == (Position{}) {
		return "absent"
	}
	return fmt.Sprintf("serial %d of lineage %s", p.Serial, p.Lineage)
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("state %s was written by somebody else: it is %s and was %s when it was read", e.Path, e.Disk, e.Known)
}

// Hint says what the operator can do about it.
func (e *ConflictError) Hint() string {
	return "the file was not changed; find out who writes it without the lock (-lock=false, an editor, a copy), then run the same command again"
}
