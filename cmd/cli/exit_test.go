package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bascule/state"
)

// signalled is a context that ended as signal.NotifyContext ends it.
func signalled(text string) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New(text))
	return ctx
}

func TestExitCode(t *testing.T) {
	going := context.Background()
	wrap := func(err error) error { return fmt.Errorf("apply: %w", err) }
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"success", going, nil, 0},
		{"any error", going, errors.New("x"), 1},
		{"changes", going, shownError(exitChanges), 2},
		{"refused", going, wrap(&refusedError{code: exitRefused}), 4},
		{"locked", going, wrap(&state.LockedError{}), 5},
		{"stale", going, wrap(&staleError{}), 6},
		{"not approved", going, wrap(&notApprovedError{}), 7},
		{"part-way", going, &partWayError{errors.New("x")}, 9},
		{"part-way, for a reason with a code", going, &partWayError{wrap(&state.LockedError{})}, 5},
		{"usage", going, wrap(usagef("x")), 64},
		{"SIGINT", signalled("interrupt signal received"), wrap(context.Canceled), 130},
		{"SIGTERM", signalled("terminated signal received"), wrap(context.Canceled), 143},
		{"SIGTERM, part-way", signalled("terminated signal received"), &partWayError{errors.New("x")}, 143},
		{"a signal that came too late", signalled("terminated signal received"), nil, 0},
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestCrash(t *testing.T) {
	var stdout, stderr strings.Builder
	p := &program{stdout: &stdout, stderr: &stderr}
	p.screen = p.newScreen(true, false)
	code := p.guard(context.Background(), func() error { panic("out of cheese") })
	if code != 11 || !strings.Contains(stderr.String(), "out of cheese") || !strings.Contains(stderr.String(), "TestCrash") {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
	if !strings.Contains(stdout.String(), `"exit_code": 11`) {
		t.Errorf("no JSON: %s", stdout.String())
	}
}
