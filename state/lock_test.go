package state_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bascule/config"
	"bascule/state"
)

// holdEnv makes this test binary a second process: it locks the state named in it,
// says so, and keeps the lock until its standard input ends.
const holdEnv = "STATE_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdEnv); path != "" {
		os.Exit(hold(path))
	}
	os.Exit(m.Run())
}

func hold(path string) int {
	s, err := state.Open(config.Backend{Path: path}, ".")
	if err != nil {
		return 1
	}
	unlock, err := s.Lock(context.Background(), state.NewHolder("apply", time.Now()), 0)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if unlock() != nil {
		return 1
	}
	return 0
}

// other is a second process that holds the lock.
type other struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func start(t *testing.T, path string) *other {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "locked\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	return &other{cmd: cmd, stdin: in}
}

func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "s.json")
	s := open(t, path)
	o := start(t, path)

	_, err := s.Lock(ctx, state.Holder{Who: "me"}, 0)
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != o.cmd.Process.Pid || locked.Holder.Command != "apply" || locked.ExitCode() != 5 {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("pid %d", o.cmd.Process.Pid)) {
		t.Errorf("the message does not name the holder: %v", err)
	}
	if _, err := s.Lock(ctx, state.Holder{}, 150*time.Millisecond); !errors.As(err, &locked) {
		t.Errorf("waiting in vain: %v", err)
	}

	if err := o.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	unlock, err := s.Lock(ctx, state.Holder{Who: "me"}, time.Minute)
	if err != nil {
		t.Fatalf("the lock of a killed process: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}

func TestLockIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.json")
	s := open(t, path)
	o := start(t, path)
	got := make(chan error, 1)
	go func() {
		unlock, err := s.Lock(context.Background(), state.Holder{Who: "me"}, time.Minute)
		if err == nil {
			err = unlock()
		}
		got <- err
	}()
	if err := o.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path + ".lock"); err != nil || len(data) != 0 {
		t.Errorf("after unlocking the lock file says %q, %v", data, err)
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.json")
	start(t, path)
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stopped)
	if _, err := open(t, path).Lock(ctx, state.Holder{}, time.Minute); !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
}
