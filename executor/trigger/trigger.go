package trigger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/planner"
	"bascule/planner/session"
)

// Tries at the lock of a table whose triggers are switched.
const (
	lockTimeout  = "2s"
	lockPause    = 500 * time.Millisecond
	lockPatience = time.Minute
)

// Find returns what is to be recorded in Stream.Silenced before the triggers of these
// tables are switched off: the triggers that fire, and those of an earlier recording, which
// may be switched off already.
func Find(ctx context.Context, target *pgx.Conn, tables []string, recorded []planner.Trigger) ([]planner.Trigger, error) {
	rows, err := target.Query(ctx, selectTriggers, tables)
	if err != nil {
		return nil, fmt.Errorf("find triggers of the target: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t planner.Trigger, err error) {
		err = row.Scan(&t.Table, &t.Name, &t.Was)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("find triggers of the target: %w", err)
	}
	known := map[[2]string]bool{}
	for _, t := range recorded {
		known[[2]string{t.Table, t.Name}] = true
	}
	all := recorded
	for _, t := range found {
		if !known[[2]string{t.Table, t.Name}] {
			all = append(all, t)
		}
	}
	return all, nil
}

// Silence switches recorded triggers off, one at a time. Triggers and tables that are gone
// are passed over.
func Silence(ctx context.Context, target *pgx.Conn, list []planner.Trigger) error {
	for _, t := range list {
		if err := change(ctx, target, t.Table, t.Name, "disable", ""); err != nil {
			return err
		}
	}
	return nil
}

// Restore makes the triggers that the mirror switched off fire as before, where they still
// are switched off.
func Restore(ctx context.Context, target *pgx.Conn, list []planner.Trigger) error {
	for _, t := range list {
		if err := change(ctx, target, t.Table, t.Name, t.Was, "D"); err != nil {
			return err
		}
	}
	return nil
}

// change makes a trigger fire otherwise, where it is and, with only, fires as that. Its
// table is tried for in turns that let others in between.
func change(ctx context.Context, target *pgx.Conn, table, trigger, to, only string) error {
	var now string
	err := target.QueryRow(ctx, selectTrigger, table, trigger).Scan(&now)
	if err != nil {
		return fmt.Errorf("read trigger %s of %s: %w", trigger, table, err)
	}
	if now == "" || only != "" && now != only || to == "disable" && now == "D" {
		return nil
	}
	sql := fmt.Sprintf(alterTrigger, pgname.Literal(lockTimeout), table, to, pgname.Quote(trigger))
	for deadline := time.Now().Add(lockPatience); ; {
		err := session.Exec(ctx, target.PgConn(), sql)
		if err == nil {
			return nil
		}
		if session.Code(err) != "55P03" || time.Now().After(deadline) {
			return fmt.Errorf("%s trigger %s of %s: %w", strings.ToLower(to), trigger, table, err)
		}
		if err := session.Pause(ctx, lockPause); err != nil {
			return err
		}
	}
}

const (
	// Those that are switched off already are none of ours.
	selectTriggers = `
		select o.name, t.tgname::text,
			case t.tgenabled when 'A' then 'enable always' when 'R' then 'enable replica' else 'enable' end
		from pg_catalog.unnest($1::text[]) o(name)
		join pg_catalog.pg_trigger t on t.tgrelid = pg_catalog.to_regclass(o.name)
		where not t.tgisinternal and t.tgenabled <> 'D'
		order by o.name, t.tgname`

	selectTrigger = `
		select coalesce((select tgenabled::text from pg_catalog.pg_trigger
			where tgrelid = pg_catalog.to_regclass($1) and tgname = $2 and not tgisinternal), '')`

	alterTrigger = `begin; set local lock_timeout = %s; alter table only %s %s trigger %s; commit`
)
