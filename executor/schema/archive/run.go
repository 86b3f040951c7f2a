package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
)

// Config sets up one run of pg_dump. Program and Conn are required.
type Config struct {
	// Program is the path of a pg_dump that is at least as new as the server.
	Program string

	// Conn is an idle connection to the database to be dumped. Run takes it over
	// and closes it: pg_dump works in this very session.
	Conn *pgx.Conn

	// Snapshot is an exported snapshot's name. Its exporter must stay in its
	// transaction until Run has returned. Default: one of pg_dump's own.
	Snapshot string

	// ExcludeTables are pg_dump patterns of tables to leave out: a table's exact
	// name is pgname.Qualified.
	ExcludeTables []string

	// LockWait is how long pg_dump waits for its ACCESS SHARE lock on a table.
	// Default 1 minute.
	LockWait time.Duration

	// ExtraArgs go before the others.
	ExtraArgs []string
}

// DumpError says that pg_dump did not write an archive.
type DumpError struct {
	Program string

	// Lines are the last that pg_dump wrote to its standard error.
	Lines []string

	// Err is the last error that the server sent, a *pgconn.PgError, where there was
	// one; or how the connection was lost; or how the program ended.
	Err error
}

func (e *DumpError) Error() string {
	text := e.Program + ": " + e.Err.Error()
	if len(e.Lines) > 0 {
		text += ": " + strings.Join(e.Lines, "; ")
	}
	return text
}

func (e *DumpError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *DumpError) Hint() string {
	var server *pgconn.PgError
	if errors.As(e.Err, &server) {
		switch server.Code {
		case "42501":
			return "grant the role of the source peer USAGE on the schema and SELECT on the table, or leave the table out with exclude"
		case "57014", "55P03": // pg_dump's own timeout, or one of the role's
			return "another session holds a lock on a table: end it, or apply again later"
		}
	}
	return "run the same pg_dump by hand to see more; BASCULE_PG_DUMP names another one"
}

// Run has pg_dump describe the database of cfg.Conn, without rows, and returns the
// archive's table of contents.
//
// It ends when pg_dump has ended; a cancelled ctx kills it. Publications and
// subscriptions are left out; large objects and rows are not in such a dump.
func Run(ctx context.Context, cfg Config) (*Archive, error) {
	relay, err := newRelay(ctx, cfg.Conn)
	if err != nil {
		return nil, fmt.Errorf("pg_dump: %w", err)
	}
	defer relay.close()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()

	cmd := exec.CommandContext(inner, cfg.Program, cfg.args()...)
	cmd.Cancel = func() error {
		// Where the program is a wrapper, its child ends when the relay does.
		relay.cancel()
		relay.close()
		return cmd.Process.Kill()
	}
	cmd.Env = environment(os.Environ(), relay)
	cmd.WaitDelay = 5 * time.Second // a wrapper's child may hold on to its standard error
	said := &tail{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, &DumpError{Program: cfg.Program, Err: err}
	}

	var g errgroup.Group
	g.Go(relay.serve)
	a, readErr := Read(out)
	if readErr != nil && errors.As(readErr, new(*FormatError)) && relay.err() == nil {
		cancel() // it goes on writing what nobody can read
	}
	_, _ = io.Copy(io.Discard, out) // an archive goes on after the table of contents
	waitErr := cmd.Wait()
	relay.close()
	serveErr := g.Wait()

	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Program, context.Cause(ctx))
	}
	if waitErr != nil {
		return nil, &DumpError{Program: cfg.Program, Lines: said.lines(5), Err: cause(relay.err(), serveErr, readFault(readErr, said), waitErr)}
	}
	return a, readErr
}

// args are what pg_dump is called with. Everyone on the machine can read them.
func (c Config) args() []string {
	wait := c.LockWait
	if wait <= 0 {
		wait = time.Minute
	}
	args := append(slices.Clone(c.ExtraArgs), "--format=custom", "--compress=0", "--schema-only", "--no-publications",
		"--no-subscriptions", "--encoding=UTF8", "--no-password", "--lock-wait-timeout="+strconv.FormatInt(wait.Milliseconds(), 10))
	if c.Snapshot != "" {
		args = append(args, "--snapshot="+c.Snapshot)
	}
	for _, t := range c.ExcludeTables {
		args = append(args, "--exclude-table="+t)
	}
	return args
}

// environment is ours without any PG variable, which would meddle with the
// connection, and with where the relay listens.
func environment(ours []string, r *relay) []string {
	env := slices.DeleteFunc(slices.Clone(ours), func(v string) bool {
		return strings.HasPrefix(v, "PG") || strings.HasPrefix(v, "LC_ALL=") || strings.HasPrefix(v, "LC_MESSAGES=")
	})
	return append(env, "PGHOST="+r.folder, "PGPORT="+port, "PGUSER="+r.server.Config.User, "PGDATABASE="+r.server.Config.Database,
		"PGPASSFILE="+filepath.Join(r.folder, "none"), "PGGSSENCMODE=disable", "LC_MESSAGES=C")
}

// cause is the first that is there: what the server said tells more than how the
// program then ended.
func cause(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// readFault is why the archive could not be read, when pg_dump itself said
// nothing: we then killed it.
func readFault(err error, said *tail) error {
	if len(said.lines(1)) > 0 {
		return nil
	}
	return err
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 8 << 10
	t.b = append(t.b, p...)
	if len(t.b) > most {
		t.b = append(t.b[:0], t.b[len(t.b)-most:]...)
	}
	return len(p), nil
}

// lines returns the last n lines that are not empty.
func (t *tail) lines(n int) []string {
	all := slices.DeleteFunc(strings.Split(string(t.b), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	return all[max(0, len(all)-n):]
}
