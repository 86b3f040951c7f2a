package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dustin/go-humanize"

	"bascule/bench/client"
	"bascule/bench/report"
	"bascule/bench/workload"
)

// writeReport renders all results of this scale that the folder holds, those of
// earlier invocations included.
func writeReport(ctx context.Context, s stage, results string) error {
	var all []string
	for _, w := range workload.All() {
		all = append(all, w.Name)
	}
	loaded, err := report.Load(results, s.scale, all)
	if err != nil {
		return err
	}
	setting, err := describeSetting(ctx, s)
	if err != nil {
		return err
	}
	file, err := os.Create(s.write)
	if err != nil {
		return err
	}
	if err := report.Write(file, setting, loaded); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

func describeSetting(ctx context.Context, s stage) (report.Setting, error) {
	hardware, err := hardware()
	if err != nil {
		return report.Setting{}, err
	}
	version, err := s.source.Version(ctx)
	if err != nil {
		return report.Setting{}, err
	}
	versions := []string{"PostgreSQL " + version, strings.Replace(runtime.Version(), "go", "Go ", 1)}
	for _, args := range [][]string{{s.binary, "version"}, {"pgcopydb", "--version"}} {
		if v := says(ctx, args...); v != "" {
			versions = append(versions, v)
		}
	}
	both := settings("logical on the source, replica on the target", s.fsync)
	return report.Setting{Machine: hardware, Versions: versions, Server: both, Command: "make bench"}, nil
}

// says is the first line of what a program prints, or "" if it does not run.
func says(ctx context.Context, args ...string) string {
	var out strings.Builder
	if _, err := client.Run(ctx, &out, client.Command{Args: args}); err != nil {
		return ""
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	return first
}

// hardware is the hardware and kernel, as Linux tells.
func hardware() ([]string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, err
	}
	model, err := procValue("/proc/cpuinfo", "model name")
	if err != nil {
		return nil, err
	}
	memory, err := procValue("/proc/meminfo", "MemTotal")
	if err != nil {
		return nil, err
	}
	var kib uint64
	if _, err := fmt.Sscanf(memory, "%d kB", &kib); err != nil {
		return nil, fmt.Errorf("/proc/meminfo: %q: %w", memory, err)
	}
	return []string{
		fmt.Sprintf("%d cores, %s", runtime.NumCPU(), model),
		humanize.IBytes(kib<<10) + " memory",
		"Linux " + unix.ByteSliceToString(u.Release[:]),
	}, nil
}

// procValue is the value of the first "name: value" line.
func procValue(path, name string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "unknown", nil
}
