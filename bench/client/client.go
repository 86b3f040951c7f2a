// Package client runs programs, alone or as a pipe, and says what they cost.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Command is a program with its arguments.
type Command struct {
	Args []string
	Env  []string // added to the caller's
	Dir  string   // default: the caller's
}

// Usage is what programs cost. Wall is the caller's to add up where programs run
// side by side.
type Usage struct {
	Wall time.Duration

	// CPU is user and system time, children that were waited for included.
	CPU time.Duration

	// PeakRSS is that of the largest single process, in bytes.
	PeakRSS int64
}

// Beside is the cost of two things that ran at the same time.
func (u Usage) Beside(v Usage) Usage {
	return Usage{Wall: max(u.Wall, v.Wall), CPU: u.CPU + v.CPU, PeakRSS: max(u.PeakRSS, v.PeakRSS)}
}

// Then is the cost of two things that ran one after another.
func (u Usage) Then(v Usage) Usage {
	return Usage{Wall: u.Wall + v.Wall, CPU: u.CPU + v.CPU, PeakRSS: max(u.PeakRSS, v.PeakRSS)}
}

// Run runs the commands at once, the output of each being the input of the next,
// and waits for all. The last one's output goes to out, which may be nil. It
// fails if any of them does, with what each said last.
func Run(ctx context.Context, out io.Writer, commands ...Command) (Usage, error) {
	processes := make([]process, len(commands))
	for i, c := range commands {
		processes[i].Command = c
	}
	processes[len(processes)-1].out = out
	for i := range len(processes) - 1 {
		r, w, err := os.Pipe()
		if err != nil {
			for _, p := range processes {
				p.closeEnds()
			}
			return Usage{}, err
		}
		processes[i].out, processes[i].close, processes[i+1].in = w, w, r
	}
	run := make([]func(context.Context) (Usage, error), len(processes))
	for i, p := range processes {
		run[i] = p.run
	}
	return Together(ctx, run...)
}

// Together runs several things at once and waits for all of them; the first
// failure stops the others.
func Together(ctx context.Context, run ...func(context.Context) (Usage, error)) (Usage, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	usages, errs := make([]Usage, len(run)), make([]error, len(run))
	var wg sync.WaitGroup
	for i, f := range run {
		wg.Go(func() {
			if usages[i], errs[i] = f(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	var sum Usage
	for _, u := range usages {
		sum = sum.Beside(u)
	}
	sum.Wall = time.Since(start)
	// All, not the first: a broken pipe is often seen before what broke it.
	return sum, errors.Join(errs...)
}

// process is a command and its place in a pipe; its ends of pipes are closed
// when it has ended, so that its neighbours see it.
type process struct {
	Command
	in    *os.File
	out   io.Writer
	close *os.File
}

func (p process) run(ctx context.Context) (Usage, error) {
	defer p.closeEnds()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	cmd.Env, cmd.Dir = append(os.Environ(), p.Env...), p.Dir
	cmd.Stdout, cmd.Stderr = p.out, &said
	if p.in != nil {
		cmd.Stdin = p.in
	}
	// The whole process group: programs with children of their own end too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	err := cmd.Run()
	if err != nil {
		return Usage{}, fmt.Errorf("%s: %w: %s", filepath.Base(p.Args[0]), err, tail(said.String()))
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return Usage{
		CPU:     cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		PeakRSS: used.Maxrss << 10,
	}, nil
}

func (p process) closeEnds() {
	if p.in != nil {
		p.in.Close()
	}
	if p.close != nil {
		p.close.Close()
	}
}

// tail is the end of what a program said, short enough for an error.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}
