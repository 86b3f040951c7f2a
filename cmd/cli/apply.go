package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"bascule/cmd/view"
	"bascule/executor"
	"bascule/planner"

	"github.com/urfave/cli/v2"
)

// applyFlags are those of apply and of destroy.
func applyFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.BoolFlag{Name: "auto-approve", Usage: "do not ask"},
		&cli.IntFlag{Name: "parallelism", Usage: "work on `N` mirrors at once (default 2)"},
		&cli.StringSliceFlag{Name: "allow-data-loss", Usage: "let rows of the target be overwritten by `ADDR`; may be repeated"},
		&cli.StringFlag{Name: "wait", Value: executor.WaitStreaming, Usage: "how long to stay with a continuous mirror: until it is `streaming` (caught up), copied, or none"},
		&cli.DurationFlag{Name: "wait-timeout", Usage: "exit with 8 when -wait takes longer than `D`; the work goes on at the next apply or run"},
		&cli.StringFlag{Name: "expect-digest", Usage: "apply only the plan with this `DIGEST`, as plan printed it"},
	}, targetFlags()...)
}

func applyCommand() *command {
	return &command{
		name: "apply", args: "[PLAN]", maxArgs: 1,
		about: "make the databases what the configuration says",
		more: "Plans, asks, and does it. With a saved plan it does exactly that, without asking, or " +
			"nothing when anything moved since. Ctrl-C once finishes what must be finished; twice stops. " +
			"Whatever ended it, the same command continues.",
		flags: append([]cli.Flag{&cli.BoolFlag{Name: "destroy", Usage: "remove everything instead"}, replaceFlag()}, applyFlags()...),
		examples: [][2]string{
			{"bascule apply", "plan, ask, do"},
			{"bascule apply app.plan", "do what a saved plan says"},
			{"bascule apply -auto-approve -json", "for a pipeline"},
			{"bascule apply -allow-data-loss=mirror.app", "overwrite rows that the target has"},
		},
		run: func(ctx context.Context, c *call) error { return runApply(ctx, c, c.flags.Bool("destroy")) },
	}
}

func destroyCommand() *command {
	return &command{
		name:  "destroy",
		about: "take away what apply created; the copied data stays",
		flags: applyFlags(),
		examples: [][2]string{
			{"bascule destroy", "everything in the state"},
			{"bascule destroy -target=mirror.app", "one mirror"},
		},
		run: func(ctx context.Context, c *call) error { return runApply(ctx, c, true) },
	}
}

// runApply plans, asks and applies; or applies a saved plan.
func runApply(ctx context.Context, c *call, destroy bool) error {
	a := &application{call: c, destroy: destroy, saved: c.flags.Args().First()}
	if err := a.allowed(); err != nil {
		return err
	}
	if err := a.read(); err != nil {
		return err
	}
	w, err := c.open()
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
	p, err := a.choose(ctx, w)
	if err != nil {
		return err
	}
	if p.Empty() {
		return a.execute(ctx, w, p)
	}
	if err := a.confirm(ctx, p); err != nil {
		return err
	}
	return a.execute(ctx, w, p)
}

// application is one run of apply.
type application struct {
	*call
	destroy bool
	saved   string // the plan's file, or ""
	kept    *planner.Plan
}

// read reads the saved plan, if there is one.
func (a *application) read() (err error) {
	if a.saved == "" {
		return nil
	}
	if a.kept, err = readPlan(a.saved); err != nil {
		return err
	}
	return a.expected(a.kept)
}

// allowed refuses, before anything is connected to, what could not be approved.
func (a *application) allowed() error {
	if w := a.flags.String("wait"); w != executor.WaitStreaming && w != executor.WaitCopied && w != executor.WaitNone {
		return usagef("-wait=%s is none of streaming, copied and none", w)
	}
	if a.saved != "" {
		for _, name := range []string{"target", "exclude", "replace", "destroy"} {
			if a.flags.IsSet(name) {
				return usagef("-%s is decided when a plan is made; it does not go with a saved one", name)
			}
		}
		return nil
	}
	if a.flags.Bool("auto-approve") {
		return nil
	}
	if !a.flags.Bool("input") || !isTerminal(a.stdin) {
		return &notApprovedError{
			text: "there is no terminal to ask on, and nothing approves this in advance",
			hint: "pass -auto-approve, or apply a saved plan: bascule plan -out=FILE, then bascule apply FILE",
		}
	}
	return nil
}

