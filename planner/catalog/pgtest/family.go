package pgtest

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// family is all clusters of this test binary. They share a temporary folder, an
// account and a watchdog.
type family struct {
	open     func() error // sets up the fields below, once
	dir      string
	account  account
	watchdog *exec.Cmd
	lifeline io.Closer

	mu     sync.Mutex
	seeds  map[string]func() (seed, error) // by the folder of the programs
	shared map[string]func() (*Cluster, error)
	live   []*Cluster
	count  int
}

var everyone = newFamily()

func newFamily() *family {
	f := &family{
		seeds:  make(map[string]func() (seed, error)),
		shared: make(map[string]func() (*Cluster, error)),
	}
	f.open = sync.OnceValue(f.setUp)
	return f
}

// Run runs the tests of a binary and then stops every cluster they started. It is
// for TestMain, and returns the exit code. m is a *testing.M.
func Run(m interface{ Run() int }) int {
	defer everyone.close()
	return m.Run()
}

func (f *family) setUp() (err error) {
	if f.account, err = serverAccount(); err != nil {
		return err
	}
	if f.dir, err = os.MkdirTemp(place(), "bascule-pgtest-"); err != nil {
		return err
	}
	if err := f.account.give(f.dir); err != nil {
		return err
	}
	return f.startWatchdog()
}

// startWatchdog starts a shell that outlives us by what it takes to clean up: its
// standard input ends when we do, kill -9 and panics included.
func (f *family) startWatchdog() error {
	cmd := exec.Command("/bin/sh", "-c", watchdog, "pgtest-watchdog", f.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	f.watchdog, f.lifeline = cmd, lifeline
	return cmd.Start()
}

// close stops all clusters and waits until nothing of them is left.
func (f *family) close() {
	if f.watchdog == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range f.live {
		wg.Go(c.discard)
	}
	wg.Wait()
	f.lifeline.Close()
	if err := f.watchdog.Wait(); err != nil {
		fmt.Fprintf(os.Stderr, "pgtest: %s may be left: %v\n", f.dir, err)
	}
}

// number counts clusters, databases and roles, for names that are used once.
func (f *family) number() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	return f.count
}

func (f *family) keep(c *Cluster) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live = append(f.live, c)
}

// seed is a cluster that was never started. Copying it is faster than initdb.
type seed struct {
	bin, data, password string
}

// seed returns the seed that the programs in a folder make, made at the first call.
func (f *family) seed(bin string) (seed, error) {
	f.mu.Lock()
	once, ok := f.seeds[bin]
	if !ok {
		once = sync.OnceValues(func() (seed, error) { return f.plant(bin) })
		f.seeds[bin] = once
	}
	f.mu.Unlock()
	return once()
}

func (f *family) plant(bin string) (seed, error) {
	if err := f.open(); err != nil {
		return seed{}, err
	}
	home, err := f.account.mkdir(f.dir, fmt.Sprintf("seed%d", f.number()))
	if err != nil {
		return seed{}, err
	}
	bin, err = f.account.reachable(bin, filepath.Join(home, "programs"))
	if err != nil {
		return seed{}, err
	}
	s := seed{bin: bin, data: filepath.Join(home, "data"), password: rand.Text()}
	kept, err := verifier(s.password)
	if err != nil {
		return seed{}, err
	}
	pwfile := filepath.Join(home, "password")
	if err := f.account.writeFile(pwfile, []byte(kept)); err != nil {
		return seed{}, err
	}
	out, err := f.account.command(filepath.Join(bin, "initdb"), "-D", s.data,
		"-U", superuser, "--pwfile", pwfile, "-A", "scram-sha-256",
		"-E", "UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput()
	if err != nil {
		return seed{}, fmt.Errorf("%s: %w: %s", filepath.Join(bin, "initdb"), err, out)
	}
	return s, nil
}

// superuser is the role that every cluster is made with.
const superuser = "postgres"

// watchdog is given the family's folder. A server that is only just starting has no
// postmaster.pid yet, hence the second look; one that is missed even so stops by
// itself when it finds its folder gone.
const watchdog = `
cat >/dev/null
for round in 1 2; do
	for data in "$1"/cluster*/data; do
		[ -d "$data" ] || continue
		[ "$round" = 1 ] || sleep 0.3
		pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null)
		[ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null || continue
		for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null
	done
done
rm -rf "$1"
`
