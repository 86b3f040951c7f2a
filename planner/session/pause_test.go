package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"bascule/planner/session"
)

func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopped := errors.New("stopped")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { stop(stopped) })
		begun := time.Now()
		if err := session.Pause(ctx, time.Second); err != nil || time.Since(begun) != time.Second {
			t.Errorf("a second: %v after %v", err, time.Since(begun))
		}
		if err := session.Pause(ctx, time.Second); err != stopped || time.Since(begun) != 1500*time.Millisecond {
			t.Errorf("stopped: %v after %v", err, time.Since(begun))
		}
	})
}
