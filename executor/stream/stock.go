package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config/pgname"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/session"
	"bascule/planner/sourcelog"
)

// stock is what a table of the source holds at one moment, over a connection of its own:
// all that commits before point is in it, and nothing that commits later.
//
// The moment is taken while nobody may write to the table, which is for as long as it
// takes to ask; who has written and not ended is waited for, shortly. So a point needs no
// slot, and no waiting for anybody else's transactions. From then on until it is closed
// nobody can alter the table.
type stock struct {
	oid     uint32
	conn    *pgconn.PgConn
	name    string // quoted
	columns []string
	point   catalog.LSN

	// last is the last entry of the log, visible by then, that is about the table, and
	// shape what its rows are like.
	last  int64
	shape string
}

// stockOf takes the moment of a table, by its oid. It is nil when that cannot be had now:
// somebody has the table locked, or it is gone or renamed meanwhile; with errLate, when
// somebody has the publication locked that it is yet to join.
func (s *Stream) stockOf(ctx context.Context, oid uint32) (*stock, error) {
	conn, err := s.cfg.Source(ctx)
	if err != nil {
		return nil, err
	}
	k := &stock{oid: oid, conn: conn}
	taken, err := k.join(ctx, s.cfg.DDL.Log)
	if taken {
		taken, err = k.take(ctx, s.cfg.DDL.Log)
	}
	if err == nil && taken {
		return k, nil
	}
	k.close(ctx)
	if err != nil && (session.Locked(err) || session.Code(err) == undefinedTable) {
		err = nil
	}
	return nil, err
}

const undefinedTable = "42P01"

// errLate: a table could not join its publication.
var errLate = errors.New("somebody has the publication locked")

// join has the table join its publication where it was late to, before its moment: what is
// written to it behind that is sent. It reports whether the table is published.
func (k *stock) join(ctx context.Context, log string) (bool, error) {
	text, err := ask(ctx, k.conn, fmt.Sprintf(joinLate, k.oid, pgname.Quote(log)))
	if err != nil || text == "" {
		return err == nil, err
	}
	var is struct {
		Follow string
		Late   bool
	}
	if err := json.Unmarshal([]byte(text), &is); err != nil {
		return false, err
	}
	if is.Late {
		return false, errLate
	}
	return is.Follow != planner.FollowNone, nil
}

// take reports whether the table was there, under one name all the while.
func (k *stock) take(ctx context.Context, log string) (bool, error) {
	name, err := ask(ctx, k.conn, fmt.Sprintf(selectStockName, k.oid))
	if err != nil || name == "" {
		return false, err
	}
	k.name = name
	if _, err := k.conn.Exec(ctx, fmt.Sprintf(beginStock, name)).ReadAll(); err != nil {
		return false, err
	}
	text, err := ask(ctx, k.conn, fmt.Sprintf(readStock, k.oid, pgname.Qualified(log, sourcelog.Table), pgname.Quote(log)))
	if err != nil {
		return false, err
	}
	var is struct {
		Name, Point, Shape string
		Columns            []string
		Last               int64
	}
	if err := json.Unmarshal([]byte(text), &is); err != nil {
		return false, err
	}
	if k.point, err = catalog.ParseLSN(is.Point); err != nil {
		return false, err
	}
	k.columns, k.last, k.shape = is.Columns, is.Last, is.Shape
	_, err = k.conn.Exec(ctx, letWrite).ReadAll()
	return is.Name == name, err
}

// list are the columns that have values of their own, as COPY takes them.
func (k *stock) list() string {
	if len(k.columns) == 0 {
		return ""
	}
	names := make([]string, len(k.columns))
	for i, c := range k.columns {
		names[i] = pgname.Quote(c)
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// write writes the rows in COPY's text, and returns how many they are.
func (k *stock) write(ctx context.Context, to io.Writer) (int64, error) {
	tag, err := k.conn.CopyTo(ctx, to, "copy "+k.name+k.list()+" to stdout")
	return tag.RowsAffected(), err
}

func (k *stock) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTime)
	defer cancel()
	_ = k.conn.Close(ctx)
}

// joinLate has no answer for a table that is published, or gone. A lock is waited for no
// longer than the log's own triggers do.
const joinLate = `
	begin;
	set local lock_timeout = '300ms';
	select case %[2]s.listed(%[1]d) when 'none' then %[2]s.settle(%[1]d, true)::text end;
	commit`

const selectStockName = `
	select pg_catalog.format('%%I.%%I', n.nspname, c.relname)
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where c.oid = %d and c.relkind = 'r'`

// beginStock: neither command takes a snapshot. The first lock stays, and keeps the
// table as it is; the second one goes with the savepoint, which the snapshot outlives. A
// lock is waited for no longer than a deadlock is: who has written to the table and alters
// it then waits for the first lock, and is not to be the one that is ended.
const beginStock = `
	begin isolation level repeatable read;
	set local lock_timeout = '300ms';
	lock table only %[1]s in access share mode;
	savepoint quiet;
	lock table only %[1]s in share mode`

const letWrite = `rollback to savepoint quiet`

// readStock has the transaction's snapshot taken. The log is read as text.
const readStock = `
	select pg_catalog.json_build_object(
		'name', (select pg_catalog.format('%%I.%%I', n.nspname, c.relname) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = %[1]d),
		'shape', %[3]s.shape(%[1]d),
		'point', pg_catalog.pg_current_wal_insert_lsn(),
		'columns', (
			select coalesce(pg_catalog.json_agg(a.attname order by a.attnum), '[]'::pg_catalog.json)
			from pg_catalog.pg_attribute a
			where a.attrelid = %[1]d and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
		'last', (
			select coalesce(pg_catalog.max(d.id), 0)
			from %[2]s d
			cross join lateral pg_catalog.jsonb_to_recordset(d.tables::pg_catalog.jsonb) t(oid bigint)
			where t.oid = %[1]d))::text`
