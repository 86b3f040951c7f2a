package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// DB is a database of one test, dropped when the test ends.
type DB struct {
	*Cluster
	Name string
	URL  string // of the superuser, with the password
}

// DatabaseOption changes how a database is created.
type DatabaseOption string

// WithEncoding creates a database in another encoding and locale, such as LATIN1
// and C.
func WithEncoding(encoding, locale string) DatabaseOption {
	return DatabaseOption(fmt.Sprintf(" encoding %s lc_collate %s lc_ctype %s",
		literal(encoding), literal(locale), literal(locale)))
}

// New returns two databases of PostgreSQL 15: a source with this schema (any SQL),
// and an empty target.
func New(t testing.TB, schema string) (source, target *DB) {
	t.Helper()
	c := Server(t, mainMajor)
	return c.Database(t, schema), c.Database(t, "")
}

// Database creates a database with a name of its own and runs SQL in it, by the
// simple protocol: many statements in one transaction, unless they say otherwise.
func (c *Cluster) Database(t testing.TB, sql string, opts ...DatabaseOption) *DB {
	t.Helper()
	db := c.Absent(t)
	create := "create database " + quote(db.Name) + " template template0"
	for _, opt := range opts {
		create += string(opt)
	}
	c.exec(t, superuser, create)
	if sql != "" {
		db.Exec(t, sql)
	}
	return db
}

// Absent names a database that does not exist, for tests that have it created. It is
// dropped at the end all the same.
func (c *Cluster) Absent(t testing.TB) *DB {
	t.Helper()
	name := fmt.Sprintf("test_%d", everyone.number())
	t.Cleanup(func() { c.drop(t, name) })
	return &DB{Cluster: c, Name: name, URL: c.URL(name)}
}

// URL is how the superuser reaches a database of the cluster, password included.
func (c *Cluster) URL(database string) string {
	return c.url(c.User, c.Password, database)
}

func (c *Cluster) url(user, password, database string) string {
	sslmode := "disable"
	if c.tls {
		sslmode = "require"
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     net.JoinHostPort(c.Host, strconv.Itoa(c.Port)),
		Path:     "/" + database,
		RawQuery: "sslmode=" + sslmode,
	}
	return u.String()
}

// Role creates a login role with attributes such as "replication" and a password of
// its own.
func (c *Cluster) Role(t testing.TB, attributes string) (name, password string) {
	t.Helper()
	name, password = fmt.Sprintf("role_%d", everyone.number()), rand.Text()
	kept, err := verifier(password)
	if err != nil {
		t.Fatal(err)
	}
	c.exec(t, superuser, fmt.Sprintf("create role %s login password %s %s", quote(name), literal(kept), attributes))
	c.mu.Lock()
	c.passwords[name] = password
	c.mu.Unlock()
	return name, password
}

// URLAs is the URL for a role that Role made. For any other it holds no password.
func (d *DB) URLAs(user string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.url(user, d.passwords[user], d.Name)
}

// Conn opens a session of the superuser that is closed when the test ends.
func (d *DB) Conn(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Exec runs SQL, many statements if need be, in a session of its own.
func (d *DB) Exec(t testing.TB, sql string) {
	t.Helper()
	d.exec(t, d.Name, sql)
}

// Query1 returns the first column of the first row as text: "" when it is null, or
// when there is no row.
func (d *DB) Query1(t testing.TB, sql string) string {
	t.Helper()
	return first(d.rows(t, sql))
}

func first(rows [][][]byte) string {
	if len(rows) == 0 {
		return ""
	}
	return string(rows[0][0])
}

// Query returns all rows as psql -At prints them: a line a row, columns joined with
// "|".
func (d *DB) Query(t testing.TB, sql string) string {
	t.Helper()
	var lines []string
	for _, row := range d.rows(t, sql) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = string(cell)
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return strings.Join(lines, "\n")
}

// Load runs a file through psql, which stops at the first error. Paths in the file
// are relative to its folder.
func (d *DB) Load(t testing.TB, path string) {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program(t, mainMajor, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1",
		"-h", d.Host, "-p", strconv.Itoa(d.Port), "-U", d.User, "-d", d.Name, "-f", path)
	cmd.Dir = filepath.Dir(path)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+d.Password, "PGCLIENTENCODING=UTF8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("load %s: %v\n%s", path, err, out)
	}
}

func (c *Cluster) exec(t testing.TB, database, sql string) {
	t.Helper()
	if _, err := c.run(t.Context(), database, sql); err != nil {
		t.Fatal(err)
	}
}

func (d *DB) rows(t testing.TB, sql string) [][][]byte {
	t.Helper()
	rows, err := d.run(t.Context(), d.Name, sql)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// run returns the rows of the last statement.
func (c *Cluster) run(ctx context.Context, database, sql string) ([][][]byte, error) {
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	return ask(ctx, conn, sql)
}

// ask returns the rows of the last statement.
func ask(ctx context.Context, conn *pgx.Conn, sql string) ([][][]byte, error) {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}

// drop removes a database with whoever is in it. A cluster of the test's own is
// removed whole.
func (c *Cluster) drop(t testing.TB, name string) {
	if c.own {
		return
	}
	// The test's own context is over by now.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := poll(ctx, func() error { // a slot is in use until its session has ended
		if _, err := c.run(ctx, superuser, endWalSenders+literal(name)); err != nil {
			return err
		}
		_, err := c.run(ctx, superuser, "drop database if exists "+quote(name)+" with (force)")
		return err
	})
	if err != nil {
		t.Logf("drop database %s: %v", name, err)
	}
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// endWalSenders frees the slots of a database: FORCE does not.
const endWalSenders = `
	select pg_catalog.pg_terminate_backend(active_pid)
	from pg_catalog.pg_replication_slots
	where active_pid is not null and database = `
