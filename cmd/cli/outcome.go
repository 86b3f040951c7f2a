package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bascule/cmd/view"
	"bascule/executor"
	"bascule/planner"
)

// report shows how the apply ended and turns its error into the exit code.
func (a *application) report(ctx context.Context, w *workspace, p *planner.Plan, result *executor.Result, err error, took time.Duration) error {
	r := view.ResultReport{
		State: w.store.Path(), Serial: w.file.Serial, Took: took,
		Stopped: err != nil && ctx.Err() != nil, Failed: err != nil, Sources: w.cfg.Sources,
	}
	var open []string
	explained := r.Stopped && errors.Is(err, context.Canceled)
	if result != nil {
		r.Left = result.Left
		for _, o := range result.Outcomes {
			r.Outcomes = append(r.Outcomes, viewed(o, p))
			if o.Status != executor.Done && strings.HasPrefix(o.Address, "mirror.") {
				open = append(open, o.Address)
			}
			explained = explained || o.Err != nil
		}
	}
	if err != nil && len(r.Left) == 0 {
		r.Left = left(r.Outcomes, p)
	}
	if err != nil {
		r.Continue, r.GiveUp = a.continueLine(), a.giveUpLine(open)
	}
	if shown := a.screen.Result(r); shown != nil || err == nil {
		return shown
	}
	if explained {
		return shownError(partWayCode(ctx, err))
	}
	return &partWayError{err}
}

// left says what mirrors that are not complete keep on their targets. A copy that
// has ended holds nothing on its source.
func left(outcomes []view.Outcome, p *planner.Plan) []string {
	var list []string
	for _, o := range outcomes {
		i := slices.IndexFunc(p.Changes, func(c planner.Change) bool { return c.Address == o.Address })
		if o.Status == executor.Done || o.Status == executor.Skipped || i < 0 || p.Changes[i].Mirror == nil {
			continue
		}
		m := p.Changes[i].Mirror
		if s := m.Stream; s != nil && s.OwnSlot && o.Action != planner.Remove {
			list = append(list, m.Source+": replication slot "+s.Slot+", if it was made, and the WAL that it keeps; publication "+s.Publication)
		}
		list = append(list, m.Target+": what "+o.Address+" has made and copied so far, and its records in schema bascule")
	}
	return list
}

// viewed adds to an outcome where its change comes from.
func viewed(o executor.Outcome, p *planner.Plan) view.Outcome {
	v := view.Outcome{Address: o.Address, Action: o.Action, Status: o.Status, Err: o.Err, Remark: o.Remark}
	i := slices.IndexFunc(p.Changes, func(c planner.Change) bool { return c.Address == o.Address })
	if i >= 0 {
		v.File, v.Line = p.Changes[i].File, p.Changes[i].Line
	}
	return v
}

// partWayError is an error of an apply that had begun.
type partWayError struct{ err error }

func (e *partWayError) Error() string { return e.err.Error() }

func (e *partWayError) Unwrap() error { return e.err }

// ExitCode is what the error says, or that the same command continues.
func (e *partWayError) ExitCode() int { return partWayCode(context.Background(), e.err) }

func partWayCode(ctx context.Context, err error) int {
	if code := exitCode(ctx, err); code != exitError {
		return code
	}
	return exitPartWay
}

// continueLine is the command that goes on. A saved plan is used up by the attempt.
func (a *application) continueLine() string {
	words := []string{"bascule", "apply"}
	if a.destroy {
		words = []string{"bascule", "destroy"}
	}
	return view.Shell(append(words, a.sameFlags("target", "exclude", "allow-data-loss")...)...)
}

// giveUpLine is the command that takes away what was begun.
func (a *application) giveUpLine(open []string) string {
	if a.destroy || len(open) == 0 {
		return ""
	}
	words := append([]string{"bascule", "destroy"}, a.sameFlags()...)
	for _, address := range slices.Compact(slices.Sorted(slices.Values(open))) {
		words = append(words, "-target="+address)
	}
	return view.Shell(words...)
}

// sameFlags repeats the flags that say what is worked on. Values of variables may be
// secret, so they are left to be filled in.
func (a *application) sameFlags(more ...string) []string {
	var words []string
	for _, name := range []string{"chdir", "state"} {
		if v := a.flags.String(name); v != "" {
			words = append(words, "-"+name+"="+v)
		}
	}
	for _, name := range append([]string{"var-file"}, more...) {
		for _, v := range a.flags.StringSlice(name) {
			words = append(words, "-"+name+"="+v)
		}
	}
	for _, v := range a.flags.StringSlice("var") {
		name, _, _ := strings.Cut(v, "=")
		words = append(words, "-var="+name+"=...")
	}
	return words
}
