package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Config sets up a cluster. Dir is required.
type Config struct {
	// Dir is the data folder. It is initialised unless it is a cluster already.
	Dir string

	// Programs is the folder of initdb and pg_ctl. Default Debian's for 15.
	Programs string

	// Settings are lines of postgresql.conf, on top of loopback and port.
	Settings []string
}

// Cluster is a running PostgreSQL server.
type Cluster struct {
	dir, programs string
	owner         *syscall.Credential
	port, pid     int
}

// Start brings the cluster up on a free port and returns when it accepts
// connections.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: cfg.Dir, programs: cmp.Or(cfg.Programs, Programs), owner: owner}
	if _, err := os.Stat(filepath.Join(c.dir, "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		if err := c.initialise(ctx); err != nil {
			return nil, err
		}
	}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := c.configure(cfg.Settings); err != nil {
		return nil, err
	}
	// Cut short, pg_ctl would leave a server behind; its own time limit holds.
	if err := c.program(context.WithoutCancel(ctx), "pg_ctl", "start", "-w", "-t", "120", "-D", c.dir, "-l", filepath.Join(c.dir, "server.log")); err != nil {
		return nil, err
	}
	if c.pid, err = c.postmaster(); err != nil {
		return nil, errors.Join(err, c.Stop(ctx))
	}
	return c, nil
}

// Stop shuts the cluster down and returns when it is down. The context's
// cancellation is ignored: a server must not outlive the benchmark.
func (c *Cluster) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
	defer cancel()
	return c.program(ctx, "pg_ctl", "stop", "-w", "-t", "120", "-m", "fast", "-D", c.dir)
}

// URL is the connection string of a database on the cluster.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", superuser, c.port, database)
}

// Exec runs statements one after another in a database, each on its own.
func (c *Cluster) Exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("%s: %w", firstLine(s), err)
		}
	}
	return nil
}

// Exists says whether the cluster has a database of that name.
func (c *Cluster) Exists(ctx context.Context, database string) (bool, error) {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var found bool
	err = conn.QueryRow(ctx, databaseExists, database).Scan(&found)
	return found, err
}

// Installed says whether the servers have a library to preload.
func Installed(library string) bool {
	_, err := os.Stat(filepath.Join(Programs, "..", "lib", library+".so"))
	return err == nil
}

// ExtensionVersion is the version of an extension that would be created, or "".
func ExtensionVersion(name string) string {
	data, err := os.ReadFile(filepath.Join(extensions, name+".control"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(data), "default_version")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(line, " ='")
}

// initialise creates the cluster's files, owned by the unprivileged user.
func (c *Cluster) initialise(ctx context.Context) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if c.owner != nil {
		if err := os.Chown(c.dir, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
			return err
		}
	}
	return c.program(ctx, "initdb", "-D", c.dir, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
}

// configure replaces postgresql.conf, so that a cluster that is used again runs
// with today's settings.
func (c *Cluster) configure(settings []string) error {
	lines := append([]string{
		"listen_addresses = '127.0.0.1'",
		"unix_socket_directories = ''",
		fmt.Sprintf("port = %d", c.port),
		"timezone = 'UTC'",
	}, settings...)
	path := filepath.Join(c.dir, "postgresql.conf")
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// program runs one of PostgreSQL's programs as the cluster's owner.
func (c *Cluster) program(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.programs, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setpgid: true}
	log, err := os.CreateTemp("", "bench-"+name)
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log // a file: the server inherits it, and a pipe would never end
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s %s: %w: %s", name, c.dir, err, strings.TrimSpace(string(said)))
	}
	return nil
}

// postmaster reads the server's process id.
func (c *Cluster) postmaster() (int, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(data), "\n")
	return strconv.Atoi(first)
}

// unprivileged is the user that servers run as: nil, the caller, unless that is
// root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uerr, gerr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
}

// freePort is a port that nobody listened on a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return first
}

// Programs is where Debian keeps PostgreSQL 15's server programs.
const Programs = "/usr/lib/postgresql/15/bin"

// extensions is where it keeps their extensions' control files.
const extensions = "/usr/share/postgresql/15/extension"

const superuser = "bench"

const databaseExists = `
	select exists (select from pg_catalog.pg_database where datname = $1)`
