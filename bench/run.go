package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bascule/bench/client"
	"bascule/bench/contender"
	"bascule/bench/report"
	"bascule/bench/server"
)

// run does what the arguments ask for and returns the exit code: 1 when a bar was
// missed or something broke.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 64
	}
	if err := measure(ctx, opts, stdout); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// measure starts the servers, runs what was asked for, and stops them.
func measure(ctx context.Context, opts options, stdout io.Writer) (err error) {
	if err := isolate(); err != nil {
		return err
	}
	if opts.contenders, err = installed(opts, stdout); err != nil {
		return err
	}
	if opts.followers, err = installedFollowers(opts, stdout); err != nil {
		return err
	}
	if opts.binary, err = binary(ctx, opts); err != nil {
		return err
	}
	dir, err := folder(opts.keep)
	if err != nil {
		return err
	}
	if opts.keep == "" {
		defer os.RemoveAll(dir)
	}
	if opts.following() {
		return follow(ctx, drains{options: opts, dir: dir, out: stdout})
	}
	source, err := server.Start(ctx, server.Config{Dir: filepath.Join(dir, "source"), Settings: settings("logical", opts.fsync)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Stop(ctx)) }()
	target, err := server.Start(ctx, server.Config{Dir: filepath.Join(dir, "target"), Settings: settings("replica", opts.fsync)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Stop(ctx)) }()
	s := stage{dir: dir, source: source, target: target, out: stdout, options: opts}
	switch {
	case opts.memory:
		return s.testMemory(ctx)
	case opts.plan:
		return s.testPlan(ctx)
	}
	return race(ctx, s)
}

// race runs every workload, and judges and writes down the results.
func race(ctx context.Context, s stage) error {
	results := filepath.Join(s.dir, "results")
	var missed []string
	for _, w := range s.workloads {
		r, err := s.race(ctx, w)
		if err != nil {
			return fmt.Errorf("workload %s: %w", w.Name, err)
		}
		if err := r.Save(results); err != nil {
			return err
		}
		var b strings.Builder
		report.Section(&b, r)
		fmt.Fprintf(s.out, "\n%s\n", b.String())
		if v := report.Judge(r); v.Judged && !v.Passed {
			missed = append(missed, w.Name+": "+strings.Join(v.Lines, ", "))
		}
	}
	if s.write != "" {
		if err := writeReport(ctx, s, results); err != nil {
			return err
		}
	}
	return bind(s.options, s.out, missed)
}

// isolate takes the caller's libpq variables out of the way, and makes every
// client PostgreSQL 15's own program rather than Debian's wrapper, which costs time.
func isolate() error {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "PG") {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	return os.Setenv("PATH", server.Programs+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// installed leaves out contenders that are not installed; that is an error unless
// the run is a quick one.
func installed(opts options, stdout io.Writer) ([]contender.Contender, error) {
	var there []contender.Contender
	for _, c := range opts.contenders {
		if c.Installed() {
			there = append(there, c)
			continue
		}
		if !opts.quick() && opts.racing() {
			return nil, fmt.Errorf("%s is not installed; install it, or leave it out with -skip %s", c.Program, c.Name)
		}
		fmt.Fprintf(stdout, "%s is not installed: %s is left out\n", c.Program, c.Name)
	}
	return there, nil
}

// installedFollowers leaves out followers whose library is not installed; that is an
// error unless the run is a quick one.
func installedFollowers(opts options, stdout io.Writer) ([]contender.Follower, error) {
	var there []contender.Follower
	for _, f := range opts.followers {
		if f.Library == "" || server.Installed(f.Library) {
			there = append(there, f)
			continue
		}
		if !opts.quick() {
			return nil, fmt.Errorf("%s is not installed; install it, or leave it out with -skip %s", f.Library, f.Name)
		}
		fmt.Fprintf(stdout, "%s is not installed: %s is left out\n", f.Library, f.Name)
	}
	return there, nil
}

// binary is the path of our program, built first if it was not given; "" if it
// does not take part.
func binary(ctx context.Context, opts options) (string, error) {
	part := slices.ContainsFunc(opts.contenders, func(c contender.Contender) bool { return c.Name == contender.Ours })
	if opts.drain || opts.engines {
		part = slices.ContainsFunc(opts.followers, isOurs)
	}
	if (opts.racing() || opts.drain || opts.engines) && !part {
		return "", nil
	}
	if opts.binary != "" {
		return filepath.Abs(opts.binary)
	}
	path, err := filepath.Abs(filepath.Join("bin", "bascule"))
	if err != nil {
		return "", err
	}
	_, err = client.Run(ctx, nil, client.Command{Args: []string{"go", "build", "-o", path, "./cmd/bascule"}})
	return path, err
}

// folder is where servers and data live: the one to keep, or a temporary one.
// The servers' user must be able to pass through it.
func folder(keep string) (string, error) {
	if keep == "" {
		dir, err := os.MkdirTemp("", "bascule-bench-")
		if err != nil {
			return "", err
		}
		return dir, os.Chmod(dir, 0o755)
	}
	dir, err := filepath.Abs(keep)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// settings are the servers' settings, the same for all contenders. Autovacuum
// would run at any moment of any contender's turn, so it is off.
func settings(walLevel string, fsync bool) []string {
	onOff := map[bool]string{true: "on", false: "off"}
	return []string{
		"wal_level = " + walLevel,
		"fsync = " + onOff[fsync],
		"shared_buffers = 512MB",
		"max_wal_size = 8GB",
		"checkpoint_timeout = 1h",
		"autovacuum = off",
		"max_locks_per_transaction = 512",
	}
}