// choose returns the plan to apply, after showing it and making sure that it may be.
func (a *application) choose(ctx context.Context, w *workspace) (*planner.Plan, error) {
	part, err := a.scope(a.destroy)
	if err != nil {
		return nil, err
	}
	if a.kept != nil {
		part = scope{destroy: a.kept.Destroy, targets: a.kept.Targets, excludes: a.kept.Excludes, replaces: a.kept.Replaces}
		if a.kept.StateSerial == 0 && w.file.Serial == 0 {
			w.file.Lineage = a.kept.Lineage // of the state that the plan is to begin
		}
	}
	p, err := a.plan(ctx, w, part)
	if err != nil {
		return nil, err
	}
	if a.kept != nil {
		if moved := planner.Stale(a.kept, p); len(moved) > 0 {
			return nil, &staleError{text: fmt.Sprintf("%s is not what would be done now:", a.saved), moved: moved}
		}
		p = a.kept
	} else if err := a.expected(p); err != nil {
		return nil, err
	}
	if err := a.show(w, p); err != nil {
		return nil, err
	}
	return p, refusal(p, a.flags.StringSlice("allow-data-loss"))
}

// show prints a plan that nobody has seen yet, unless there is nothing in it: then
// the result says so.
func (a *application) show(w *workspace, p *planner.Plan) error {
	report := view.PlanReport{Plan: p, Sources: w.cfg.Sources}
	switch {
	case a.screen.JSON():
		a.screen.PlanAside(report)
		return nil
	case a.saved != "":
		return nil
	}
	return a.screen.Plan(report)
}

// expected compares the plan's digest with -expect-digest, which may be the first
// digits of it.
func (a *application) expected(p *planner.Plan) error {
	want := strings.TrimPrefix(a.flags.String("expect-digest"), "sha256:")
	got := strings.TrimPrefix(p.Digest(), "sha256:")
	if want == "" || len(want) >= 8 && strings.HasPrefix(got, want) {
		return nil
	}
	return &staleError{text: fmt.Sprintf("the plan's digest is sha256:%s, and -expect-digest says %s", got, want)}
}

// confirm asks, and takes nothing but yes.
func (a *application) confirm(ctx context.Context, p *planner.Plan) error {
	if a.saved != "" || a.flags.Bool("auto-approve") {
		return nil
	}
	a.screen.Ask("\nDo this? Only yes is taken for an answer: ")
	answer, err := a.readLine(ctx)
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != "yes" {
		return &notApprovedError{text: "not approved; nothing was done"}
	}
	return nil
}

// execute does what the plan says, with progress on standard error.
func (a *application) execute(ctx context.Context, w *workspace, p *planner.Plan) error {
	progress := a.newProgress()
	log, err := a.newLog(progress)
	if err != nil {
		return err
	}
	begun := time.Now()
	result, err := a.shown(ctx, w, p, progress, func() (*executor.Result, error) {
		return executor.Apply(ctx, executor.Config{
			Plan: p, Config: w.cfg, State: w.file, Store: w.store, Sink: progress, Log: log,
			Wait: a.flags.String("wait"), WaitTimeout: a.flags.Duration("wait-timeout"), Parallelism: a.flags.Int("parallelism"), AllowDataLoss: a.flags.StringSlice("allow-data-loss"),
		})
	})
	if p.Empty() && err == nil {
		return a.nothing(w, p)
	}
	return a.report(ctx, w, p, result, err, time.Since(begun))
}

// shown runs work while progress is drawn.
func (a *application) shown(ctx context.Context, w *workspace, p *planner.Plan, progress *view.Progress, work func() (*executor.Result, error)) (*executor.Result, error) {
	// A cancelled apply still has things to finish, and to show.
	drawing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { progress.Run(drawing) })
	for _, target := range targets(w, p) {
		wg.Go(func() { a.watchBuilds(drawing, target, progress) })
	}
	defer wg.Wait()
	defer stop()
	return work()
}

func (a *application) newProgress() *view.Progress {
	return view.NewProgress(view.ProgressConfig{
		Writer: a.stderr, Terminal: isTerminal(a.stderr) && !a.screen.JSON(),
		Color: a.colored(a.stderr),
		Size:  func() (int, int) { return terminalSize(a.stderr) },
	})
}

// nothing answers in JSON that nothing was to be done; in text the plan did.
func (a *application) nothing(w *workspace, p *planner.Plan) error {
	if !a.screen.JSON() {
		return nil
	}
	return a.screen.Result(view.ResultReport{State: w.store.Path(), Serial: w.file.Serial})
}
