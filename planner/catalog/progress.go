package catalog

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Progress is what sessions of this program do in one database now.
type Progress struct {
	// Sessions are all of them, by pid.
	Sessions []Session

	Copies []CopyProgress
	Builds []BuildProgress
}

// Session is one session of this program. Sessions of another role show no more
// than their pid and name.
type Session struct {
	PID         int32
	Application string
	State       string // active, idle, idle in transaction
	Waiting     string // type and name of what it waits for, or ""
}

// CopyProgress is a COPY under way.
type CopyProgress struct {
	PID          int32
	Application  string
	Schema, Name string // "" for COPY (query) TO
	Command      string // COPY FROM, COPY TO
	Bytes, Rows  int64
}

// BuildProgress is an index under construction.
type BuildProgress struct {
	PID          int32
	Application  string
	Schema, Name string // of the table
	Index        string // schema.name, unquoted; "" when it cannot be known
	Phase        string

	// Done of Total, in blocks or tuples as the phase counts. Total 0: unknown.
	Done, Total int64

	// Statement is the beginning of what the session runs.
	Statement string
}

// createIndex finds the name in a statement that begins an index.
var createIndex = regexp.MustCompile(`(?i)\bcreate\s+(?:unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?("(?:[^"]|"")+"|[^\s"(]+)`)

// name fills in an index that is not committed, whose row in the catalogue nobody
// else can see: its name stands in the statement. It is for show alone.
func (b *BuildProgress) name() {
	m := createIndex.FindStringSubmatch(b.Statement)
	if b.Index != "" || m == nil || strings.EqualFold(m[1], "on") {
		return
	}
	index := m[1]
	if quoted, ok := strings.CutPrefix(index, `"`); ok {
		index = strings.ReplaceAll(strings.TrimSuffix(quoted, `"`), `""`, `"`)
	}
	b.Index = b.Schema + "." + index
}

// ReadProgress reads what sessions of this program do in the connection's database.
// It needs no transaction, takes no lock, and works while others write.
func ReadProgress(ctx context.Context, conn *pgx.Conn) (*Progress, error) {
	p := new(Progress)
	err := errors.Join(
		collect(ctx, conn, &p.Sessions, progressSessions),
		collect(ctx, conn, &p.Builds, progressBuilds),
	)
	for i := range p.Builds {
		p.Builds[i].name()
	}
	// The view of copies came with PostgreSQL 14.
	var copies bool
	if err == nil {
		err = conn.QueryRow(ctx, progressCopiesThere).Scan(&copies)
	}
	if err == nil && copies {
		err = collect(ctx, conn, &p.Copies, progressCopies)
	}
	if err != nil {
		return nil, fmt.Errorf("read progress: %w", err)
	}
	return p, nil
}

// collect reads all rows of a query into a list of structs, column by field.
func collect[T any](ctx context.Context, conn *pgx.Conn, into *[]T, sql string) error {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	return err
}

const progressSessions = `
	select a.pid, a.application_name, coalesce(a.state, ''),
		coalesce(a.wait_event_type || ': ' || a.wait_event, '')
	from pg_catalog.pg_stat_activity a
	where a.datname = pg_catalog.current_database()
		and a.application_name like 'bascule/%'
		and a.pid <> pg_catalog.pg_backend_pid()
	order by a.pid`

const progressCopiesThere = `
	select pg_catalog.to_regclass('pg_catalog.pg_stat_progress_copy') is not null`

const progressCopies = `
	select p.pid, a.application_name, coalesce(n.nspname, ''), coalesce(c.relname, ''), coalesce(p.command, ''),
		coalesce(p.bytes_processed, 0), coalesce(p.tuples_processed, 0)
	from pg_catalog.pg_stat_progress_copy p
	join pg_catalog.pg_stat_activity a on a.pid = p.pid
	left join pg_catalog.pg_class c on c.oid = p.relid
	left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where p.datname = pg_catalog.current_database() and a.application_name like 'bascule/%'
	order by n.nspname, c.relname, p.pid`

const progressBuilds = `
	select p.pid, a.application_name, coalesce(n.nspname, ''), coalesce(c.relname, ''),
		coalesce(ixn.nspname || '.' || ix.relname, ''), coalesce(p.phase, ''),
		coalesce(case when p.tuples_total > 0 then p.tuples_done else p.blocks_done end, 0),
		coalesce(case when p.tuples_total > 0 then p.tuples_total else p.blocks_total end, 0),
		coalesce(pg_catalog.left(a.query, 2000), '')
	from pg_catalog.pg_stat_progress_create_index p
	join pg_catalog.pg_stat_activity a on a.pid = p.pid
	left join pg_catalog.pg_class c on c.oid = p.relid
	left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	left join pg_catalog.pg_class ix on ix.oid = p.index_relid
	left join pg_catalog.pg_namespace ixn on ixn.oid = ix.relnamespace
	where p.datname = pg_catalog.current_database() and a.application_name like 'bascule/%'
	order by n.nspname, c.relname, p.pid`
