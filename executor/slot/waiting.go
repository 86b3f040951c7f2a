package slot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/planner/session"
)

// Waiting is told what a slot in the making waits for: transactions that write, in
// any database of the server. The zero value is told nothing.
type Waiting struct {
	// Conn is a session on the same server, free while it lasts.
	Conn *pgx.Conn
	Tell func(text string)
}

// Times of the watch over a slot in the making.
const (
	watchAfter = 500 * time.Millisecond
	watchTime  = 5 * time.Second // a reading takes no longer
)

// beside does work while it looks what the server process pid waits for.
func (w Waiting) beside(ctx context.Context, pid uint32, work func() error) error {
	if w.Conn == nil || w.Tell == nil {
		return work()
	}
	ctx, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { w.watch(ctx, pid) })
	defer watch.Wait()
	defer stop()
	return work()
}

// watch tells of each session that the slot waits for, once, until ctx ends. What it
// cannot read it does not tell.
func (w Waiting) watch(ctx context.Context, pid uint32) {
	told := ""
	for {
		if session.Pause(ctx, watchAfter) != nil {
			return
		}
		// A reading that is under way is brought to its end: w.Conn is the caller's.
		reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), watchTime)
		who, text, err := transaction(reading, w.Conn, selectBlocker, int64(pid))
		cancel()
		if err == nil && who != told && who != "" {
			w.Tell("the slot is made once this has ended: " + text)
			told = who
		}
	}
}

// WaitOut waits until every transaction that is writing now has ended, in any
// database of the server, and tells which one it waits for.
//
// After a table was added to a publication: rows that an open transaction wrote to
// it before are never streamed, and are in no snapshot before that transaction ends.
func WaitOut(ctx context.Context, conn *pgx.Conn, tell func(text string)) error {
	var horizon string
	if err := conn.QueryRow(ctx, selectHorizon).Scan(&horizon); err != nil {
		return fmt.Errorf("wait for open transactions of the source: %w", err)
	}
	told := ""
	for {
		var ended bool
		if err := conn.QueryRow(ctx, selectEnded, horizon).Scan(&ended); err != nil || ended {
			return waited(err)
		}
		who, text, err := transaction(ctx, conn, selectWriter, horizon)
		if err != nil {
			return waited(err)
		}
		if who != told && who != "" {
			tell("the copy begins once this has ended, which may have begun before the tables were published: " + text)
			told = who
		}
		if err := session.Pause(ctx, poll); err != nil {
			return err
		}
	}
}

func waited(err error) error {
	if err != nil {
		return fmt.Errorf("wait for open transactions of the source: %w", err)
	}
	return nil
}

// transaction names the transaction that a query finds first: who it is, whatever it
// does meanwhile, and a text that says it. Both are "" where there is none.
func transaction(ctx context.Context, conn *pgx.Conn, sql string, arg any) (who, text string, err error) {
	rows, err := conn.Query(ctx, sql, arg)
	if err != nil {
		return "", "", err
	}
	texts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([2]string, error) {
		var pid int32
		var user, database, prepared, since, query string
		if err := row.Scan(&pid, &user, &database, &prepared, &since, &query); err != nil {
			return [2]string{}, err
		}
		if prepared != "" {
			text := fmt.Sprintf("the prepared transaction %q of %s in database %s%s", prepared, user, database, since)
			return [2]string{text, text}, nil
		}
		text := fmt.Sprintf("the transaction of pid %d (%s in database %s%s)", pid, user, database, since)
		if query != "" {
			return [2]string{text, text + ", whose last statement is: " + query}, nil
		}
		return [2]string{text, text}, nil
	})
	if err != nil || len(texts) == 0 {
		return "", "", err
	}
	return texts[0][0], texts[0][1], nil
}

// poll is the time between two looks at something that is waited for.
const poll = 100 * time.Millisecond

const (
	// Every writing transaction that has begun has a lower number than the one that
	// this statement gets. A snapshot's xmax would not do: it is behind the last that
	// ended, and one that still runs can be beyond it.
	selectHorizon = `select pg_catalog.pg_current_xact_id()::text`

	selectEnded = `select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) > $1::text::xid8`

	// What a role may not know of another's session is null. A query is cut to one line
	// that fits into a message.
	told = `
		select coalesce(a.pid, 0), coalesce(a.usename, p.owner, '')::text, coalesce(a.datname, p.database, '')::text,
			coalesce(p.gid, ''),
			coalesce(' since ' || pg_catalog.to_char(coalesce(a.xact_start, p.prepared) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', ''),
			pg_catalog.left(pg_catalog.regexp_replace(coalesce(a.query, ''), '\s+', ' ', 'g'), 100)`

	selectBlocker = told + `
		from pg_catalog.pg_locks w
		join pg_catalog.pg_locks l on l.granted and l.locktype = 'transactionid' and l.transactionid = w.transactionid
		left join pg_catalog.pg_stat_activity a on a.pid = l.pid
		left join pg_catalog.pg_prepared_xacts p on p.transaction = l.transactionid
		where w.pid = $1 and not w.granted and w.locktype = 'transactionid' and l.pid is distinct from w.pid
		order by l.pid`

	selectWriter = told + `
		from pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot()) x(id)
		join pg_catalog.pg_locks l on l.granted and l.locktype = 'transactionid'
			and l.transactionid::text::bigint = x.id::text::bigint & 4294967295
		left join pg_catalog.pg_stat_activity a on a.pid = l.pid
		left join pg_catalog.pg_prepared_xacts p on p.transaction = l.transactionid
		where x.id < $1::text::xid8
		order by x.id::text::numeric`
)
