package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Cluster is a running server with its own data folder.
type Cluster struct {
	Major int
	Host  string // always 127.0.0.1
	Port  int    // stays the same over Stop and Start

	// User and Password are those of the superuser.
	User, Password string

	dir  string // holds data/, log and, with TLS, the certificates
	bin  string // server programs
	own  bool
	tls  bool
	acct account

	mu        sync.Mutex
	process   *process // nil while stopped
	killed    bool     // since the last start
	passwords map[string]string
}

// Server returns this binary's shared cluster of a major version with these options,
// started at the first call. Where the version is missing the test is skipped, and
// fails when CI=true.
func Server(t testing.TB, major int, opts ...Option) *Cluster {
	t.Helper()
	o := newOptions(opts)
	c, err := everyone.share(major, o)
	if err != nil {
		unavailable(t, major, err)
	}
	return c
}

// Own starts a cluster for this test alone. It is gone when the test ends.
func Own(t testing.TB, major int, opts ...Option) *Cluster {
	t.Helper()
	c, err := everyone.start(major, newOptions(opts))
	if err != nil {
		unavailable(t, major, err)
	}
	c.own = true
	t.Cleanup(c.discard)
	return c
}

func unavailable(t testing.TB, major int, err error) {
	t.Helper()
	if errors.Is(err, errAbsent) {
		missing(t, major == mainMajor, err)
	}
	t.Fatalf("start PostgreSQL %d: %v", major, err)
}

func (f *family) share(major int, o *options) (*Cluster, error) {
	key := o.key(major)
	f.mu.Lock()
	once, ok := f.shared[key]
	if !ok {
		once = sync.OnceValues(func() (*Cluster, error) { return f.start(major, o) })
		f.shared[key] = once
	}
	f.mu.Unlock()
	return once()
}

// start makes a cluster out of the version's seed and starts it. Another program may
// take the port before the server does, so it is tried again on a new one.
func (f *family) start(major int, o *options) (*Cluster, error) {
	bin, err := findBinaries(major, o.pglogical, "postgres", "initdb")
	if err != nil {
		return nil, err
	}
	s, err := f.seed(bin)
	if err != nil {
		return nil, err
	}
	dir, err := f.account.mkdir(f.dir, fmt.Sprintf("cluster%d", f.number()))
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Major: major, Host: "127.0.0.1", User: superuser, Password: s.password,
		dir: dir, bin: s.bin, tls: o.tls, acct: f.account, passwords: make(map[string]string),
	}
	if err := c.furnish(s, o); err != nil {
		return nil, err
	}
	f.keep(c)
	for range 4 {
		if c.Port, err = freePort(); err != nil {
			return nil, err
		}
		if err = c.launch(); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// furnish fills the cluster's folder.
func (c *Cluster) furnish(s seed, o *options) error {
	out, err := c.acct.command("cp", "-R", s.data, c.data()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy %s: %w: %s", s.data, err, out)
	}
	if o.pglogical {
		if o, err = c.allowPglogical(o); err != nil {
			return err
		}
	}
	if err := c.acct.writeFile(filepath.Join(c.data(), "postgresql.conf"), []byte(o.conf())); err != nil {
		return err
	}
	if o.hba != nil {
		if err := c.writeHBA(o.hba); err != nil {
			return err
		}
	}
	if o.tls {
		return c.writeCertificates()
	}
	return nil
}

func (c *Cluster) writeHBA(lines []string) error {
	var text []byte
	for _, line := range lines {
		text = append(append(text, line...), '\n')
	}
	return c.acct.writeFile(filepath.Join(c.data(), "pg_hba.conf"), text)
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// Log returns what the server has logged.
func (c *Cluster) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Start starts a cluster of the test's own again, on the port it had.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	c.mustOwn(t)
	if err := c.launch(); err != nil {
		t.Fatalf("start the server again: %v", err)
	}
}

// Stop shuts a cluster of the test's own down: sessions are ended, nothing is lost.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	c.mustOwn(t)
	if err := c.halt(os.Interrupt); err != nil {
		t.Fatalf("stop the server: %v", err)
	}
}

// Kill ends every process of a cluster of the test's own with kill -9, as a power
// cut would. Start then recovers it.
func (c *Cluster) Kill(t testing.TB) {
	t.Helper()
	c.mustOwn(t)
	if err := c.kill(); err != nil {
		t.Fatalf("kill the server: %v", err)
	}
}

func (c *Cluster) mustOwn(t testing.TB) {
	t.Helper()
	if !c.own {
		t.Fatal("this cluster is shared with other tests: use pgtest.Own")
	}
}

// Dir returns the folder of the cluster, for tests that look at its files or fill its
// disk.
func (c *Cluster) Dir() string { return c.dir }

// discard stops the cluster without ceremony and removes its folder.
func (c *Cluster) discard() {
	if c.halt(quit) != nil {
		_ = c.kill()
	}
	c.freeSharedMemory()
	// Children of the server may still be writing; the watchdog looks once more.
	_ = exec.Command("rm", "-rf", c.dir).Run()
}
