package cli

import (
	"context"

	"bascule/cmd/view"

	"github.com/urfave/cli/v2"
)

func showCommand() *command {
	return &command{
		name: "show", args: "[PLAN]", maxArgs: 1,
		about: "print a saved plan, or the state",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "sql", Usage: "print the statements of the plan, step by step"},
			&cli.BoolFlag{Name: "markdown", Usage: "print the plan as Markdown, for a review"},
		},
		examples: [][2]string{
			{"bascule show", "what exists"},
			{"bascule show app.plan", "what a saved plan would do"},
			{"bascule show -sql app.plan", "and with which SQL"},
		},
		run: runShow,
	}
}

func runShow(ctx context.Context, c *call) error {
	path := c.flags.Args().First()
	if path == "" {
		return c.showState(ctx)
	}
	p, err := readPlan(path)
	if err != nil {
		return err
	}
	switch {
	case c.flags.Bool("sql"):
		return c.screen.SQL(p)
	case c.flags.Bool("markdown"):
		return c.screen.Text(view.PlanMarkdown(p, nil))
	}
	return c.screen.Plan(view.PlanReport{Plan: p})
}

func (c *call) showState(ctx context.Context) error {
	if c.flags.Bool("sql") || c.flags.Bool("markdown") {
		return usagef("-sql and -markdown are for a plan: bascule show -sql FILE")
	}
	store, file, err := c.stateOnly(ctx)
	if err != nil {
		return err
	}
	return c.screen.State(file, store.Path())
}
