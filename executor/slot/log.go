package slot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
	"bascule/planner/sourcelog"
)

// EnsureLog makes the log of the stream's DDL on the source, puts one right that is
// older, was made for other patterns or was meddled with, and publishes it, all in one
// transaction. Rows that are in it stay. A stream without a log has nothing of it.
//
// The publications must be there. A schema of that name that is none of ours is a
// *ForeignError; a role that may not make event triggers is a *LogRightError, and
// nothing is left.
func EnsureLog(ctx context.Context, conn *pgx.Conn, s planner.Stream) error {
	if s.Log == "" {
		return nil
	}
	is, err := ownLog(ctx, conn, s.Log)
	if err != nil {
		return err
	}
	_, publications, err := catalog.ReadSlots(ctx, conn)
	if err != nil {
		return err
	}
	var sqls []string
	if is == nil || !s.SourceLog().Whole(*is) {
		sqls = s.SourceLog().SQL()
	}
	if !slices.ContainsFunc(publications, func(p catalog.Publication) bool {
		return p.Name == s.Inserts && slices.ContainsFunc(p.Tables, func(t catalog.PublishedTable) bool { return t.Listed && t.Schema == s.Log })
	}) {
		sqls = append(sqls, s.SourceLog().Join())
	}
	if len(sqls) > 0 {
		if err := alter(ctx, conn, "make the log of DDL", nil, sqls...); err != nil {
			return logRight(ctx, conn, err)
		}
	}
	return closeLog(ctx, conn, s.Log)
}

// closeLog takes away what default privileges of the role give others on the log: a
// row in it must be the truth.
func closeLog(ctx context.Context, conn *pgx.Conn, log string) error {
	rows, err := conn.Query(ctx, selectLogGrantees, log)
	if err != nil {
		return fmt.Errorf("read who has rights on the log of DDL: %w", err)
	}
	grantees, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read who has rights on the log of DDL: %w", err)
	}
	var sqls []string
	for _, g := range grantees {
		for _, what := range []string{"schema ", "all tables in schema ", "all sequences in schema ", "all functions in schema "} {
			sqls = append(sqls, "revoke all on "+what+pgname.Quote(log)+" from "+pgname.Quote(g)+" cascade")
		}
	}
	if len(sqls) == 0 {
		return nil
	}
	return alter(ctx, conn, "keep others out of the log of DDL", nil, sqls...)
}

// DropLog takes a log away; what is not there is fine. A schema that is none of ours
// is a *ForeignError.
func DropLog(ctx context.Context, conn *pgx.Conn, log string) error {
	if log == "" {
		return nil
	}
	is, err := ownLog(ctx, conn, log)
	if err != nil || is == nil {
		return err
	}
	return alter(ctx, conn, "drop the log of DDL", nil, sourcelog.DropSQL(log)...)
}

// TrimLog deletes from the stream's log what the stream's reader has acknowledged: what
// it will never read again. It is done in two goes, of which the first notes where the
// WAL ended when a row was seen committed. A log that is not there is fine.
func TrimLog(ctx context.Context, conn *pgx.Conn, s planner.Stream) error {
	if s.Log == "" {
		return nil
	}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setLockTimeout, lockTimeout); err != nil {
			return err
		}
		table := pgname.Qualified(s.Log, sourcelog.Table)
		if _, err := tx.Exec(ctx, fmt.Sprintf(deleteApplied, table), s.Slot); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(markSeen, table))
		return err
	})
	if err != nil && !session.Locked(err) && !gone(err) {
		return fmt.Errorf("trim the log of DDL: %w", err)
	}
	return nil
}

// gone reports whether an error is that a table or its schema is not there.
func gone(err error) bool {
	code := session.Code(err)
	return code == "42P01" || code == "3F000"
}

// LogRightError reports that the role may not make event triggers.
type LogRightError struct {
	Role string
	Err  error
}

func (e *LogRightError) Error() string {
	return fmt.Sprintf("role %s may not make event triggers on the source: %v", e.Role, e.Err)
}

func (e *LogRightError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *LogRightError) Hint() string {
	return "connect as a superuser of the source (on a managed server, as the role that its service says may make event triggers), or set stream { ddl = \"declared\" }"
}

// logRight says of a refusal what was refused.
func logRight(ctx context.Context, conn *pgx.Conn, err error) error {
	if session.Code(err) != "42501" {
		return err
	}
	e := &LogRightError{Err: err}
	if conn.QueryRow(ctx, "select current_user::text").Scan(&e.Role) != nil {
		return err
	}
	return e
}

// ownLog is what there is of a log, or nil.
func ownLog(ctx context.Context, conn *pgx.Conn, log string) (*catalog.Log, error) {
	list, err := catalog.ReadLogs(ctx, conn)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(l catalog.Log) bool { return l.Schema == log })
	if !Named(log) || i >= 0 && !strings.HasPrefix(list[i].Comment, catalog.LogMark) {
		return nil, &ForeignError{Kind: "schema", Name: log}
	}
	if i < 0 {
		return nil, nil
	}
	return &list[i], nil
}

const (
	selectLogGrantees = `
		select distinct r.rolname::text
		from (
			select n.nspacl as acl, n.nspowner as owner from pg_catalog.pg_namespace n where n.nspname = $1
			union all
			select c.relacl, c.relowner from pg_catalog.pg_class c where c.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = $1)
			union all
			select p.proacl, p.proowner from pg_catalog.pg_proc p where p.pronamespace = (select oid from pg_catalog.pg_namespace where nspname = $1)
		) o
		cross join lateral pg_catalog.aclexplode(o.acl) a
		join pg_catalog.pg_roles r on r.oid = a.grantee
		where a.grantee <> o.owner
		order by 1`

	deleteApplied = `
		delete from %s
		where seen <= (select confirmed_flush_lsn from pg_catalog.pg_replication_slots where slot_name = $1)`

	// A row that a statement sees was committed before it, and so before where the WAL
	// ends now. Updates of the log are not published.
	markSeen = `
		update %s set seen = pg_catalog.pg_current_wal_insert_lsn() where seen is null`
)
