package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dustin/go-humanize"

	"bascule/bench/client"
	"bascule/bench/report"
	"bascule/bench/server"
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
	setting, err := describeSetting(ctx, [][]string{{s.binary, "version"}, {"pgcopydb", "--version"}},
		settings("logical on the source, replica on the target", s.fsync), "make bench-copy")
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := report.Write(&text, setting, loaded); err != nil {
		return err
	}
	return replacePart(s.write, text.String())
}

// replacePart writes one of the parts of the report to a file, and keeps the others, if
// the file has them: copying comes first, then draining, then the engines.
func replacePart(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parts := splitParts(string(old))
	for i, part := range splitParts(text) {
		if part != "" {
			parts[i] = part
		}
	}
	whole := strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "\n")
	return os.WriteFile(path, []byte(whole), 0o644)
}

// splitParts cuts a report before the titles of its later parts. A part that is not
// there is "".
func splitParts(text string) []string {
	titles := []string{report.DrainTitle, report.EnginesTitle}
	parts := make([]string, 1+len(titles))
	for i, title := range slices.Backward(titles) {
		if at := strings.Index("\n"+text, "\n"+title); at >= 0 {
			parts[i+1], text = text[at:], text[:at]
		}
	}
	parts[0] = text
	for i, p := range parts {
		if p = strings.Trim(p, "\n"); p != "" {
			parts[i] = p + "\n"
		}
	}
	return parts
}

// describeSetting says where it is measured: the programs are asked for their version.
func describeSetting(ctx context.Context, programs [][]string, servers []string, command string) (report.Setting, error) {
	hardware, err := hardware()
	if err != nil {
		return report.Setting{}, err
	}
	versions := []string{strings.Replace(runtime.Version(), "go", "Go ", 1)}
	for _, args := range append([][]string{{filepath.Join(server.Programs, "postgres"), "--version"}}, programs...) {
		if v := says(ctx, args...); v != "" {
			versions = append(versions, v)
		}
	}
	return report.Setting{Machine: hardware, Versions: versions, Server: servers, Command: command}, nil
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
