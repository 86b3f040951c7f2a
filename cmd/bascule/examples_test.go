package main_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bascule/executor/verify"
	"bascule/planner/catalog/pgtest"
)

var long = flag.Bool("long", false, "apply the examples to targets of PostgreSQL 17 too")

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// Every folder in examples/ is planned and applied by the program as it is built, onto
// servers of several versions. schema.sql and data.sql fill the source. An example
// named shop finds its databases in SHOP_SOURCE_URL, SHOP_SOURCE_PASSWORD, and TARGET
// the same.
func TestExamples(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "bascule")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	folders, err := filepath.Glob("../../examples/*/main.hcl")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, main := range folders {
		folder := filepath.Dir(main)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			server, targets, byServers := shared, []int{15, 18}, true
			if *long {
				targets = []int{15, 17, 18}
			}
			switch filepath.Base(folder) {
			case "pglogical":
				server, targets = pglogical, []int{15, 17}
			case "subscription":
			default:
				byServers = false
			}
			for _, major := range targets {
				t.Run("to "+strconv.Itoa(major), func(t *testing.T) {
					t.Parallel()
					source := server(t, 15).Database(t, "") // of its own: an example may change it
					if byServers {
						source.Exec(t, spannedTable)
					}
					for _, file := range []string{"schema.sql", "data.sql"} {
						if path := filepath.Join(folder, file); exists(path) {
							source.Load(t, path)
						}
					}
					e := example{program, folder, t.TempDir(), source, server(t, major).Database(t, "")}
					e.begin(t)
					opts := verify.Options{Settings: true, Privileges: true, SkipRows: byServers}
					if byServers {
						(&written{example: e}).applied(t, major != 15)
					} else {
						e.bascule(t, 0, "apply", "-auto-approve")
					}
					e.end(t, opts)
				})
			}
		})
	}
}

func shared(t testing.TB, major int) *pgtest.Cluster    { return pgtest.Server(t, major) }
func pglogical(t testing.TB, major int) *pgtest.Cluster { return pgtest.Pglogical(t, major) }

// example is a folder of examples/ with two databases to try it on.
type example struct {
	program, folder, dir string
	source, target       *pgtest.DB
}

// begin plans the example in a copy of its folder.
func (e example) begin(t *testing.T) {
	t.Helper()
	if err := os.CopyFS(e.dir, os.DirFS(e.folder)); err != nil {
		t.Fatal(err)
	}
	e.bascule(t, 0, "fmt", "-check")
	e.bascule(t, 0, "validate")
	e.bascule(t, 2, "plan", "-detailed-exitcode")
}

// end compares both databases of an example that is applied, plans again, and removes it.
func (e example) end(t *testing.T, opts verify.Options) {
	t.Helper()
	report, err := verify.Compare(t.Context(), e.source.Conn(t), e.target.Conn(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Differences {
		t.Errorf("differs: %v", d)
	}
	e.bascule(t, 0, "status")
	e.bascule(t, 0, "plan", "-detailed-exitcode")
	e.bascule(t, 0, "destroy", "-auto-approve")
	for _, db := range []*pgtest.DB{e.source, e.target} {
		if left := db.Query(t, leftovers); left != "" {
			t.Errorf("left behind: %s", left)
		}
	}
}

// leftovers are what a mirror has beside the tables.
const leftovers = `
	select 'slot', slot_name from pg_replication_slots where database = current_database()
	union all select 'subscription', subname from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())
	union all select 'publication', pubname from pg_publication where pubname like 'bascule%'
	union all select 'extension', extname from pg_extension where extname = 'pglogical'
	union all select 'schema', nspname from pg_namespace where nspname like 'bascule%' or nspname = 'pglogical'`

// bascule runs the program and demands an exit code.
func (e example) bascule(t *testing.T, code int, args ...string) {
	t.Helper()
	prefix := strings.ToUpper(filepath.Base(e.folder)) + "_"
	cmd := exec.CommandContext(t.Context(), e.program, args...)
	cmd.Dir = e.dir
	cmd.Env = append(os.Environ(),
		prefix+"SOURCE_URL="+e.source.URL, prefix+"SOURCE_PASSWORD="+e.source.Password,
		prefix+"TARGET_URL="+e.target.URL, prefix+"TARGET_PASSWORD="+e.target.Password)
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("bascule %s: exit code %d (%v), want %d\n%s", strings.Join(args, " "), got, err, code, out)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
