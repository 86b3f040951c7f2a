package pglogical

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/executor/slot"
	"bascule/planner/session"
)

// Comments of an extension that we created. DROP EXTENSION leaves its schema, so it is
// noted whether that was there.
const (
	madeComment       = "PostgreSQL Logical Replication, created by Bascule"
	madeSchemaComment = madeComment + " with its schema"
)

// ensureExtension creates pglogical where it is missing.
func ensureExtension(ctx context.Context, tx pgx.Tx) error {
	var there, schema bool
	if err := tx.QueryRow(ctx, selectExtension).Scan(&there, &schema, new(string)); err != nil || there {
		return err
	}
	comment := madeSchemaComment
	if schema {
		comment = madeComment
	}
	if _, err := tx.Exec(ctx, createExtension); err != nil {
		return fmt.Errorf("create extension pglogical: %w", err)
	}
	_, err := tx.Exec(ctx, "comment on extension pglogical is "+pgname.Literal(comment))
	return err
}

// hasExtension reports whether it is there.
func hasExtension(ctx context.Context, conn *pgx.Conn) (there bool, err error) {
	err = conn.QueryRow(ctx, selectExtension).Scan(&there, new(bool), new(string))
	return there, err
}

// Leave drops pglogical where we created it and no node is left, and the schema with it
// that came with it. It may be repeated.
//
// A server reads the extension's tables as they are now to decode what was once written
// to them: a slot that has yet to pass that could never be read again. While there is
// one in the database the extension stays, and the slots are returned; one that is read
// is given a moment to pass.
func Leave(ctx context.Context, conn *pgx.Conn) (behind []string, err error) {
	droppable, schema, err := left(ctx, conn)
	if err != nil || !droppable {
		return nil, err
	}
	var end string
	if err := conn.QueryRow(ctx, selectEnd).Scan(&end); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(passing); ; {
		if behind, err = slotsBehind(ctx, conn, end); err != nil {
			return nil, err
		}
		if len(behind) == 0 || time.Now().After(deadline) {
			break
		}
		if err := session.Pause(ctx, poll); err != nil {
			return nil, err
		}
	}
	if len(behind) > 0 {
		return behind, nil
	}
	return nil, slot.Locking(ctx, conn, "drop extension pglogical", nil, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "drop extension if exists pglogical"); err != nil || !schema {
			return err
		}
		_, err := tx.Exec(ctx, "drop schema if exists pglogical")
		return err
	})
}

// passing is how long a slot that is read may take to pass the last change.
const passing = 5 * time.Second

// left reports whether the extension is one that we created and that has no node any
// more, and whether its schema is ours too.
func left(ctx context.Context, conn *pgx.Conn) (droppable, schema bool, err error) {
	var there bool
	var comment string
	if err := conn.QueryRow(ctx, selectExtension).Scan(&there, new(bool), &comment); err != nil || !there {
		return false, false, err
	}
	if comment != madeComment && comment != madeSchemaComment {
		return false, false, nil
	}
	node, err := localNode(ctx, conn)
	return err == nil && node == "", comment == madeSchemaComment, err
}

func slotsBehind(ctx context.Context, conn *pgx.Conn, end string) ([]string, error) {
	rows, err := conn.Query(ctx, selectBehind, end)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// queryer is a session or a transaction.
type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// localNode is the name of the database's own node, or "".
func localNode(ctx context.Context, q queryer) (name string, err error) {
	err = q.QueryRow(ctx, selectLocalNode).Scan(&name)
	return name, err
}

const (
	selectExtension = `
		select e.oid is not null, pg_catalog.to_regnamespace('pglogical') is not null,
			coalesce(pg_catalog.obj_description(e.oid, 'pg_extension'), '')
		from (select 1) one
		left join pg_catalog.pg_extension e on e.extname = 'pglogical'`

	createExtension = `create extension pglogical`

	selectEnd = `select pg_catalog.pg_current_wal_lsn()::text`

	selectBehind = `
		select slot_name::text
		from pg_catalog.pg_replication_slots
		where slot_type = 'logical' and database = pg_catalog.current_database() and not temporary
			and (confirmed_flush_lsn is null or confirmed_flush_lsn < $1::text::pg_lsn)
		order by slot_name`

	selectLocalNode = `
		select coalesce((select n.node_name::text
			from pglogical.local_node l
			join pglogical.node n on n.node_id = l.node_id), '')`

	createNode = `select pglogical.create_node($1, $2)`
)
