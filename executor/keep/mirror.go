package keep

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// A runner tries again for ever, with pauses between these two.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 30 * time.Second

	// steadyAfter is how long a session must have lived for the pauses to begin anew.
	steadyAfter = time.Minute

	// lookEvery is how often a runner looks at the ledger when nothing notifies it, and
	// lookTime how long that may take: a server that vanished would be waited for until
	// the kernel gives up to send.
	lookEvery = time.Second
	lookTime  = 30 * time.Second
)

// keeper keeps one mirror streaming.
type keeper struct {
	address, name, id string
	source, target    *config.Peer
	sink              progress.Sink
	log               *slog.Logger

	// streamLog names no mirror: the stream does.
	streamLog *slog.Logger

	// retry: a halt is cleared once.
	retry bool

	// said is what the mirror waits for, as it was last told.
	said string
}

// run keeps the mirror until ctx ends.
func (k *keeper) run(ctx context.Context) {
	for wait := firstPause; ctx.Err() == nil; wait = min(2*wait, lastPause) {
		begun := time.Now()
		err := k.attend(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > steadyAfter {
			wait = firstPause
		}
		k.said = ""
		k.sink.Event(progress.Retrying{Mirror: k.name, What: "streaming", Err: err, In: wait})
		k.log.InfoContext(ctx, "streaming tried again", "error", err, "in", wait)
		if session.Pause(ctx, wait) != nil {
			return
		}
	}
}

// attend keeps the mirror over one session on the target. It returns the error that
// ended that, or when ctx ends.
func (k *keeper) attend(ctx context.Context) error {
	conn, err := session.Open(ctx, k.target, session.Options{Application: session.Application(k.address, "run")})
	if err != nil {
		return err
	}
	defer session.Close(ctx, conn)
	if err := ledger.Presence(ctx, conn, k.id); err != nil {
		return err
	}
	if err := ledger.Listen(ctx, conn); err != nil {
		return err
	}
	if err := k.clear(ctx, conn); err != nil {
		return err
	}
	for {
		mine, err := k.take(ctx, conn)
		if err == nil && mine {
			err = k.hold(ctx, conn)
		}
		if err == nil {
			err = ledger.Await(ctx, conn, k.id, lookEvery)
		}
		if err != nil {
			return err
		}
	}
}

// clear forgets a halt that the operator wants to be tried again. It needs no lease:
// whoever holds the mirror goes on.
func (k *keeper) clear(ctx context.Context, conn *pgx.Conn) error {
	if !k.retry {
		return nil
	}
	signals, err := ledger.Look(ctx, conn, k.id)
	if err == nil && signals.Halted {
		if err = ledger.SetHalt(ctx, conn, k.id, nil); err == nil {
			err = ledger.Notify(ctx, conn, k.id)
		}
	}
	if err == nil {
		k.retry = false
	}
	return err
}

// take takes the lease when there is something to stream and nobody else is at it.
func (k *keeper) take(ctx context.Context, conn *pgx.Conn) (bool, error) {
	signals, err := k.look(ctx, conn)
	switch {
	case err != nil:
		return false, err
	case signals.Wanted:
		return false, nil
	case signals.Generation == 0:
		k.say("has no record on its target; it is streamed as soon as `bascule apply` has made it")
		return false, nil
	case signals.Phase != catalog.PhaseStreaming:
		k.say("is not copied yet (" + signals.Phase + "); it is streamed as soon as `bascule apply` has done that")
		return false, nil
	case signals.Handed:
		k.say("is kept in step by its servers, and needs no runner")
		return false, nil
	}
	held, err := ledger.TryLease(ctx, conn, k.id)
	if err != nil {
		return false, err
	}
	if held != nil && held.PID != 0 {
		k.say("waiting: " + held.Error())
	}
	return held == nil, nil
}

// look reads the mirror's signals.
func (k *keeper) look(ctx context.Context, conn *pgx.Conn) (ledger.Signals, error) {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	signals, err := ledger.Look(limited, conn, k.id)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s gave no answer in %s: %w", k.target.Address, lookTime, os.ErrDeadlineExceeded)
	}
	return signals, err
}

// say tells what the mirror waits for, once.
func (k *keeper) say(text string) {
	if k.said == text {
		return
	}
	k.said = text
	k.sink.Event(progress.Noted{Mirror: k.name, Text: text})
	k.log.Info("waiting", "for", text)
}
