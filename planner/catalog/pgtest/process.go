package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

// process is one life of a server.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it was waited for
}

// quit asks a server for an immediate shutdown.
const quit = syscall.SIGQUIT

// limit bounds a start, which may include recovery, and a stop.
const limit = 60 * time.Second

// launch starts the server and waits until it takes sessions.
func (c *Cluster) launch() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		return errors.New("the server runs already")
	}
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := c.acct.command(filepath.Join(c.bin, "postgres"), "-D", c.data(), "-p", strconv.Itoa(c.Port))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.exited)
	}()
	if err := c.awaitReady(p); err != nil {
		_ = cmd.Process.Signal(quit)
		<-p.exited
		return fmt.Errorf("%w\n%s", err, c.logTail())
	}
	c.process, c.killed = p, false
	return nil
}

func (c *Cluster) awaitReady(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := poll(ctx, func() error {
		select {
		case <-p.exited:
			cancel() // nothing will answer any more
			return errors.New("the server ended while it started")
		default:
		}
		conn, err := pgx.Connect(ctx, c.URL(superuser))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err != nil {
		return fmt.Errorf("no session: %w", err)
	}
	return nil
}

// halt sends the server a signal that shuts it down, and waits. A stopped cluster
// stays so.
func (c *Cluster) halt(sig os.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return nil
	}
	if err := c.process.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return c.awaitExit()
}

// kill ends the server and all its children. They are listed while the server cannot
// start new ones.
func (c *Cluster) kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return nil
	}
	pid := c.process.cmd.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	c.killed = true
	victims := children(pid)
	for _, victim := range append(victims, pid) {
		_ = syscall.Kill(victim, syscall.SIGKILL)
	}
	if err := c.awaitExit(); err != nil {
		return err
	}
	// One that is still going has the server's shared memory, beside which none starts.
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return poll(ctx, func() error {
		if i := slices.IndexFunc(victims, attached); i >= 0 {
			return fmt.Errorf("process %d of the server is still there", victims[i])
		}
		return nil
	})
}

// attached reports whether a process has memory: one that is dead has none, also where
// nobody has asked for its end yet.
func attached(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	return err == nil && !strings.HasPrefix(string(text), "0 ")
}

func (c *Cluster) awaitExit() error {
	select {
	case <-c.process.exited:
		c.process = nil
		return nil
	case <-time.After(limit):
		return fmt.Errorf("the server is still there after %v", limit)
	}
}

func children(pid int) []int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// freeSharedMemory removes the segment that a killed server left behind. Its id ends
// the seventh line of postmaster.pid.
func (c *Cluster) freeSharedMemory() {
	if !c.killed {
		return
	}
	text, _ := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	if len(lines) < 7 {
		return
	}
	fields := strings.Fields(lines[6])
	if len(fields) != 2 {
		return
	}
	if id, err := strconv.Atoi(fields[1]); err == nil {
		_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	}
}

func (c *Cluster) logTail() string {
	text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
	return string(text[max(0, len(text)-2000):])
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
