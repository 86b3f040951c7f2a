// Package contender knows the programs that are compared, each as a user would
// run it.
package contender

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"bascule/bench/client"
	"bascule/bench/workload"
)

// Move is one database to be moved into an empty one.
type Move struct {
	Workload       workload.Workload
	Source, Target string // connection strings

	// Dir is an empty folder for whatever is written on the way.
	Dir string

	// Binary is our program.
	Binary string
}

// Contender is one way to move a database.
type Contender struct {
	// Name is what a flag calls it, Command what the report shows.
	Name, Command string

	// Program must be installed.
	Program string

	// Once says that one round is enough for a workload of many small tables: it
	// takes minutes there, and no bar rests on it.
	Once bool

	// BigOnly says that it can only move workloads of one big table.
	BigOnly bool

	// Run moves the database and returns when all of it is there.
	Run func(context.Context, Move) (client.Usage, error)
}

// Names of the contenders that bars speak of.
const (
	Ours        = "bascule"
	Pgcopydb    = "pgcopydb"
	DumpRestore = "dumprestore"
	Pipe        = "pipe"
	Raw         = "raw"
)

// All are the contenders, ours first.
func All() []Contender {
	return []Contender{
		{Name: Ours, Command: "bascule apply -auto-approve (continuous = false, workers = 2)", Run: ours},
		{Name: Pgcopydb, Command: "pgcopydb clone --table-jobs 2 --index-jobs 2", Program: "pgcopydb", Once: true, Run: pgcopydb},
		{Name: DumpRestore, Command: "pg_dump -Fd -j 2, then pg_restore -j 2", Program: "pg_restore", Run: dumpRestore},
		{Name: Pipe, Command: "pg_dump | psql -q", Program: "pg_dump", Run: pipe},
		{Name: Raw, Command: "two binary COPY streams by ctid range, then the index builds on two connections", Program: "psql", BigOnly: true, Run: raw},
	}
}

// Installed says whether the contender's program is there.
func (c Contender) Installed() bool {
	if c.Program == "" {
		return true
	}
	_, err := exec.LookPath(c.Program)
	return err == nil
}

func ours(ctx context.Context, m Move) (client.Usage, error) {
	if err := Configure(m); err != nil {
		return client.Usage{}, err
	}
	return client.Run(ctx, nil, client.Command{Args: []string{m.Binary, "apply", "-auto-approve"}, Dir: m.Dir})
}

// Configure writes the main.hcl of a move to its folder.
func Configure(m Move) error {
	text := fmt.Sprintf(mainHCL, m.Source, m.Target)
	return os.WriteFile(filepath.Join(m.Dir, "main.hcl"), []byte(text), 0o600)
}

func pgcopydb(ctx context.Context, m Move) (client.Usage, error) {
	return client.Run(ctx, nil, client.Command{Args: []string{"pgcopydb", "clone",
		"--source", m.Source, "--target", m.Target,
		"--table-jobs", "2", "--index-jobs", "2", "--dir", filepath.Join(m.Dir, "pgcopydb")}})
}

func dumpRestore(ctx context.Context, m Move) (client.Usage, error) {
	archive := filepath.Join(m.Dir, "archive")
	dumped, err := client.Run(ctx, nil, client.Command{Args: []string{"pg_dump", "-Fd", "-j", "2", "-f", archive, "-d", m.Source}})
	if err != nil {
		return dumped, err
	}
	restored, err := client.Run(ctx, nil, client.Command{Args: []string{"pg_restore", "-j", "2", "-d", m.Target, archive}})
	return dumped.Then(restored), err
}

func pipe(ctx context.Context, m Move) (client.Usage, error) {
	return client.Run(ctx, nil, client.Command{Args: []string{"pg_dump", "-d", m.Source}}, psql(m.Target, "-q"))
}

// psql is the command that runs psql on a database, stopping at the first error.
func psql(url string, args ...string) client.Command {
	return client.Command{Args: append([]string{"psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", url}, args...)}
}

const mainHCL = `peer "source" {
  url = %q
}

peer "target" {
  url = %q
}

mirror "bench" {
  source     = peer.source
  target     = peer.target
  continuous = false

  copy {
    workers = 2
  }
}
`
