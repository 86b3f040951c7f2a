package cli

import (
	"context"

	"bascule/cmd/view"

	"github.com/urfave/cli/v2"
)

func planCommand() *command {
	return &command{
		name:  "plan",
		about: "say what apply would do, and write nothing",
		more: "Exit code 0, or with -detailed-exitcode 2 when there is something to do. A plan that " +
			"cannot be applied ends with 1, or with 4 when a protection refuses it.",
		flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "keep the plan in `FILE` for apply"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 2 when there are changes"},
			&cli.BoolFlag{Name: "destroy", Usage: "plan the removal of everything"},
			replaceFlag(),
		}, targetFlags()...),
		examples: [][2]string{
			{"bascule plan", "what would happen"},
			{"bascule plan -out=app.plan", "keep it, to apply exactly that"},
			{"bascule plan -detailed-exitcode -json", "for a pipeline"},
			{`bascule plan -replace='mirror.app.table["public.orders"]'`, "copy one table again"},
		},
		run: runPlan,
	}
}

func runPlan(ctx context.Context, c *call) error {
	w, err := c.open()
	if err != nil {
		return err
	}
	if err := w.load(ctx); err != nil {
		return err
	}
	part, err := c.scope(c.flags.Bool("destroy"))
	if err != nil {
		return err
	}
	p, err := c.plan(ctx, w, part)
	if err != nil {
		return err
	}
	report := view.PlanReport{Plan: p, Sources: w.cfg.Sources}
	if out := c.flags.String("out"); out != "" && !p.Refused() {
		if err := savePlan(out, p); err != nil {
			return err
		}
		report.Saved = out
	}
	if err := c.screen.Plan(report); err != nil {
		return err
	}
	switch {
	case p.Refused():
		return shownError(p.ExitCode())
	case c.flags.Bool("detailed-exitcode") && !p.Empty():
		return shownError(exitChanges)
	}
	return nil
}

// replaceFlag names what is copied again.
func replaceFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "replace", Usage: "copy `ADDR` again: a mirror, or mirror.NAME.table[\"schema.table\"] of one that streams; may be repeated"}
}

// scope reads -target, -exclude and -replace.
func (c *call) scope(destroy bool) (scope, error) {
	s := scope{destroy: destroy, targets: c.flags.StringSlice("target"), excludes: c.flags.StringSlice("exclude"), replaces: c.flags.StringSlice("replace")}
	if destroy && len(s.replaces) > 0 {
		return s, usagef("-replace copies something again, and -destroy removes everything: they do not go together")
	}
	return s, nil
}
