package statement_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/planner/catalog/pgtest"
	"bascule/planner/statement"
)

// fact is a statement, and what only the catalogue knows of its locks: "MODE relation"
// for tables that it does not name.
type fact struct {
	sql  string
	also string // separated by ", "; "*" when there are too many to say
}

// world is a session in a database of testdata/world.sql.
func world(t *testing.T, major int) *pgx.Conn {
	t.Helper()
	return worldIn(t, major).Conn(t)
}

func worldIn(t *testing.T, major int) *pgtest.DB {
	t.Helper()
	sql, err := os.ReadFile("testdata/world.sql")
	if err != nil {
		t.Fatal(err)
	}
	return pgtest.Server(t, major).Database(t, string(sql))
}

// relation is one that was there before a statement ran.
type relation struct {
	oid   uint32
	name  string
	kind  string // pg_class.relkind
	table uint32 // of an index
	file  uint32
}

func relations(t *testing.T, tx pgx.Tx) []relation {
	t.Helper()
	rows, err := tx.Query(t.Context(), allRelations)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r relation, err error) {
		err = row.Scan(&r.oid, &r.name, &r.kind, &r.table, &r.file)
		return r, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// seen is what a server did when it ran a statement.
type seen struct {
	before  []relation
	tag     string
	locks   []string // "MODE relation", sorted, indexes left out
	rewrote []string
}

// try runs a statement as commands run, and rolls it back.
func try(t *testing.T, conn *pgx.Conn, sql string) (seen, error) {
	t.Helper()
	ctx := t.Context()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	s := seen{before: relations(t, tx)}
	if _, err := tx.Exec(ctx, "set local search_path = ''"); err != nil {
		t.Fatal(err)
	}
	tag, err := tx.Exec(ctx, sql)
	if err != nil {
		return s, err
	}
	s.tag = tag.String()
	held := map[uint32]string{}
	rows, err := tx.Query(ctx, heldLocks)
	if err != nil {
		t.Fatal(err)
	}
	var oid uint32
	var mode string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &mode}, func() error {
		if mode = lockName(mode); slices.Index(modes, mode) > slices.Index(modes, held[oid]) {
			held[oid] = mode
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	after := relations(t, tx)
	for _, r := range s.before {
		if held[r.oid] != "" && strings.Contains("rpvmSf", r.kind) {
			s.locks = append(s.locks, held[r.oid]+" "+r.name)
		}
		for _, a := range after {
			if a.oid == r.oid && a.file != r.file && (r.kind == "r" || r.kind == "m") {
				s.rewrote = append(s.rewrote, r.name)
			}
		}
	}
	slices.Sort(s.locks)
	return s, nil
}

// modes from the weakest to the strongest.
var modes = []string{"", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}

// lockName makes "ACCESS EXCLUSIVE" of pg_locks' AccessExclusiveLock.
func lockName(mode string) string {
	var b strings.Builder
	for i, r := range strings.TrimSuffix(mode, "Lock") {
		if i > 0 && r < 'a' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// told is what was said of the locks, with that which only the catalogue knows.
func told(s statement.Statement, before []relation, also string) []string {
	var locks []string
	for _, table := range s.Tables {
		name := table.String()
		i := slices.IndexFunc(before, func(r relation) bool { return r.name == name })
		if i < 0 {
			continue // optional, and not there
		}
		if before[i].table != 0 {
			j := slices.IndexFunc(before, func(r relation) bool { return r.oid == before[i].table })
			name = before[j].name
		}
		locks = append(locks, table.Lock+" "+name)
	}
	if also != "" {
		locks = append(locks, strings.Split(also, ", ")...)
	}
	slices.Sort(locks)
	return locks
}

// What is said of a statement is what a server does with it: its tag, the locks on the
// tables, and whether rows get another file. Under an empty search_path it runs, as
// nothing in it is said to be unqualified.
func TestServerAgrees(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			conn := world(t, major)
			for _, f := range facts {
				agree(t, conn, f, major)
			}
		})
	}
}

func agree(t *testing.T, conn *pgx.Conn, f fact, major int) {
	t.Helper()
	s := one(t, f.sql)
	if s.Refused != "" || s.Alone || len(s.Unqualified) > 0 {
		t.Errorf("%s: %s", f.sql, rendered(s))
	}
	got, err := try(t, conn, f.sql)
	if err != nil {
		t.Errorf("%s: %v", f.sql, err)
		return
	}
	if !strings.HasPrefix(got.tag, "SELECT ") && got.tag != s.Kind {
		t.Errorf("%s: %s, the server says %s", f.sql, s.Kind, got.tag)
	}
	want := told(s, got.before, f.also)
	if s.Kind == "GRANT" && major < 18 {
		want = nil // it locks since 18
	}
	if f.also != "*" && !slices.Equal(want, got.locks) {
		t.Errorf("%s:\n told %q\nlocks %q", f.sql, want, got.locks)
	}
	if want := rewriteTold(t, conn, s); want != statement.Unknown && (want == statement.Yes) != (len(got.rewrote) > 0) {
		t.Errorf("%s: rewrite %s, the server rewrote %q", f.sql, want, got.rewrote)
	}
}

// rewriteTold decides with the types that columns have.
func rewriteTold(t *testing.T, conn *pgx.Conn, s statement.Statement) string {
	t.Helper()
	if s.Rewrite != statement.Unknown || len(s.Types) != 1 || len(s.Doubts) > 0 {
		return s.Rewrite
	}
	var from string
	c := s.Types[0]
	if err := conn.QueryRow(t.Context(), typeNow, c.Table.String(), c.Column).Scan(&from); err != nil {
		t.Fatal(err)
	}
	return statement.Rewrites(from, c.To)
}

// What is said to be Alone a server refuses in a transaction.
func TestServerRefusesInTransaction(t *testing.T) {
	t.Parallel()
	conn := world(t, 15)
	for _, sql := range []string{
		"create index concurrently on app.users (n)",
		"drop index concurrently app.users_name",
		"reindex table concurrently app.users",
		"reindex index concurrently app.users_name",
		"reindex schema app",
		"vacuum app.users",
		"vacuum full",
		"cluster",
		"alter table app.events detach partition app.events_1 concurrently",
	} {
		if s := one(t, sql); !s.Alone {
			t.Errorf("%s: not alone", sql)
		}
		_, err := try(t, conn, sql)
		if got := sqlstate(err); got != "25001" {
			t.Errorf("%s: %s (%v)", sql, got, err)
		}
	}
}

func sqlstate(err error) string {
	var failed *pgconn.PgError
	if errors.As(err, &failed) {
		return failed.Code
	}
	return fmt.Sprint(err)
}

const allRelations = `
	select c.oid, n.nspname || '.' || c.relname, c.relkind::text,
		coalesce((select indrelid from pg_catalog.pg_index where indexrelid = c.oid), 0),
		coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)
	from pg_catalog.pg_class c
	join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where n.nspname in ('app', 'other') and c.relkind <> 't'
	order by 2`

const heldLocks = `
	select relation, mode
	from pg_catalog.pg_locks
	where pid = pg_catalog.pg_backend_pid() and locktype = 'relation' and granted
	order by 1, 2`

const typeNow = `
	select pg_catalog.format_type(atttypid, atttypmod)
	from pg_catalog.pg_attribute
	where attrelid = $1::text::pg_catalog.regclass and attname = $2`
