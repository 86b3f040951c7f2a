package pglogical

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/config/pgname"
	"bascule/planner"
	"bascule/planner/session"
)

// Config sets up an Engine. All but what has a default is required; in Remove a session
// is nil where its server cannot be reached.
type Config struct {
	Source, Target *pgx.Conn

	// Stream of the mirror. Its Subscription is the name of everything that is made here.
	Stream planner.Stream

	// Label of the mirror, for people: mirror.app.
	Label string

	// TargetDatabase is the name of the target's database, which the slot is named after.
	// Not required in Remove without the target: the slot is then found by the rest of
	// its name.
	TargetDatabase string

	// SourceCleaned: there is nothing to remove on the source, whose session is nil.
	SourceCleaned bool

	// Provider is how the target's server connects to the source, Subscriber how it
	// connects to the target itself, which pglogical wants to be possible.
	Provider, Subscriber config.Secret

	// KeepExtension: Remove leaves the extension where it is, for it is needed again. A
	// session that has seen it goes wrong with one that is created anew.
	KeepExtension bool

	// Note is told what is waited for, and what was found. Default: nobody.
	Note func(text string)

	// Patience is how long is waited for something that shows no progress. Default two
	// minutes.
	Patience time.Duration
}

// Engine is one mirror's.
type Engine struct {
	source, target *pgx.Conn
	stream         planner.Stream
	label          string
	database       string
	provider       config.Secret
	subscriber     config.Secret
	note           func(string)
	patience       time.Duration
	keep, cleaned  bool
}

// New makes an Engine. It connects to nothing.
func New(cfg Config) *Engine {
	e := &Engine{source: cfg.Source, target: cfg.Target, stream: cfg.Stream, label: cfg.Label, database: cfg.TargetDatabase,
		provider: cfg.Provider, subscriber: cfg.Subscriber, note: cfg.Note, keep: cfg.KeepExtension, cleaned: cfg.SourceCleaned, patience: cmp.Or(cfg.Patience, 2*time.Minute)}
	if e.note == nil {
		e.note = func(string) {}
	}
	return e
}

// subscription is its name on the target, and that of the node made on the source.
func (e *Engine) subscription() string { return e.stream.Subscription }

// targetNode is the name of the node that is made on the target. The two sides' must
// differ: the target knows both.
func (e *Engine) targetNode() string { return e.named("_target") }

// joined is the set that says that the slot is still to be moved behind a change of the
// sets. It has no tables, and nobody subscribes to it.
func (e *Engine) joined() string { return e.named("_joined") }

func (e *Engine) named(suffix string) string {
	if name := e.subscription() + suffix; len(name) <= pgname.MaxLen {
		return name
	}
	return pgname.Derived(e.subscription(), suffix)
}

// waits runs look until it returns true, and fails when that takes longer than our
// patience: with what, which says what is waited for.
func (e *Engine) waits(ctx context.Context, what string, look func() (bool, error)) error {
	for deadline := time.Now().Add(e.patience); ; {
		done, err := look()
		if err != nil || done {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not after %v", what, e.patience)
		}
		if err := session.Pause(ctx, poll); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// poll is the time between two looks at something that is waited for.
const poll = 100 * time.Millisecond
