package journal

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"bascule/state"
)

// saveTime bounds a save of the state file after a cancel.
const saveTime = 30 * time.Second

// Journal is the state file of one apply. Its methods may be called at once.
type Journal struct {
	mu    sync.Mutex // guards the file and its saving
	file  *state.File
	store state.Store
	log   *slog.Logger
}

// New returns a Journal that saves file to store.
func New(file *state.File, store state.Store, log *slog.Logger) *Journal {
	return &Journal{file: file, store: store, log: log}
}

// Save changes the state file and saves it, also after a cancel: what came to be
// must be known.
func (j *Journal) Save(ctx context.Context, edit func(f *state.File)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	edit(j.file)
	slices.SortFunc(j.file.Resources, func(x, y *state.Resource) int { return strings.Compare(x.Address, y.Address) })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	j.log.DebugContext(ctx, "state save begins", "serial", j.file.Serial)
	if err := j.store.Save(ctx, j.file); err != nil {
		return fmt.Errorf("save the state: %w", err)
	}
	return nil
}

// Step journals one step of a change around the work on it.
func (j *Journal) Step(ctx context.Context, address, id string, work func() error) error {
	if err := j.enter(ctx, address, id, "started", nil); err != nil {
		return err
	}
	err := work()
	status := "done"
	if err != nil {
		status = "failed"
	}
	if saved := j.enter(ctx, address, id, status, err); err == nil {
		err = saved
	}
	return err
}

// enter records where a step is. A step has one entry: its last word.
func (j *Journal) enter(ctx context.Context, address, id, status string, err error) error {
	return j.Save(ctx, func(f *state.File) {
		f.Journal = slices.DeleteFunc(f.Journal, func(e state.JournalEntry) bool { return e.Address == address && e.Step == id })
		e := state.JournalEntry{Address: address, Step: id, Status: status, At: time.Now().UTC()}
		if err != nil {
			e.Error = err.Error()
		}
		f.Journal = append(f.Journal, e)
	})
}

// Settle ends a change in the state: its resource is as given, nil for none, and
// its journal is dropped.
func (j *Journal) Settle(ctx context.Context, address string, r *state.Resource) error {
	return j.Save(ctx, func(f *state.File) {
		Put(f, address, r)
		f.Journal = slices.DeleteFunc(f.Journal, func(e state.JournalEntry) bool { return e.Address == address })
	})
}

// Put sets or removes a resource. The time it was created is kept.
func Put(f *state.File, address string, r *state.Resource) {
	old := f.Find(address)
	f.Resources = slices.DeleteFunc(f.Resources, func(x *state.Resource) bool { return x.Address == address })
	if r == nil {
		return
	}
	r.Updated = time.Now().UTC()
	r.Created = r.Updated
	if old != nil {
		r.Created = old.Created
	}
	f.Resources = append(f.Resources, r)
}
