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
// It locks every table against changes of shape before it takes its snapshot: a
// rewrite between two chunks would lose rows (VACUUM FULL, ALTER TABLE), and a
// snapshot older than a TRUNCATE would see an empty table. The snapshot lasts as
// long as the holder's session, and no longer.
type Holder struct {
	// Name is what readers set as their snapshot.
	Name string

	conn *pgx.Conn
}

// lockPatience is how long one try at the locks waits before it says for whom.
const lockPatience = 5 * time.Second

// Hold locks the tables, named as quoted, and exports a snapshot of its own. It
// waits for locks up to budget and tells waiting whom it waits for.
func Hold(ctx context.Context, conn *pgx.Conn, tables []string, budget time.Duration, waiting func(text string)) (*Holder, error) {
	h, err := Lock(ctx, conn, tables, budget, waiting)
	if err != nil {
		return nil, err
	}
	return h, h.Export(ctx)
}

// Lock begins the holder's transaction and locks the tables. Its view is not taken
// yet: that is for Import.
func Lock(ctx context.Context, conn *pgx.Conn, tables []string, budget time.Duration, waiting func(text string)) (*Holder, error) {
	deadline := time.Now().Add(budget)
	for {
		err := lock(ctx, conn, tables)
		if err == nil {
			return &Holder{conn: conn}, nil
		}
		if session.Code(err) != "55P03" || time.Now().After(deadline) {
			return nil, fmt.Errorf("lock the tables of the source: %w", err)
		}
		text, blockErr := blockers(ctx, conn, tables)
		if blockErr != nil {
			return nil, blockErr
		}
		waiting(text)
	}
}

// Import makes the holder's view that of a snapshot that another session exported,
// such as one that made a slot, and exports it again under Name: that one lasts as
// long as the holder.
func (h *Holder) Import(ctx context.Context, snapshot string) error {
	if _, err := h.conn.PgConn().Exec(ctx, "set transaction snapshot "+pgname.Literal(snapshot)).ReadAll(); err != nil {
		return fmt.Errorf("join the slot's snapshot: %w", err)
	}
	return h.Export(ctx)
}

// Export exports the holder's own view under Name.
func (h *Holder) Export(ctx context.Context) error {
	if err := h.conn.QueryRow(ctx, exportSnapshot).Scan(&h.Name); err != nil {
		return fmt.Errorf("export a snapshot: %w", err)
	}
	return nil
}

func lock(ctx context.Context, conn *pgx.Conn, tables []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "begin isolation level repeatable read, read only; set local lock_timeout = %d;\n", lockPatience.Milliseconds())
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
