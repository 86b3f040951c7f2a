package catalog

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
)

// LogPattern is the regular expression of the schemas that hold logs of DDL on a
// source, which are no part of its database: bascule_<mirror>_<lineage>, with a hash
// behind it where a name was not plain.
const LogPattern = `^bascule_.+_[0-9a-f]{8}(__[0-9a-f]{10})?$`

// LogMark begins the comment of such a schema that we made.
const LogMark = "Bascule: the DDL of this database, for a mirror that follows it; version "

// Log is a schema of the database whose name is that of a log of DDL.
type Log struct {
	Schema string
	Owner  string

	// Comment begins with LogMark where we made it.
	Comment string

	// Whole: its table and its event triggers are there, and these fire. Functions is
	// how many it has.
	Whole     bool
	Functions int

	// Commands that are in it and touched tables which are followed, or were: those that
	// a stream is not through with, and some that it is. Only Read fills them in.
	Commands []LoggedCommand

	readable bool
}

// LoggedCommand is a row of a log.
type LoggedCommand struct {
	// LSN is before the end of its transaction; Seen is behind it, 0 where nobody has
	// looked yet.
	LSN, Seen LSN

	Tables []uint32 // by oid
}

// Applied reports whether a stream that has acknowledged this position is through with
// the command, as far as it can be known: of one that nobody has looked at since, only
// the place where it ran is.
func (c *LoggedCommand) Applied(acknowledged LSN) bool {
	return max(c.LSN, c.Seen) <= acknowledged
}

// loggedCommands reads what is in the logs that are ours.
func (r *reader) loggedCommands(ctx context.Context, tx pgx.Tx) error {
	for i := range r.db.Logs {
		l := &r.db.Logs[i]
		if !l.Whole || !l.readable || !strings.HasPrefix(l.Comment, LogMark) {
			continue
		}
		var err error
		if l.Commands, err = readCommands(ctx, tx, l.Schema); err != nil {
			return err
		}
	}
	return nil
}

// ReadLoggedCommands returns the commands that are in a log.
func ReadLoggedCommands(ctx context.Context, conn *pgx.Conn, log string) ([]LoggedCommand, error) {
	return readCommands(ctx, conn, log)
}

func readCommands(ctx context.Context, conn interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, log string) ([]LoggedCommand, error) {
	rows, err := conn.Query(ctx, fmt.Sprintf(selectCommands, pgname.Qualified(log, "ddl")))
	if err != nil {
		return nil, fmt.Errorf("read the log of DDL: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c LoggedCommand, err error) {
		err = row.Scan(&c.LSN, &c.Seen, &c.Tables)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the log of DDL: %w", err)
	}
	return list, nil
}

// ReadLogs returns what has the name of a log of DDL, by name.
func ReadLogs(ctx context.Context, conn *pgx.Conn) ([]Log, error) {
	r := newReader()
	rows, err := conn.Query(ctx, selectLogs)
	if err == nil {
		for rows.Next() && err == nil {
			err = r.log(rows)
		}
		rows.Close()
		err = cmp.Or(err, rows.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("read the logs of DDL: %w", err)
	}
	return r.db.Logs, nil
}

func (r *reader) logs() question {
	return question{about: "logs of DDL", sql: selectLogs, row: r.log}
}

func (r *reader) log(rows pgx.Rows) error {
	var l Log
	err := rows.Scan(&l.Schema, &l.Owner, &l.Comment, &l.Whole, &l.Functions, &l.readable)
	r.db.Logs = append(r.db.Logs, l)
	return err
}

const selectCommands = `
	select d.lsn::text, d.seen::text, array(
		select distinct (e ->> 'oid')::oid
		from pg_catalog.jsonb_array_elements(d.tables::jsonb) e
		where e ->> 'follow' <> 'none' or (e ->> 'dropped')::boolean or (e ->> 'partition')::boolean or e ->> 'kind' = 'p'
		order by 1)
	from %s d
	order by d.id`

const selectLogs = `
	select n.nspname::text, pg_catalog.pg_get_userbyid(n.nspowner)::text, coalesce(pg_catalog.obj_description(n.oid, 'pg_namespace'), ''),
		exists (select from pg_catalog.pg_class c where c.relnamespace = n.oid and c.relname = 'ddl' and c.relkind = 'r') and (
			select pg_catalog.count(distinct e.evtevent) = 2
			from pg_catalog.pg_event_trigger e
			join pg_catalog.pg_proc p on p.oid = e.evtfoid
			where p.pronamespace = n.oid and e.evtenabled = 'A' and e.evtowner = n.nspowner
				and p.proname = 'fired'),
		(select pg_catalog.count(*) from pg_catalog.pg_proc p where p.pronamespace = n.oid),
		pg_catalog.has_schema_privilege(n.oid, 'usage') and exists (
			select from pg_catalog.pg_class c
			where c.relnamespace = n.oid and c.relname = 'ddl' and pg_catalog.has_table_privilege(c.oid, 'select'))
	from pg_catalog.pg_namespace n
	where n.nspname ~ '` + LogPattern + `'
	order by n.nspname`
