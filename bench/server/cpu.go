package server

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CPU is the user and system time of the postmaster and all its children since
// the start, those that have ended included: Linux adds the time of a child to
// the postmaster's when the postmaster reaps it. The difference of two readings
// is therefore exact to the clock tick, whatever started and ended in between.
func (c *Cluster) CPU() (time.Duration, error) {
	for range 1000 {
		before, err := readFamily(c.pid)
		if err != nil {
			return 0, err
		}
		after, err := readFamily(c.pid)
		if err != nil {
			return 0, err
		}
		// A child that was reaped within a reading may count twice or not at all.
		if slices.Equal(before.pids, after.pids) {
			return time.Duration(after.ticks) * tick, nil
		}
	}
	return 0, fmt.Errorf("server %d: processes come and go too fast to be read", c.pid)
}

// family is one reading of a postmaster and its children.
type family struct {
	pids  []int
	ticks int64
}

func readFamily(postmaster int) (family, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return family{}, err
	}
	var f family
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		s, err := readStat(pid)
		if err != nil {
			continue // gone since the folder was read
		}
		if pid == postmaster || s.parent == postmaster {
			f.pids = append(f.pids, pid)
			f.ticks += s.ticks
		}
	}
	slices.Sort(f.pids)
	if !slices.Contains(f.pids, postmaster) {
		return family{}, fmt.Errorf("server %d is gone", postmaster)
	}
	return f, nil
}

// stat is what is wanted of /proc/PID/stat.
type stat struct {
	parent int
	ticks  int64 // own, and of children that were reaped
}

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The second field is the program's name in brackets and may hold anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	var s stat
	if s.parent, err = strconv.Atoi(fields[1]); err != nil {
		return stat{}, err
	}
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return stat{}, err
		}
		s.ticks += n
	}
	return s, nil
}

// tick is Linux's USER_HZ, the unit of times in /proc.
const tick = 10 * time.Millisecond
