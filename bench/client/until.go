package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Until runs a program that goes on until it is told to stop: SIGTERM when the
// context ends, SIGKILL a minute later. It fails if the program ends before, or ends
// with another exit code than 0 or 143, with what it said last. Started, which may be
// nil, is told the process id.
func Until(ctx context.Context, c Command, started func(pid int)) (Usage, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Dir = append(os.Environ(), c.Env...), c.Dir
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Usage{}, err
	}
	if started != nil {
		started(cmd.Process.Pid)
	}
	err := cmd.Wait()
	name := filepath.Base(c.Args[0])
	switch {
	case ctx.Err() == nil:
		return Usage{}, fmt.Errorf("%s ended by itself: %w: %s", name, errors.Join(err, errEnded), tail(said.String()))
	case !slices.Contains([]int{0, 143}, cmd.ProcessState.ExitCode()):
		return Usage{}, fmt.Errorf("%s, told to stop: %s: %s", name, cmd.ProcessState, tail(said.String()))
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return Usage{
		Wall:    time.Since(start),
		CPU:     cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		PeakRSS: used.Maxrss << 10,
	}, nil
}

var errEnded = errors.New("it was to go on")

// RSS is the resident memory of a running process, in bytes.
func RSS(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm: %q", pid, data)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
