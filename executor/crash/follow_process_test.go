package crash_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// folder is where a configuration lies and the program is run.
type folder struct {
	dir   string
	build string // the program
	env   []string
	name  string // of its logs
	runs  int
}

// process is a run of the program whose log can be waited for.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	ended  chan struct{} // closed when its log has ended

	mu    sync.Mutex
	lines []string
	news  chan struct{} // closed and replaced when a line comes
}

// start runs the program with the debug log.
func (f *folder) start(t *testing.T, args ...string) *process {
	t.Helper()
	f.runs++
	args = append(args, "-log=debug")
	p := &process{cmd: exec.CommandContext(t.Context(), f.build, args...), ended: make(chan struct{}), news: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = f.dir, append(os.Environ(), f.env...)
	p.cmd.Stdout = &p.stdout
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.read(bufio.NewScanner(stderr))
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	kept := filepath.Join(t.ArtifactDir(), fmt.Sprintf("%s-%03d-%s.log", f.name, f.runs, args[0]))
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		_ = os.WriteFile(kept, []byte(strings.Join(p.lines, "\n")+"\n"+p.stdout.String()), 0o600)
	})
	return p
}

func (p *process) read(lines *bufio.Scanner) {
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		close(p.news)
		p.news = make(chan struct{})
		p.mu.Unlock()
	}
}

// mark is how many lines there are now, for await to begin at.
func (p *process) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// await returns the index of the first line from a mark on that matches, at once when
// it comes; -1 when the process ended or the time is over before.
func (p *process) await(from int, atMost time.Duration, match func(line string) bool) int {
	limit := time.NewTimer(atMost)
	defer limit.Stop()
	for over := false; ; {
		p.mu.Lock()
		for ; from < len(p.lines); from++ {
			if match(p.lines[from]) {
				p.mu.Unlock()
				return from
			}
		}
		news := p.news
		p.mu.Unlock()
		if over {
			return -1
		}
		select {
		case <-news:
		case <-p.ended:
			over = true
		case <-limit.C:
			over = true
		}
	}
}

// since returns the lines from a mark on.
func (p *process) since(from int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[from:len(p.lines):len(p.lines)]
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process with kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks it to end, and demands that it does in good order.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.wait(t)
	if code := p.code(); code != 143 {
		t.Errorf("after SIGTERM it ended with %d:\n%s", code, p.output())
	}
}

// wait waits until it has ended.
func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(endsWithin):
		p.kill()
		t.Fatalf("it does not end within %v:\n%s", endsWithin, p.output())
	}
}

const endsWithin = 90 * time.Second

func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

// output is what it said, without the debug log: the end of it.
func (p *process) output() string {
	var kept []string
	for _, line := range p.since(0) {
		if !strings.Contains(line, "level=DEBUG") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-60):], "\n") + "\n" + p.stdout.String()
}

// logged is when a line was logged, to the millisecond.
func logged(line string) time.Time {
	_, rest, _ := strings.Cut(line, "time=")
	text, _, _ := strings.Cut(rest, " ")
	at, _ := time.Parse(time.RFC3339Nano, text)
	return at
}
