package pglogical

import (
	"context"
	"fmt"
	"time"

	"bascule/planner/catalog"
)

// Take stops the subscription, and returns the position that the target is at: all that
// committed before it on the source is there, and nothing else. A subscription that is
// behind least is waited for first, for as long as it gets on, or its worker lives and
// waits for no lock. Where it does not the error is a *DownError.
func (e *Engine) Take(ctx context.Context, least catalog.LSN) (catalog.LSN, error) {
	s, err := e.subscribed(ctx)
	if err != nil {
		return 0, err
	}
	if s == nil {
		return 0, &GapError{Text: "the target has no subscription " + e.subscription() + " any more, and with it went how far it had got"}
	}
	if err := e.reaches(ctx, s, least); err != nil {
		return 0, err
	}
	if s, err = e.stop(ctx); err != nil {
		return 0, err
	}
	return e.position(ctx, s.Slot)
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

// reaches waits until the subscription has got to least.
func (e *Engine) reaches(ctx context.Context, s *catalog.PglogicalSubscription, least catalog.LSN) error {
	at, err := e.position(ctx, s.Slot)
	if err != nil || at >= least {
		return err
	}
	if confirmed, err := e.confirmed(ctx, s.Slot); err != nil || confirmed == 0 {
		if err == nil {
			err = &GapError{Text: fmt.Sprintf("slot %s is gone from the source, and what was written there behind %s with it", s.Slot, at)}
		}
		return err
	}
	doing := fmt.Sprintf("wait until subscription %s, at %s, has got to %s", s.Name, at, least)
	if len(s.Sets) == 0 {
		return &GapError{Text: doing + ": it has no replication sets, and would pass over everything"}
	}
	if !s.Enabled {
		if err := e.kick(ctx); err != nil {
			return err
		}
	}
	e.note(doing)
	since, born, pid := time.Now(), time.Now(), int32(0)
	for {
		now, next, err := e.progress(ctx, s.Slot)
		if next == 0 || next != pid {
			born = time.Now()
		}
		switch {
		case err != nil:
			return err
		case now >= least:
			return nil
		case now > at || time.Since(born) > settled:
			since = time.Now()
		case time.Since(since) > e.patience:
			return e.down(ctx, doing, fmt.Errorf("it is at %s, and has not moved for %v", now, e.patience))
		}
		at, pid = now, next
		if err := pause(ctx); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
}

// settled is how long a worker lives that works on something large, and has not just been
// started to fail again.
const settled = 10 * time.Second

// progress is where the subscription stands, and the worker that works on, 0 for none:
// one that waits for a lock does not.
func (e *Engine) progress(ctx context.Context, slot string) (at catalog.LSN, pid int32, err error) {
	if at, err = e.position(ctx, slot); err != nil {
		return 0, 0, err
	}
	s, err := e.subscribed(ctx)
	if err != nil || s == nil || s.PID == 0 {
		return at, 0, err
	}
	var locked bool
	if err := e.target.QueryRow(ctx, selectLocked, s.PID).Scan(&locked); err != nil || locked {
		return at, 0, err
	}
	return at, s.PID, nil
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

const selectLocked = `
	select exists (select from pg_catalog.pg_stat_activity where pid = $1 and wait_event_type = 'Lock')`
