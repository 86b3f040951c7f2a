package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"bascule/config"
	"bascule/executor/command"
	"bascule/executor/journal"
	"bascule/executor/progress"
	"bascule/executor/removal"
	"bascule/planner"
	"bascule/state"
)

// Config sets up an Apply. Plan, Config, State and Store are required.
type Config struct {
	Plan   *planner.Plan
	Config *config.Config
	State  *state.File
	Store  state.Store

	Sink progress.Sink // default: nobody
	Log  *slog.Logger  // default: nobody

	// Parallelism is how many changes are carried out at once. Default 2.
	Parallelism int

	// Wait is what an apply of a continuous mirror waits for before it lets go:
	// "streaming" (the default), until the mirror has caught up; "copied", until
	// nothing is left to copy and to build; "none", as copied. WaitTimeout bounds it;
	// 0 is for ever.
	Wait        string
	WaitTimeout time.Duration

	// AllowDataLoss names addresses whose changes may overwrite rows of the target.
	AllowDataLoss []string
}

// Statuses of an outcome.
const (
	Done        = "done"
	Failed      = "failed"
	Interrupted = "interrupted"
	Skipped     = "skipped"
)

// Result says how an apply ended.
type Result struct {
	Outcomes []Outcome

	// Left says what still holds resources on a peer.
	Left []string
}

// Outcome is how one change ended. Err is nil when it is Done or Skipped. Remark is
// what the operator has to do next, or "".
type Outcome struct {
	Address, Action, Status string
	Err                     error
	Remark                  string
}

// RefusedError reports that a plan must not be applied as it is.
type RefusedError struct {
	Reason string
	Fix    string
	Code   int
}

func (e *RefusedError) Error() string { return e.Reason }

// Hint says what the operator can do about it.
func (e *RefusedError) Hint() string { return e.Fix }

// ExitCode is 4 where something is protected, else 1.
func (e *RefusedError) ExitCode() int { return e.Code }

// Apply carries out the plan's changes. The result is never nil, and says how each
// ended; the error joins those of the changes. The state is saved whatever
// happens.
func Apply(ctx context.Context, cfg Config) (*Result, error) {
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Sink == nil {
		cfg.Sink = progress.Discard
	}
	if err := allowed(cfg); err != nil {
		return &Result{}, err
	}
	a := &apply{Journal: journal.New(cfg.State, cfg.Store, cfg.Log), cfg: cfg, peers: map[string]*config.Peer{}}
	for _, p := range cfg.Config.Peers {
		a.peers[p.Address] = p
	}
	if cfg.Plan.Empty() {
		return &Result{}, nil
	}
	if err := a.recordPeers(ctx); err != nil {
		return &Result{}, err
	}
	a.outcomes = make([]Outcome, len(cfg.Plan.Changes))
	for _, group := range phases(cfg.Plan.Changes) {
		a.run(ctx, group)
	}
	result := &Result{Outcomes: a.outcomes, Left: removal.Left(cfg.State)}
	var errs []error
	for _, o := range a.outcomes {
		if o.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.Address, o.Err))
		}
	}
	if ctx.Err() != nil && len(errs) == 0 {
		errs = append(errs, context.Cause(ctx))
	}
	return result, errors.Join(errs...)
}

// allowed refuses what must not begin.
func allowed(cfg Config) error {
	p := cfg.Plan
	if code := p.ExitCode(); code != 0 {
		return &RefusedError{Reason: "the plan has errors; nothing was changed", Fix: "correct what they name, and apply again", Code: code}
	}
	for _, c := range p.Changes {
		if len(c.DataLoss) > 0 && !slices.Contains(cfg.AllowDataLoss, c.Address) {
			return &RefusedError{Code: 4,
				Reason: fmt.Sprintf("%s would overwrite %s on the target: %s", c.Address, count(len(c.DataLoss)), strings.Join(c.DataLoss[:min(5, len(c.DataLoss))], ", ")),
				Fix:    fmt.Sprintf("if that may be lost, apply with -allow-data-loss='%s'", c.Address)}
		}
	}
	return nil
}

