package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"bascule/planner/catalog/pgtest"
)

// The exit code of run tells which signal ended it. Its slot is free by then, and the
// next one begins at once.
func TestRunIsEndedBySignal(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, "create table line (id int primary key)")
	dir := t.TempDir()
	text := fmt.Sprintf("peer \"source\" { url = %q }\npeer \"target\" { url = %q }\nmirror \"app\" {\nsource = peer.source\ntarget = peer.target\n}\n", source.URL, target.URL)
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bascule := func(args ...string) (*exec.Cmd, *bytes.Buffer) {
		cmd, said := exec.CommandContext(t.Context(), "bascule", args...), &bytes.Buffer{}
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, said, said
		return cmd, said
	}
	if cmd, said := bascule("apply", "-auto-approve"); cmd.Run() != nil {
		t.Fatalf("apply: %s", said)
	}
	const slot = " from pg_replication_slots where database = current_database()"
	for i, c := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGTERM, 143}, {syscall.SIGINT, 130}, {syscall.SIGTERM, 143}} {
		cmd, said := bascule("run")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		source.Exec(t, fmt.Sprintf("insert into line values (%d)", i))
		target.Eventually(t, fmt.Sprintf("select count(*) from line where id = %d", i), "1")
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("it took %s to begin", took)
		}
		source.Exec(t, fmt.Sprintf("insert into line select %d + i from generate_series(1, 20000) i", 1_000_000*(i+1)))
		if err := cmd.Process.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("after %s it ended with %d, want %d\n%s", c.signal, got, c.code, said)
		}
		if got := source.Query1(t, "select active"+slot); got != "f" {
			t.Errorf("after %s the slot is active: %q", c.signal, got)
		}
		acknowledged := source.Query1(t, "select confirmed_flush_lsn"+slot)
		if got := target.Query1(t, "select lsn = '"+acknowledged+"' from bascule.position"); got != "t" {
			t.Errorf("after %s %s is acknowledged, and the position another", c.signal, acknowledged)
		}
	}
	if cmd, said := bascule("destroy", "-auto-approve"); cmd.Run() != nil {
		t.Fatalf("destroy: %s", said)
	}
}
