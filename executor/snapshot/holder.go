package snapshot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config/pgname"
	"bascule/planner/session"
)

// Holder keeps one view of the source for many readers.
//
// It holds a lock on every table against changes of shape: a rewrite between two
// chunks would lose rows (VACUUM FULL, ALTER TABLE), and a snapshot older than a
// TRUNCATE would see an empty table. The snapshot lasts as long as the holder's
// session, and no longer.
type Holder struct {
	// Name is what readers set as their snapshot.
	Name string

	conn *pgx.Conn
}

// lockPatience is how long one try at the locks waits before it says for whom.
const lockPatience = 5 * time.Second

// Hold locks the tables, named as quoted, and then exports a snapshot of its own. It
// waits for locks up to budget and tells waiting whom it waits for.
func Hold(ctx context.Context, conn *pgx.Conn, tables []string, budget time.Duration, waiting func(text string)) (*Holder, error) {
	h := &Holder{conn: conn}
	if err := h.lock(ctx, "", tables, budget, waiting); err != nil {
		return nil, err
	}
	return h, h.export(ctx)
}

// Join is Hold in the view of a snapshot that another session exported, the one that
// made a slot. That comes first: a slot waits for every transaction that writes, and
// one of those may wait for our locks. A table that was rewritten or truncated
// between the two is not what the snapshot says any more: the error is a *LostError,
// and another snapshot is needed.
func Join(ctx context.Context, conn *pgx.Conn, snapshot string, tables []string, budget time.Duration, waiting func(text string)) (*Holder, error) {
	h := &Holder{conn: conn}
	if err := h.lock(ctx, "set transaction snapshot "+pgname.Literal(snapshot), tables, budget, waiting); err != nil {
		return nil, err
	}
	var rewritten string
	if err := conn.QueryRow(ctx, findRewritten, tables).Scan(&rewritten); err != nil {
		return nil, fmt.Errorf("look at the tables of the source: %w", err)
	}
	if rewritten != "" {
		return nil, &LostError{Err: fmt.Errorf("%s was rewritten or truncated while it was taken", rewritten)}
	}
	return h, h.export(ctx)
}

// lock begins the holder's transaction, in which view says, and locks the tables.
func (h *Holder) lock(ctx context.Context, view string, tables []string, budget time.Duration, waiting func(text string)) error {
	deadline := time.Now().Add(budget)
	for {
		err := lock(ctx, h.conn, view, tables)
		if err == nil {
			return nil
		}
		if session.Code(err) != "55P03" || time.Now().After(deadline) {
			return fmt.Errorf("lock the tables of the source: %w", err)
		}
		text, blockErr := blockers(ctx, h.conn, tables)
		if blockErr != nil {
			return blockErr
		}
		waiting(text)
	}
}

// export exports the holder's view under Name.
func (h *Holder) export(ctx context.Context) error {
	if err := h.conn.QueryRow(ctx, exportSnapshot).Scan(&h.Name); err != nil {
		return fmt.Errorf("export a snapshot: %w", err)
	}
	return nil
}

func lock(ctx context.Context, conn *pgx.Conn, view string, tables []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "begin isolation level repeatable read, read only; set local lock_timeout = %d;\n%s;\n", lockPatience.Milliseconds(), view)
	if len(tables) > 0 {
		b.WriteString("lock table only " + strings.Join(tables, ", only ") + " in access share mode;\n")
	}
	b.WriteString("set local lock_timeout = 0")
	_, err := conn.PgConn().Exec(ctx, b.String()).ReadAll()
	if err != nil && !conn.IsClosed() {
		if _, rollback := conn.PgConn().Exec(ctx, "rollback").ReadAll(); rollback != nil {
			return rollback
		}
	}
	return err
}

// blockers says which sessions hold what the lock waits for.
func blockers(ctx context.Context, conn *pgx.Conn, tables []string) (string, error) {
	rows, err := conn.Query(ctx, findBlockers, tables)
	if err != nil {
		return "", err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "waiting for a lock on the source's tables", nil
	}
	return "waiting for a lock on the source: " + strings.Join(list, "; "), nil
}

// Release ends the transaction and closes the session.
func (h *Holder) Release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	h.conn.Close(ctx)
}

// Conn is the holder's session, inside its snapshot.
func (h *Holder) Conn() *pgx.Conn { return h.conn }

const exportSnapshot = `select pg_catalog.pg_export_snapshot()`

// findRewritten compares what the snapshot says of a table's file with what there is.
const findRewritten = `
	select coalesce(pg_catalog.min(c.oid::pg_catalog.regclass::text), '')
	from pg_catalog.pg_class c
	where c.oid in (select pg_catalog.to_regclass(t) from pg_catalog.unnest($1::text[]) t)
		and c.relfilenode <> coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)`

const findBlockers = `
	select pg_catalog.format('%s is locked by pid %s (%s, %s since %s): %s', l.relation::pg_catalog.regclass, a.pid,
		coalesce(nullif(a.application_name, ''), a.usename, '?'), a.state, pg_catalog.date_trunc('second', a.xact_start),
		pg_catalog.left(a.query, 60))
	from pg_catalog.pg_locks l
	join pg_catalog.pg_stat_activity a on a.pid = l.pid
	where l.granted and l.mode = 'AccessExclusiveLock'
		and l.relation in (select pg_catalog.to_regclass(t) from pg_catalog.unnest($1::text[]) t)
		and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
	order by a.pid
	limit 3`
