package cli_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"bascule/config"
	"bascule/planner/catalog/pgtest"
	"bascule/state"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script/*.txtar, each with two databases of its own: the
// source has source.sql of the script in it, the target target.sql.
//
// Passwords are only in the environment. Every run of the program by `exits` looks
// for them in its output, in every file of the script's folder, and in the
// arguments of every process that it starts.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := &script{t: t, databases: map[string]*pgtest.DB{}}
			testscript.Run(t, testscript.Params{
				Files: []string{file}, RequireExplicitExec: true,
				Setup: s.setup,
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": s.exits, "eventually": s.eventually, "sql": s.sql, "server": s.server, "sub": substitute, "until": s.until,
					"lock": s.lock, "unlock": s.free, "hold": s.hold, "release": s.release, "nosecrets": s.nosecrets, "grow": s.grow,
				},
			})
		})
	}
}

// script is the databases of one script.
type script struct {
	t         *testing.T
	databases map[string]*pgtest.DB
	secrets   []string
	unlock    func() error
	holder    *pgx.Conn
	disk      string // the small one that the target is on
}

// setup creates the databases and puts how to reach them into the environment:
// SOURCE_HOST, _PORT, _DATABASE, _USER, _PASSWORD, _URL, the same with SOURCE_PLAIN_
// for a role without any rights, and TARGET_ likewise.
func (s *script) setup(env *testscript.Env) error {
	if _, err := os.Stat(filepath.Join(env.WorkDir, "offline")); err == nil {
		return nil
	}
	for _, name := range []string{"source", "target"} {
		sql, err := os.ReadFile(filepath.Join(env.WorkDir, name+".sql"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		db, err := s.database(env.WorkDir, name)
		if err != nil {
			return err
		}
		if len(sql) > 0 {
			db.Exec(s.t, string(sql))
		}
		s.databases[name] = db
		plain, _ := db.Role(s.t, "")
		for suffix, url := range map[string]string{"": db.URL, "_plain": db.URLAs(plain)} {
			if err := s.publish(env.Setenv, name+suffix, url); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish takes a URL apart into environment variables.
func (s *script) publish(setenv func(key, value string), name, url string) error {
	cfg, err := pgconn.ParseConfig(url)
	if err != nil {
		return err
	}
	prefix := strings.ToUpper(name) + "_"
	setenv(prefix+"HOST", cfg.Host)
	setenv(prefix+"PORT", strconv.Itoa(int(cfg.Port)))
	setenv(prefix+"DATABASE", cfg.Database)
	setenv(prefix+"USER", cfg.User)
	setenv(prefix+"PASSWORD", cfg.Password)
	setenv(prefix+"URL", url)
	s.secrets = append(s.secrets, cfg.Password)
	return nil
}

// exits runs a program and checks its exit code: exits CODE PROGRAM [ARG...].
func (s *script) exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	stdout, stderr, got := s.runs(ts, args[1:])
	_, _ = io.WriteString(ts.Stdout(), stdout)
	_, _ = io.WriteString(ts.Stderr(), stderr)
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// eventually runs a program again and again, until it exits with a code and what it says
// matches: eventually CODE REGEXP PROGRAM [ARG...]. One reading cannot know a state that
// comes and goes, such as that of a worker which fails and is started again.
func (s *script) eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: eventually CODE REGEXP PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	match, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	var stdout, stderr string
	pgtest.Eventually(s.t, func() (err error) {
		var got int
		if stdout, stderr, got = s.runs(ts, args[2:]); got != want || !match.MatchString(stdout+stderr) {
			err = fmt.Errorf("%s: exit code %d, want %d, with %q in\n%s%s", strings.Join(args[2:], " "), got, want, args[1], stdout, stderr)
		}
		return err
	})
	_, _ = io.WriteString(ts.Stdout(), stdout)
	_, _ = io.WriteString(ts.Stderr(), stderr)
}

// runs runs a program, looks for passwords, and returns what it said and its exit code.
func (s *script) runs(ts *testscript.TestScript, args []string) (stdout, stderr string, code int) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), environ(ts)
	if cmd.Err == nil {
		path, err := exec.LookPath(args[0])
		ts.Check(err)
		cmd.Path = path
	}
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	ts.Check(cmd.Start())
	leak := s.watch(cmd.Process.Pid)
	err := cmd.Wait()
	if found := leak(); found != "" {
		ts.Fatalf("a process shows the password: %s", found)
	}
	s.keepsSecrets(ts, out.String()+complaints.String())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	return out.String(), complaints.String(), cmd.ProcessState.ExitCode()
}

// environ is the script's environment for a program.
func environ(ts *testscript.TestScript) []string {
	var list []string
	for _, name := range []string{"PATH", "WORK", "TMPDIR", "HOME", "PEER_PASSWORD", "BASCULE_PG_DUMP"} {
		if v := ts.Getenv(name); v != "" {
			list = append(list, name+"="+v)
		}
	}
	for _, end := range []string{"SOURCE", "SOURCE_PLAIN", "TARGET", "TARGET_PLAIN"} {
		for _, part := range []string{"HOST", "PORT", "DATABASE", "USER", "PASSWORD", "URL"} {
			if v := ts.Getenv(end + "_" + part); v != "" {
				list = append(list, end+"_"+part+"="+v)
			}
		}
	}
	return append(list, "USER=tester")
}

// keepsSecrets fails when a password is in text or in a file of the script.
func (s *script) keepsSecrets(ts *testscript.TestScript, text string) {
	err := filepath.WalkDir(ts.Getenv("WORK"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if hit := s.secretIn(string(data)); hit {
			return fmt.Errorf("%s holds a password", path)
		}
		return err
	})
	ts.Check(err)
	if s.secretIn(text) {
		ts.Fatalf("the output holds a password:\n%s", text)
	}
}

func (s *script) secretIn(text string) bool {
	for _, secret := range append(s.secrets, "wr0ng-s3cret") {
		if strings.Contains(text, secret) {
			return true
		}
	}
	return false
}

// nosecrets looks for passwords in what the last program printed, and in every file.
func (s *script) nosecrets(ts *testscript.TestScript, neg bool, args []string) {
	s.keepsSecrets(ts, ts.ReadFile("stdout")+ts.ReadFile("stderr"))
}

// sql runs SQL in a database and prints the rows: sql source|target STATEMENT.
func (s *script) sql(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || s.databases[args[0]] == nil {
		ts.Fatalf("usage: sql source|target STATEMENT")
	}
	_, _ = fmt.Fprintln(ts.Stdout(), s.databases[args[0]].Query(s.t, args[1]))
}

// until waits for a query to give a value: until source|target VALUE STATEMENT.
func (s *script) until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || s.databases[args[0]] == nil {
		ts.Fatalf("usage: until source|target VALUE STATEMENT")
	}
	s.databases[args[0]].Eventually(s.t, args[2], args[1])
}

// lock takes the lock of the script's state in the name of somebody else.
func (s *script) lock(ts *testscript.TestScript, neg bool, args []string) {
	store, err := state.Open(config.Backend{}, ts.Getenv("WORK"))
	ts.Check(err)
	alice := state.Holder{Who: "alice", Host: "build7", PID: 4711, Command: "apply", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s.unlock, err = store.Lock(s.t.Context(), alice, 0)
	ts.Check(err)
}

// free lets the lock go.
func (s *script) free(ts *testscript.TestScript, neg bool, args []string) { ts.Check(s.unlock()) }

// substitute edits a file: sub FILE OLD NEW.
func substitute(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: sub FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	data := ts.ReadFile(path)
	if !strings.Contains(data, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(data, args[1], args[2])), 0o600))
}
