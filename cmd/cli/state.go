package cli

import (
	"context"
	"fmt"
	"slices"

	"bascule/state"
)

func stateCommand() *command {
	return &command{
		name:  "state",
		about: "look into the state, and forget what is out of reach",
		sub: []*command{
			{
				name: "list", about: "print the addresses in the state",
				examples: [][2]string{{"bascule state list", "what exists because of us"}},
				run: func(ctx context.Context, c *call) error {
					_, file, err := c.stateOnly(ctx)
					if err != nil {
						return err
					}
					return c.screen.Addresses(file)
				},
			},
			{
				name: "show", args: "ADDR", minArgs: 1, maxArgs: 1, about: "print one resource of the state",
				examples: [][2]string{{"bascule state show mirror.app", "what was applied for a mirror"}},
				run:      runStateShow,
			},
			{
				name: "rm", args: "ADDR", minArgs: 1, maxArgs: 1, about: "forget a mirror; nothing on a database changes",
				more: "For a mirror whose target is gone for good: apply takes it away from its source, and keeps it in the state until the target can be reached. " +
					"What a mirror still has on its source when it is forgotten is an orphan, which bascule slots -prune drops.",
				examples: [][2]string{{"bascule state rm mirror.app", "its target does not come back"}},
				run:      runStateForget,
			},
		},
	}
}

func runStateShow(ctx context.Context, c *call) error {
	store, file, err := c.stateOnly(ctx)
	if err != nil {
		return err
	}
	address := c.flags.Args().First()
	r := file.Find(address)
	if r == nil {
		return fmt.Errorf("%s is not in the state %s%s", address, store.Path(), didYouMean(address, addresses(file)))
	}
	return c.screen.Resource(r)
}

// runStateForget takes a mirror out of the state. A ddl block leaves it when it is not
// declared any more, and a peer when no mirror names it.
func runStateForget(ctx context.Context, c *call) error {
	w, err := c.stateWorkspace()
	if err != nil {
		return err
	}
	unlock, err := c.lock(ctx, w)
	if err != nil {
		return err
	}
	defer unlock()
	if err := w.load(ctx); err != nil {
		return err
	}
	address := c.flags.Args().First()
	r := w.file.Find(address)
	switch {
	case r == nil:
		return fmt.Errorf("%s is not in the state %s%s", address, w.store.Path(), didYouMean(address, addresses(w.file)))
	case r.Mirror == nil:
		return usagef("%s is no mirror: take its block out of the files, and apply", address)
	}
	w.file.Resources = slices.DeleteFunc(w.file.Resources, func(x *state.Resource) bool { return x == r })
	w.file.Journal = slices.DeleteFunc(w.file.Journal, func(e state.JournalEntry) bool { return e.Address == address })
	if err := w.store.Save(ctx, w.file); err != nil {
		return fmt.Errorf("save the state: %w", err)
	}
	return c.screen.Forgotten(r)
}

func addresses(f *state.File) []string {
	var list []string
	for _, r := range f.Resources {
		list = append(list, r.Address)
	}
	return list
}
