package session

import (
	"context"
	"time"
)

// Pause waits for d between two looks at a server, or two tries of work that failed for
// what is Transient. When ctx ends before, it returns the cause of that at once.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
