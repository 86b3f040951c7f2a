package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"bascule/config"
	"bascule/executor/keep"
	"bascule/planner"

	"github.com/urfave/cli/v2"
)

func keepCommand() *command {
	return &command{
		name:  "run",
		about: "keep every continuous mirror streaming, until stopped",
		more: "It streams what apply has made, and takes from the files no more than how to connect: a changed " +
			"file changes nothing until it is applied, and what is applied is taken up without a restart. apply may " +
			"run beside it. A mirror with an engine of its servers needs no runner. A second one waits for the first. " +
			"SIGTERM or Ctrl-C lets the batches in work land; with -json there is one JSON object a line for each event.",
		flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "mirror", Usage: "only `ADDR`; may be repeated"},
			&cli.StringSliceFlag{Name: "retry", Usage: "try `ADDR` again, which an error has halted; may be repeated"},
		},
		examples: [][2]string{
			{"bascule run", "every continuous mirror"},
			{"bascule run -mirror=mirror.app", "one"},
			{"bascule run -retry=mirror.app", "all, and one again whose error was corrected"},
		},
		run: runKeep,
	}
}

func runKeep(ctx context.Context, c *call) error {
	w, err := c.open()
	if err != nil {
		return err
	}
	only, retry := c.flags.StringSlice("mirror"), c.flags.StringSlice("retry")
	if err := continuous(w.cfg, only, retry); err != nil {
		return err
	}
	if err := w.load(ctx); err != nil {
		return err
	}
	if !c.screen.JSON() && byServers(w.cfg, only) {
		c.screen.Say("Servers keep these mirrors in step themselves: nothing has to run for them. This process streams only what an apply that is interrupted leaves without its engine.")
	}
	lines := c.screen.Events(time.Now)
	err = keep.Run(ctx, keep.Config{
		Config: w.cfg, State: w.file, Store: w.store, Only: only, Retry: retry, Sink: lines, Log: c.log,
	})
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return shownError(signalCode(ctx)) // each mirror has said that it stopped
	}
	return err
}

// continuous refuses to run what cannot be.
func continuous(cfg *config.Config, lists ...[]string) error {
	var can, all []string
	for _, m := range cfg.Mirrors {
		all = append(all, m.Address)
		if m.Continuous {
			can = append(can, m.Address)
		}
	}
	for _, address := range slices.Concat(lists...) {
		switch {
		case slices.Contains(can, address):
		case slices.Contains(all, address):
			return usagef("%s is not continuous: apply copies it once", address)
		default:
			return usagef("%s is not declared%s", address, didYouMean(address, can))
		}
	}
	if len(can) == 0 {
		return errors.New("no mirror of the configuration is continuous; there is nothing to run")
	}
	return nil
}

// byServers reports whether all mirrors that are to run are moved by their servers.
func byServers(cfg *config.Config, only []string) bool {
	return !slices.ContainsFunc(cfg.Mirrors, func(m *config.Mirror) bool {
		return m.Continuous && m.Engine != planner.EngineSubscription && m.Engine != planner.EnginePglogical && (len(only) == 0 || slices.Contains(only, m.Address))
	})
}
