package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"
)

// starterFile is what init writes.
const starterFile = "main.hcl"

func initCommand() *command {
	return &command{
		name:  "init",
		about: "write a commented starter main.hcl",
		more: "With -from and -to the two databases are filled in. A password in a URL is not " +
			"written: the file reads it from an environment variable.",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the source: `URL`"},
			&cli.StringFlag{Name: "to", Usage: "the target: `URL`"},
		},
		examples: [][2]string{
			{"bascule init", "a file to fill in"},
			{"bascule init -from postgres://me@old:5432/app -to postgres://me@new:5432/app", "filled in for two databases"},
		},
		run: runInit,
	}
}

func runInit(_ context.Context, c *call) error {
	source, err := peerFromURL("source", "SOURCE", c.flags.String("from"))
	if err != nil {
		return err
	}
	target, err := peerFromURL("target", "TARGET", c.flags.String("to"))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(starterFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and is not overwritten", starterFile)
	} else if err != nil {
		return err
	}
	_, err = f.WriteString(starter(source, target))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return c.screen.Started(starterFile, append(source.variables(), target.variables()...))
}
