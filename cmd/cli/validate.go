package cli

import (
	"context"

	"bascule/cmd/view"
	"bascule/config"

	"github.com/urfave/cli/v2"
)

func validateCommand() *command {
	return &command{
		name:  "validate",
		about: "check the configuration without connecting to anything",
		flags: []cli.Flag{&cli.StringFlag{Name: "format", Value: "text", Usage: "print `text` or json"}},
		examples: [][2]string{
			{"bascule validate", "all errors of all files, with their lines"},
			{"bascule validate -format=json", "the same for a program"},
		},
		run: runValidate,
	}
}

func runValidate(_ context.Context, c *call) error {
	switch f := c.flags.String("format"); f {
	case "text":
	case "json":
		c.screen = c.newScreen(true, true)
	default:
		return usagef("-format=%s is not known; there are text and json", f)
	}
	in, err := c.inputs()
	if err != nil {
		return err
	}
	cfg, diags := config.Load(".", in)
	if err := c.screen.Validated(view.FromHCL(diags, cfg.Sources), len(cfg.Peers), len(cfg.Mirrors)); err != nil {
		return err
	}
	if diags.HasErrors() {
		return shownError(exitError)
	}
	return nil
}
