package pgtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sharedMemory is a file system in memory.
const sharedMemory = "/dev/shm"

// enough is how much memory has to be free for clusters to be in it. Two packages whose
// tests run at once take a little over two GiB.
const enough = 6 << 30

// place is the folder to make the family's in: one in memory where there is plenty of
// that, and TMPDIR says nothing else.
//
// A cluster is thousands of small files that live for seconds. On ext4 a file that is
// made passes over each inode that was freed in the last minutes, which took a third of
// all the processor's time of the tests.
func place() string {
	var fs unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(sharedMemory, &fs) != nil {
		return os.TempDir()
	}
	if fs.Flags&unix.ST_NOEXEC != 0 || fs.Bavail*uint64(fs.Bsize) < enough || freeMemory() < enough {
		return os.TempDir()
	}
	return sharedMemory
}

// freeMemory is how much memory the machine and our control group have left, in bytes.
func freeMemory() uint64 {
	text, _ := os.ReadFile("/proc/meminfo")
	_, rest, _ := strings.Cut(string(text), "MemAvailable:")
	var machine uint64
	_, _ = fmt.Sscan(rest, &machine)
	return min(machine<<10, groupMemory())
}

// groupMemory is what the control group may still take; without a limit it is everything.
func groupMemory() uint64 {
	read := func(names ...string) (n uint64, err error) {
		for _, name := range names {
			var text []byte
			if text, err = os.ReadFile("/sys/fs/cgroup/" + name); err == nil {
				return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
			}
		}
		return 0, err
	}
	limit, err := read("memory.max", "memory/memory.limit_in_bytes")
	if err != nil { // no limit, which reads "max", or no control group
		return 1 << 62
	}
	used, _ := read("memory.current", "memory/memory.usage_in_bytes")
	return limit - min(limit, used)
}