func count(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// phases splits the changes, in the plan's order, into groups that may run at once:
// removals, then mirrors, then commands, each by itself, then what is forgotten.
func phases(changes []planner.Change) [][]int {
	var groups [][]int
	last := ""
	for i, c := range changes {
		kind := "mirror"
		switch {
		case c.Action == planner.Remove || c.Action == planner.Forget:
			kind = c.Action
		case c.DDL != nil:
			kind = "ddl"
		}
		if kind != last || kind == "ddl" {
			groups = append(groups, nil)
			last = kind
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], i)
	}
	return groups
}

// apply is one Apply at work.
type apply struct {
	*journal.Journal
	cfg      Config
	peers    map[string]*config.Peer
	outcomes []Outcome
}

// run carries out the changes with these indexes, some at once.
func (a *apply) run(ctx context.Context, indexes []int) {
	slots := make(chan struct{}, max(1, cmp.Or(a.cfg.Parallelism, 2)))
	var all sync.WaitGroup
	for _, i := range indexes {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			a.outcomes[i] = a.change(ctx, &a.cfg.Plan.Changes[i])
		})
	}
	all.Wait()
}

// change carries out one change and says how it ended.
func (a *apply) change(ctx context.Context, c *planner.Change) Outcome {
	o := Outcome{Address: c.Address, Action: c.Action, Status: Skipped}
	if ctx.Err() != nil || !a.mayRun(c) {
		return o
	}
	begun := time.Now()
	a.cfg.Sink.Event(progress.ChangeStarted{Address: c.Address, Action: c.Action})
	switch {
	case c.Action == planner.Forget && c.DDL != nil:
		o.Err = command.Forget(ctx, a.commands(), c)
	case c.Action == planner.Forget:
		o.Err = a.Settle(ctx, c.Address, nil)
	case c.DDL != nil:
		o.Remark, o.Err = command.Run(ctx, a.commands(), c)
	case c.Action == planner.Remove:
		o.Remark, o.Err = removal.Run(ctx, a.removals(), c)
	case protects(c):
		o.Err = a.protect(ctx, c)
	case c.Mirror != nil && c.Mirror.AdoptFrom != "":
		o.Err = a.adopt(ctx, c)
	case c.Mirror != nil && c.Mirror.Stream != nil:
		o.Remark, o.Err = a.follow(ctx, c)
	case c.Mirror != nil:
		o.Err = a.mirror(ctx, c)
	}
	switch {
	case o.Err == nil:
		o.Status = Done
	case ctx.Err() != nil:
		o.Status = Interrupted
	default:
		o.Status = Failed
	}
	a.cfg.Sink.Event(progress.ChangeEnded{Address: c.Address, Action: c.Action, Took: time.Since(begun), Err: o.Err})
	return o
}

// commands sets up the carrying out of ddl blocks.
func (a *apply) commands() command.Config {
	return command.Config{Plan: a.cfg.Plan, Config: a.cfg.Config, Peers: a.peers, State: a.cfg.State, Journal: a.Journal,
		Sink: a.cfg.Sink, Log: a.cfg.Log, WaitTimeout: a.cfg.WaitTimeout}
}

// removals sets up the removal of mirrors.
func (a *apply) removals() removal.Config {
	return removal.Config{Peers: a.peers, State: a.cfg.State, Journal: a.Journal, Sink: a.cfg.Sink, Log: a.cfg.Log}
}

// mayRun reports whether a change may begin. A command comes after all that the plan
// has before it: where one of those has failed, it does not.
func (a *apply) mayRun(c *planner.Change) bool {
	if c.DDL == nil || c.Action == planner.Forget {
		return true
	}
	for i := range a.cfg.Plan.Changes {
		before := &a.cfg.Plan.Changes[i]
		if before == c {
			return true
		}
		concerns := before.DDL != nil || slices.ContainsFunc(c.DDL.Mirrors, func(m planner.DDLMirror) bool { return m.Address == before.Address })
		if concerns && a.outcomes[i].Status != Done {
			return false
		}
	}
	return true
}
