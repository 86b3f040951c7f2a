package cli

import (
	"context"
	"fmt"

	"bascule/state"
)

func stateCommand() *command {
	return &command{
		name:  "state",
		about: "look into the state",
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

func addresses(f *state.File) []string {
	var list []string
	for _, r := range f.Resources {
		list = append(list, r.Address)
	}
	return list
}
