package crash_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

func stageNamed(name string) *stage {
	return stages[slices.IndexFunc(stages, func(s *stage) bool { return s.name == name })]
}

// A first signal stops the program in good order: the exit code says which signal,
// the output what is left and how to go on, and both commands that it gives work.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stage  string
		signal syscall.Signal
		code   int
		giveUp bool
	}{
		{"archive read", syscall.SIGINT, 130, false},
		{"chunk", syscall.SIGTERM, 143, false},
		{"index", syscall.SIGINT, 130, true},
	} {
		t.Run(c.stage, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, bankSchema)
			l := newLife(t, source, target)
			r := l.start(t, "apply", "-auto-approve", "-log=debug")
			r.at(aim{stage: stageNamed(c.stage), nth: 1}, func() { _ = r.cmd.Process.Signal(c.signal) })
			r.wait()
			if r.code() != c.code {
				t.Fatalf("apply ended with %d, want %d:\n%s", r.code(), c.code, r.output())
			}
			for _, want := range []string{
				"Stopped after ", "  mirror.bank  interrupted", "The state is saved in bascule.state.json",
				"peer.target: what mirror.bank has made and copied so far",
				"To continue:  bascule apply\n", "To give up:   bascule destroy -target=mirror.bank\n",
			} {
				if !strings.Contains(r.stdout.String(), want) {
					t.Errorf("the output lacks %q:\n%s", want, r.stdout.String())
				}
			}
			l.checkNoSessions(t)
			if c.giveUp {
				l.giveUp(t)
				return
			}
			l.complete(t)
			l.checkSnapshot(t)
			l.checkNothingLeft(t)
			l.checkEqual(t)
		})
	}
}

// giveUp runs the other command that a stopped apply gives.
func (l *life) giveUp(t *testing.T) {
	t.Helper()
	r := l.start(t, "destroy", "-auto-approve", "-target=mirror.bank")
	r.wait()
	if r.code() != 0 {
		t.Fatalf("destroy ended with %d:\n%s", r.code(), r.output())
	}
	if got := l.target.Query1(t, "select count(*) from pg_namespace where nspname = 'bascule'"); got != "0" {
		t.Error("the ledger is still there")
	}
	l.checkNoSessions(t)
	l.checkFolder(t)
}

// A second signal ends the program at once, whatever it waits for: here for a
// server that does not answer.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, bankSchema)
	l := newLife(t, source, target)
	r := l.start(t, "apply", "-auto-approve", "-log=debug")
	frozen := make(chan int, 1)
	r.at(aim{stage: stageNamed("chunk"), nth: 1}, func() {
		pid, _ := strconv.Atoi(source.Query1(t, "select pid from pg_stat_activity where datname = current_database() and application_name = 'bascule/bank/snapshot'"))
		if pid != 0 { // 0 would be ourselves
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		frozen <- pid
	})
	pid := <-frozen
	if pid == 0 {
		t.Fatal("the copy was over before its session could be stopped")
	}
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	begun := time.Now()
	signalUntilDone(t, r)
	if r.signal() != syscall.SIGINT {
		t.Fatalf("apply ended with %d after %v, and not by the signal:\n%s", r.code(), time.Since(begun), r.output())
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	l.complete(t)
	l.checkSnapshot(t)
	l.checkNothingLeft(t)
}

// signalUntilDone sends SIGINT until the program has ended.
func signalUntilDone(t *testing.T, r *run) {
	t.Helper()
	pgtest.Eventually(t, func() error {
		select {
		case <-r.read:
			return nil
		default:
		}
		if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		return fmt.Errorf("pid %d is still there", r.cmd.Process.Pid)
	})
	r.wait()
}

// A killed program's session may be busy for seconds before it notices. The next
// apply waits for it.
func TestKilledWhileTheServerIsBusy(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create materialized view slow as select 1 as one, pg_sleep(2)::text as nothing")
	l := newLife(t, source, target)
	r := l.start(t, "apply", "-auto-approve", "-log=debug")
	r.at(aim{stage: stageNamed("refresh"), nth: 1, delay: 200 * time.Millisecond}, r.kill)
	r.wait()
	if r.signal() != syscall.SIGKILL {
		t.Fatalf("apply ended with %d:\n%s", r.code(), r.output())
	}
	l.complete(t)
	l.checkNothingLeft(t)
	l.checkEqual(t)
}
