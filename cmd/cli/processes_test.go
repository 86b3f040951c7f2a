package cli_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// watch looks at the arguments of every process below pid until the function it
// returns is called, which says where it saw a password.
func (s *script) watch(pid int) (found func() string) {
	done := make(chan struct{})
	var hit string
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for hit == "" {
			hit = s.shownBy(pid)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return func() string {
		close(done)
		wg.Wait()
		return hit
	}
}

// shownBy returns the process below pid whose arguments hold a password. A process
// that is gone shows nothing. The arguments of pid itself are the script's own.
func (s *script) shownBy(pid int) string {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for child := range strings.FieldsSeq(string(children)) {
		var n int
		if _, err := fmt.Sscan(child, &n); err != nil {
			continue
		}
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", n))
		if s.secretIn(string(args)) {
			return strings.SplitN(string(args), "\x00", 2)[0]
		}
		if hit := s.shownBy(n); hit != "" {
			return hit
		}
	}
	return ""
}
