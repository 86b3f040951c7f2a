package pglogical

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bascule/planner/catalog"
)

// Take stops the subscription, and returns the position that the target is at: all that
// committed before it on the source is there, and nothing else. What it has not applied
// is left to whoever goes on from its slot, so one that is down, or far behind, is taken
// as it stands. Where that fails, a subscription that was enabled is enabled again.
func (e *Engine) Take(ctx context.Context) (at catalog.LSN, err error) {
	s, err := e.subscribed(ctx)
	if err != nil {
		return 0, err
	}
	if s == nil {
		return 0, e.gone()
	}
	defer func() {
		if err != nil && s.Enabled {
			err = errors.Join(err, e.resume(ctx))
		}
	}()
	if _, err = e.stop(ctx); err != nil {
		return 0, err
	}
	return e.position(ctx, s.Slot)
}

// gone reports a subscription that somebody dropped.
func (e *Engine) gone() error {
	return &GapError{Text: "the target has no subscription " + e.subscription() + " any more, and with it went how far it had got"}
}

// resume has a subscription go on that was stopped in vain, also after a cancel.
func (e *Engine) resume(ctx context.Context) error {
	if e.target.IsClosed() {
		return nil // whoever comes next finds it disabled, and goes on
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resumeTime)
	defer cancel()
	return e.kick(ctx)
}

// resumeTime is how long that may take.
const resumeTime = 30 * time.Second

// Slot is the name of the slot that the subscription reads: what it has not applied yet
// is there, and nowhere else. Where it cannot be read any more the error is a *GapError.
func (e *Engine) Slot(ctx context.Context) (string, error) {
	s, err := e.subscribed(ctx)
	if err != nil {
		return "", err
	}
	if s == nil {
		return "", e.gone()
	}
	slots, _, err := catalog.ReadSlots(ctx, e.source)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(slots, func(x catalog.Slot) bool { return x.Name == s.Slot })
	switch {
	case i < 0:
		return "", &GapError{Text: fmt.Sprintf("slot %s is gone from the source, and what subscription %s has not applied with it", s.Slot, s.Name)}
	case slots[i].WALStatus == "lost" || slots[i].Invalidation != "":
		return "", &GapError{Text: fmt.Sprintf("slot %s is lost: the source has removed WAL that subscription %s has not applied", s.Slot, s.Name)}
	}
	return s.Slot, nil
}

// position is where a subscription stands that is stopped. An idle one confirms more than
// it has applied: what was between concerned none of its tables.
func (e *Engine) position(ctx context.Context, name string) (catalog.LSN, error) {
	applied, err := e.applied(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("read the progress of replication origin %s: %w", name, err)
	}
	confirmed, err := e.confirmed(ctx, name)
	return max(applied, confirmed), err
}

// Standing is where the subscription stands, and for whom its worker waits on the target:
// "" where it waits for no lock, or does not run.
func (e *Engine) Standing(ctx context.Context) (at catalog.LSN, blockers string, err error) {
	s, err := e.subscribed(ctx)
	if err != nil || s == nil {
		return 0, "", err
	}
	if at, err = e.position(ctx, s.Slot); err != nil {
		return 0, "", err
	}
	err = e.target.QueryRow(ctx, selectBlockers, s.PID).Scan(&blockers)
	return at, blockers, err
}

const selectBlockers = `
	select coalesce(pg_catalog.string_agg(pg_catalog.format('pid %s of role %s, application %s', a.pid, coalesce(a.usename::text, '(not shown)'),
		coalesce(nullif(a.application_name, ''), '(none)')), '; ' order by a.pid), '')
	from pg_catalog.pg_stat_activity a
	where a.pid = any (pg_catalog.pg_blocking_pids($1::integer))`
