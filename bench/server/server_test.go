package server_test

import (
	"os"
	"testing"
	"time"

	"bascule/bench/server"
)

func TestCPUCountsBackendsThatEnded(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(server.Programs); err != nil {
		t.Skip("PostgreSQL 15 is not installed")
	}
	dir, err := os.MkdirTemp("", "bascule-bench-test-") // t.TempDir keeps other users out
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c, err := server.Start(t.Context(), server.Config{Dir: dir + "/data", Settings: []string{"fsync = off", "autovacuum = off"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	before, err := c.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Exec(t.Context(), "postgres", burn); err != nil {
		t.Fatal(err)
	}
	after, err := c.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if used := after - before; used < 50*time.Millisecond || used > 20*time.Second {
		t.Errorf("ten million turns of a loop were measured as %v", used)
	}
}

// A loop of a length, not of a time: on a busy machine half a second on the clock may
// be little of CPU.
const burn = `
	do $$
	begin
		for i in 1 .. 10000000 loop
		end loop;
	end $$`
