package crash_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// life is one mirror from its first apply until it is complete.
type life struct {
	dir            string
	source, target *pgtest.DB
	runs           int
}

func newLife(t *testing.T, source, target *pgtest.DB) *life {
	t.Helper()
	l := &life{dir: t.TempDir(), source: source, target: target}
	if err := os.WriteFile(filepath.Join(l.dir, "main.hcl"), []byte(mainHCL), 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

const mainHCL = `
peer "source" { url = env("SOURCE_URL") }
peer "target" { url = env("TARGET_URL") }
mirror "bank" {
  source     = peer.source
  target     = peer.target
  continuous = false
  copy {
    workers    = 3
    chunk_size = "512KiB"
  }
}
`

// surviveKills kills applies and then lets one come to its end.
func (l *life) surviveKills(t *testing.T, hs *hits, kills int) {
	t.Helper()
	for range kills {
		a := hs.next()
		r := l.start(t, "apply", "-auto-approve", "-log=debug")
		r.at(a, r.kill)
		r.wait()
		switch {
		case r.signal() == syscall.SIGKILL:
			hs.list = append(hs.list, hit{aim: a, last: r.last})
		case r.code() == 0:
			return // done before the moment came
		default:
			t.Fatalf("apply ended with %d after kills:\n%s\n%s", r.code(), hs, r.output())
		}
	}
	l.complete(t)
}

// complete lets an apply come to its end.
func (l *life) complete(t *testing.T) {
	t.Helper()
	r := l.start(t, "apply", "-auto-approve", "-log=debug")
	r.wait()
	if r.code() != 0 {
		t.Fatalf("apply ended with %d:\n%s", r.code(), r.output())
	}
}

// run is one run of the program. What it logs is read as it comes.
type run struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	read   chan struct{} // closed when its log has ended
	kept   string        // file that its log goes to

	// Owned by the reader until read is closed.
	log  bytes.Buffer
	last *stage

	aims chan shot
}

type shot struct {
	aim
	do func()
}

func (l *life) start(t *testing.T, args ...string) *run {
	t.Helper()
	r := &run{cmd: exec.CommandContext(t.Context(), program, args...), read: make(chan struct{}), aims: make(chan shot, 1)}
	l.runs++
	r.kept = filepath.Join(t.ArtifactDir(), fmt.Sprintf("%s-%02d-%s.log", l.target.Name, l.runs, args[0]))
	r.cmd.Dir = l.dir
	r.cmd.Env = append(os.Environ(), "SOURCE_URL="+l.source.URL, "TARGET_URL="+l.target.URL)
	r.cmd.Stdout = &r.stdout
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.read)
		r.follow(bufio.NewScanner(stderr))
	}()
	return r
}

// at has something done at a moment. It is called before the program can log.
func (r *run) at(a aim, do func()) { r.aims <- shot{a, do} }

func (r *run) kill() { _ = r.cmd.Process.Kill() }

func (r *run) follow(lines *bufio.Scanner) {
	lines.Buffer(nil, 1<<20)
	var s shot
	for seen := 0; lines.Scan(); {
		r.log.Write(append(lines.Bytes(), '\n'))
		now := stageOf(lines.Text())
		if now == nil {
			continue
		}
		r.last = now
		if s.stage == nil {
			select {
			case s = <-r.aims:
			default:
			}
		}
		if now == s.stage {
			if seen++; seen == s.nth {
				time.AfterFunc(s.delay, s.do)
			}
		}
	}
}

// wait waits for the program's end and keeps its log as an artifact: see
// go test -artifacts.
func (r *run) wait() {
	<-r.read
	_ = r.cmd.Wait()
	_ = os.WriteFile(r.kept, append(r.log.Bytes(), r.stdout.Bytes()...), 0o600)
}

func (r *run) code() int { return r.cmd.ProcessState.ExitCode() }

// signal returns what ended the program, or 0.
func (r *run) signal() syscall.Signal {
	status := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return status.Signal()
	}
	return 0
}

// output is what the program said, without the debug log.
func (r *run) output() string {
	var b strings.Builder
	for line := range strings.Lines(r.log.String()) {
		if !strings.Contains(line, "level=DEBUG") {
			b.WriteString(line)
		}
	}
	return r.stdout.String() + b.String()
}
