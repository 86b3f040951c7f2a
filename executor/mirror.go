package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/journal"
	"bascule/executor/ledger"
	"bascule/executor/progress"
	"bascule/executor/schema"
	"bascule/executor/snapshot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
	"bascule/state"
)

// attempts of one apply at a mirror: a lost snapshot or a lost server costs one.
const (
	attempts     = 4
	attemptPause = 2 * time.Second
)

// copying is the carrying out of one one-off mirror.
type copying struct {
	*apply
	change         *planner.Change
	plan           *planner.Mirror
	source, target *config.Peer
	name           string // in sessions
	epoch          int64  // of a continuous mirror's position, when it was handed over
}

// mirror carries out a one-off mirror.
func (a *apply) mirror(ctx context.Context, c *planner.Change) error {
	m, err := a.newCopying(c)
	if err != nil {
		return err
	}
	if err := a.Save(ctx, func(f *state.File) { journal.Put(f, c.Address, resource(c, state.Creating)) }); err != nil {
		return err
	}
	if m.plan.Options.Database != nil {
		if err := a.Step(ctx, c.Address, "database", func() error { return m.createDatabase(ctx) }); err != nil {
			return err
		}
	}
	if err := m.tries(ctx, m.attempt); err != nil {
		return err
	}
	return a.Settle(ctx, c.Address, resource(c, state.Ready))
}

func (a *apply) newCopying(c *planner.Change) (*copying, error) {
	m := &copying{apply: a, change: c, plan: c.Mirror, name: session.Label(c.Address),
		source: a.peers[c.Mirror.Source], target: a.peers[c.Mirror.Target]}
	if m.source == nil || m.target == nil {
		return nil, fmt.Errorf("%s or %s is not declared", c.Mirror.Source, c.Mirror.Target)
	}
	return m, nil
}

// tries makes attempts until one succeeds, or fails in a way that comes again.
func (m *copying) tries(ctx context.Context, attempt func(context.Context) error) error {
	for i := 1; ; i++ {
		err := attempt(ctx)
		if err == nil || ctx.Err() != nil || i == attempts || !again(err) {
			return err
		}
		wait := attemptPause << (i - 1)
		m.cfg.Sink.Event(progress.Retrying{Mirror: m.name, What: "the copy, from a new snapshot", Err: err, In: wait})
		m.cfg.Log.WarnContext(ctx, "copy begins again", "mirror", m.name, "error", err)
		if session.Pause(ctx, wait) != nil {
			return err
		}
	}
}

// again reports whether a whole new attempt may succeed.
func again(err error) bool {
	var lost *snapshot.LostError
	if errors.As(err, &lost) {
		return true
	}
	// One permanent error among transient ones would come again.
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if !again(e) {
				return false
			}
		}
		return true
	}
	return session.Transient(err)
}

func (m *copying) open(ctx context.Context, peer *config.Peer, role string, settings map[string]string) (*pgx.Conn, error) {
	return session.Open(ctx, peer, session.Options{Application: session.Application(m.change.Address, role), Settings: settings})
}

// attempt makes one complete try.
func (m *copying) attempt(ctx context.Context) error {
	conn, err := m.open(ctx, m.target, "apply", nil)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	at := &attempt{copying: m, conn: conn}
	if err := m.Step(ctx, m.change.Address, "ledger", func() error { return at.begin(ctx) }); err != nil {
		return err
	}
	if err := at.run(ctx); err != nil {
		at.recordError(ctx, err)
		return err
	}
	return nil
}

// begin takes the lease and records the attempt.
func (at *attempt) begin(ctx context.Context) error {
	if err := ledger.Ensure(ctx, at.conn); err != nil {
		return err
	}
	if err := ledger.Lease(ctx, at.conn, at.plan.ID, at.note); err != nil {
		return err
	}
	var err error
	at.number, err = ledger.Begin(ctx, at.conn, ledger.Mirror{ID: at.plan.ID, Address: at.change.Address,
		Lineage: at.cfg.State.Lineage, Digest: at.plan.Digest})
	if err != nil {
		return err
	}
	ended, err := ledger.EndLeftovers(ctx, at.conn, at.plan.ID)
	if ended > 0 {
		at.note(fmt.Sprintf("ended %d sessions of an earlier apply on the target", ended))
	}
	return err
}

// recordError leaves in the ledger why the attempt stopped, for status.
func (at *attempt) recordError(ctx context.Context, err error) {
	if at.conn.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	text, _, _ := strings.Cut(err.Error(), "\n")
	if err := ledger.SetError(ctx, at.conn, at.plan.ID, text); err != nil {
		at.cfg.Log.WarnContext(ctx, "error not recorded", "mirror", at.name, "error", err)
	}
}

func (m *copying) note(text string) {
	m.cfg.Sink.Event(progress.Noted{Mirror: m.name, Text: text})
	m.cfg.Log.InfoContext(context.Background(), "noted", "mirror", m.name, "text", text)
}

// createDatabase creates the target's database and records which one it is.
func (m *copying) createDatabase(ctx context.Context) error {
	conn, err := session.Open(ctx, m.target, session.Options{Application: session.Application(m.change.Address, "apply"), Database: "postgres"})
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := schema.CreateDatabase(ctx, conn.PgConn(), m.plan.Options.Database); err != nil {
		return err
	}
	made, err := m.open(ctx, m.target, "apply", nil)
	if err != nil {
		return err
	}
	defer made.Close(context.WithoutCancel(ctx))
	id, _, err := catalog.ReadIdentity(ctx, made)
	if err != nil {
		return err
	}
	endpoint, err := session.Endpoint(m.target)
	if err != nil {
		return err
	}
	return m.Save(ctx, func(f *state.File) {
		journal.Put(f, m.target.Address, &state.Resource{Address: m.target.Address, Status: state.Ready,
			Peer: &state.Peer{Endpoint: endpoint, SystemIdentifier: id.SystemIdentifier, DatabaseOID: id.OID}})
	})
}
