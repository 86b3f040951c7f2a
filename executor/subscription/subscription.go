package subscription

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
)

// Config sets up an Engine. Stream and the peers' addresses are required; Reach is for
// Try, Prepare and Give.
type Config struct {
	// Source and Target are sessions there, for nothing else while a method runs. In
	// Remove either may be nil: not reachable.
	Source, Target *pgx.Conn

	// SourcePeer and TargetPeer are their addresses: peer.prod.
	SourcePeer, TargetPeer string

	// Stream has the names of the slot, the publications and the subscription.
	Stream planner.Stream

	// Reach is how the target's server reaches the source.
	Reach session.Reach

	// Note is told what is waited for. Default: nobody is.
	Note func(text string)

	// Patience is how long the server's processes may take to end, and to begin. Default
	// slot.Patience.
	Patience time.Duration
}

// Engine is the subscription of one mirror. One method runs at a time.
type Engine struct {
	cfg      Config
	patience time.Duration
}

// New returns an Engine. It does nothing by itself.
func New(cfg Config) *Engine {
	if cfg.Note == nil {
		cfg.Note = func(string) {}
	}
	return &Engine{cfg: cfg, patience: cmp.Or(cfg.Patience, slot.Patience)}
}

// Try finds out whether the target's server reaches the source, and whether the roles
// there may do what it takes: by a subscription that is never committed. That it is the
// source's own server that is reached is seen by Give, which looks for the slot there.
//
// What is in the way is a *ReachError.
func (e *Engine) Try(ctx context.Context) error {
	if err := e.cfg.Reach.Try(ctx, e.cfg.Target); err != nil {
		return e.unreached(err)
	}
	return nil
}

// Take stops the subscription, and returns the position that the target is at. One that
// is not there any more is a *GoneError: nobody knows then what it applied last. Where it
// fails, a subscription that was enabled is enabled again.
func (e *Engine) Take(ctx context.Context) (at catalog.LSN, err error) {
	was, err := e.look(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil && was != nil && was.Enabled {
			err = errors.Join(err, e.resume(ctx))
		}
	}()
	s, err := e.stop(ctx)
	if err != nil {
		return 0, err
	}
	if s == nil {
		return 0, &GoneError{Name: e.cfg.Stream.Subscription, Peer: e.cfg.TargetPeer}
	}
	applied, err := e.applied(ctx, s)
	if err != nil {
		return 0, err
	}
	x, err := e.idleSlot(ctx)
	if err != nil || x == nil { // a slot that is gone is said where it is streamed from
		return applied, err
	}
	return max(applied, x.Confirmed), nil
}

// resume has a subscription go on that was stopped in vain, also after a cancel.
func (e *Engine) resume(ctx context.Context) error {
	if e.cfg.Target.IsClosed() {
		return nil // whoever comes next finds it disabled, and goes on
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resumeTime)
	defer cancel()
	if _, err := e.cfg.Target.Exec(ctx, fmt.Sprintf(enable, pgname.Quote(e.cfg.Stream.Subscription))); err != nil {
		return fmt.Errorf("enable subscription %s again: %w", e.cfg.Stream.Subscription, err)
	}
	return nil
}

// resumeTime is how long that may take.
const resumeTime = 30 * time.Second

// Prepare makes the subscription where it is missing, stopped. The position that it
// returns is 0: any will do, for the slot is the one that Bascule streams from.
func (e *Engine) Prepare(ctx context.Context, _ []ledger.Member) (catalog.LSN, error) {
	s, err := e.stop(ctx)
	if err != nil || s != nil {
		return 0, err
	}
	return 0, e.anew(ctx, nil)
}

// Give has the server go on from position: all that committed before it is on the
// target, and nothing else. It returns when the slot is streamed from.
//
// A subscription that has got further than position is not given again: what it applied
// would be applied twice, so Take comes first. Members that the source does not publish
// to it, or not under the name that the target has, are an *UnfollowedError.
func (e *Engine) Give(ctx context.Context, position catalog.LSN, members []ledger.Member) error {
	s, err := e.stop(ctx)
	if err != nil {
		return err
	}
	if err := e.mayGive(ctx, s, position); err != nil {
		return err
	}
	if err := e.anew(ctx, s); err != nil {
		return err
	}
	if s, err = e.look(ctx); err != nil {
		return err
	}
	if s == nil {
		return &GoneError{Name: e.cfg.Stream.Subscription, Peer: e.cfg.TargetPeer}
	}
	if err := e.followed(ctx, s, members); err != nil {
		return err
	}
	if err := e.start(ctx, s, position); err != nil {
		return err
	}
	return e.started(ctx)
}

// mayGive compares a position with how far the slot, and the subscription, have got.
func (e *Engine) mayGive(ctx context.Context, s *catalog.Subscription, position catalog.LSN) error {
	name := e.cfg.Stream.Slot
	x, err := e.idleSlot(ctx)
	switch {
	case err != nil:
		return err
	case x == nil:
		return fmt.Errorf("replication slot %s is gone from %s", name, e.cfg.SourcePeer)
	case x.Confirmed > position:
		return fmt.Errorf("replication slot %s is at %s, past the target's position %s", name, x.Confirmed, position)
	case s == nil:
		return nil
	}
	applied, err := e.applied(ctx, s)
	if err == nil && applied > position {
		err = fmt.Errorf("subscription %s has applied up to %s, past the target's position %s: it has to be taken back first", s.Name, applied, position)
	}
	return err
}

// followed checks that the subscription has every member.
func (e *Engine) followed(ctx context.Context, s *catalog.Subscription, members []ledger.Member) error {
	var schemas, names []string
	for _, m := range members {
		if m.State == ledger.Followed && m.Follow != planner.FollowNone {
			schemas = append(schemas, cmp.Or(m.TargetSchema, m.Schema))
			names = append(names, cmp.Or(m.TargetName, m.Name))
		}
	}
	rows, err := e.cfg.Target.Query(ctx, selectUnfollowed, s.OID, schemas, names)
	if err != nil {
		return fmt.Errorf("read what subscription %s follows: %w", s.Name, err)
	}
	missing, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var schema, name string
		err := row.Scan(&schema, &name)
		return pgname.Shown(schema, name), err
	})
	switch {
	case err != nil:
		return fmt.Errorf("read what subscription %s follows: %w", s.Name, err)
	case len(missing) > 0:
		return &UnfollowedError{Name: s.Name, Tables: missing, Source: e.cfg.SourcePeer, Endpoint: e.cfg.Reach.Endpoint}
	}
	return nil
}

// publications of the mirror, quoted.
func (e *Engine) publications() []string {
	var list []string
	for _, name := range e.publicationNames() {
		list = append(list, pgname.Quote(name))
	}
	return list
}

func (e *Engine) publicationNames() []string {
	s := e.cfg.Stream
	return slices.DeleteFunc([]string{s.Publication, s.Inserts}, func(name string) bool { return name == "" })
}

// selectUnfollowed: a table is followed itself, or as a part of one that is.
const selectUnfollowed = `
	select m.schema, m.name
	from rows from (pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[])) m(schema, name)
	where not exists (
		select from pg_catalog.pg_subscription_rel r
		join pg_catalog.pg_class c on c.relname = m.name
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = m.schema
		where r.srsubid = $1
			and (r.srrelid = c.oid or r.srrelid in (select a.relid from pg_catalog.pg_partition_ancestors(c.oid) a(relid)))
	)
	order by m.schema, m.name`
