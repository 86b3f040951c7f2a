package cli_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bascule/planner/catalog/pgtest"

	"github.com/jackc/pgx/v5/pgconn"
)

// site is a folder with a configuration and the two databases it names.
type site struct {
	*script
	dir            string
	source, target string // URLs
	bascule        string
}

const siteHCL = `
peer "source" { url = env("SOURCE_URL") }
peer "target" { url = env("TARGET_URL") }
mirror "app" {
  source     = peer.source
  target     = peer.target
  continuous = false
  copy {
    workers    = 3
    chunk_size = "512KiB"
  }
}
`

func newSite(t *testing.T, source, target string) *site {
	t.Helper()
	s := &site{script: &script{t: t}, dir: t.TempDir(), source: source, target: target}
	for _, url := range []string{source, target} {
		cfg, err := pgconn.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		s.secrets = append(s.secrets, cfg.Password)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "main.hcl"), []byte(siteHCL), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.bascule, err = exec.LookPath("bascule"); err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs the program, which must end with this code, say all of these on standard
// output or error (as regular expressions, ^ and $ at lines), and show no password:
// there, in any file, or in the arguments of a process.
func (s *site) run(code int, args []string, says ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.bascule, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "SOURCE_URL="+s.source, "TARGET_URL="+s.target)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	leak := s.watch(cmd.Process.Pid)
	_ = cmd.Wait()
	if found := leak(); found != "" {
		s.t.Errorf("a process shows a password: %s", found)
	}
	out := both.String()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("%s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	for _, want := range says {
		if !regexp.MustCompile("(?m)" + want).MatchString(out) {
			s.t.Errorf("%s does not say %q:\n%s", strings.Join(args, " "), want, out)
		}
	}
	if s.secretIn(out) {
		s.t.Errorf("%s shows a password:\n%s", strings.Join(args, " "), out)
	}
	s.noSecretFiles()
}

func (s *site) noSecretFiles() {
	s.t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if s.secretIn(string(data)) {
			s.t.Errorf("%s holds a password", path)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}

var applyArgs = []string{"apply", "-auto-approve", "-log=debug"}

// checkWide demands that the target has the rows of wideSchema and all built on them.
func (s *site) checkWide(target *pgtest.DB) {
	s.t.Helper()
	if got := target.Query1(s.t, "select count(*) || ' ' || sum(id) from wide"); got != "8000 32004000" {
		s.t.Errorf("the target has %q", got)
	}
	s.run(0, []string{"plan", "-detailed-exitcode"}, `^No changes\.`)
}

// wideSchema has a table of some megabytes, so that a COPY can be cut.
const wideSchema = `
	create table wide (id int primary key, t text not null);
	alter table wide alter t set storage external;
	insert into wide select i, repeat(md5(i::text), 30) from generate_series(1, 8000) i;
	create index wide_t on wide (md5(t));
	create table small (id int primary key, wide int references wide);
	insert into small select i, i from generate_series(1, 100) i;`

// The network cuts connections in mid copy.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		side  string
		all   bool
		times int
		says  string
	}{
		{"one of the target's, once", "target", false, 1, `copy "public"\."wide" part \d+ of \d+.* trying again in`},
		{"all of the target's, once", "target", true, 1, `the copy, from a new snapshot.* trying again in`},
		{"one of the source's, twice", "source", false, 2, `trying again in`},
		{"all of the source's, twice", "source", true, 2, `the copy, from a new snapshot: the snapshot is lost: .*; trying again in`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, wideSchema)
			s := newSite(t, source.URL, target.URL)
			p := newProxy(t, map[string]*pgtest.DB{"source": source, "target": target}[c.side])
			p.plan(1<<20, c.times, c.all)
			*map[string]*string{"source": &s.source, "target": &s.target}[c.side] = p.url
			s.run(0, applyArgs, c.says, `^Apply complete`)
			if n := p.cuts(); n != c.times {
				t.Errorf("%d cuts, want %d", n, c.times)
			}
			s.checkWide(target)
		})
	}
}

// The network goes away in mid copy and does not come back within the budget: the
// state is saved, and the same command goes on later.
func TestDeadNetwork(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"source", "target"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			source, target := pgtest.New(t, wideSchema)
			s := newSite(t, source.URL, target.URL)
			p := newProxy(t, map[string]*pgtest.DB{"source": source, "target": target}[side])
			p.die(1 << 20)
			*map[string]*string{"source": &s.source, "target": &s.target}[side] = p.url
			s.run(9, applyArgs, `trying again in`, `^Apply is not complete`, `connection refused`,
				`on main\.hcl line 4, in mirror "app"`, `^The state is saved in bascule\.state\.json`, `^To continue:  bascule apply$`)
			s.run(0, []string{"status"}, `^mirror\.app `)
			p.revive()
			s.run(0, applyArgs, `^Apply complete`)
			s.checkWide(target)
		})
	}
}

// A table whose rows the target refuses stops, at once; the others are finished, and
// so is all that is built on them.
func TestRefusedValueStopsItsTableOnly(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, 15)
	source := server.Database(t, `
		create table names (id int primary key, name text);
		insert into names values (1, 'Zoë'), (2, '東京');
		create index names_name on names (name);
		create table item (id int primary key, t text);
		insert into item select i, 'é' || i from generate_series(1, 500) i;
		create index item_t on item (t);
		create table part (id int primary key, item int references item, name int references names);
		insert into part select i, i from generate_series(1, 500) i;`)
	target := server.Database(t, "", pgtest.WithEncoding("LATIN1", "C"))
	s := newSite(t, source.URL, target.URL)
	s.run(0, []string{"plan"}, `LATIN1`)
	s.run(9, applyArgs, `copy "public"\."names": .*SQLSTATE 22P05`, `on main\.hcl line 4, in mirror "app"`, `^To continue:  bascule apply$`)
	if got := target.Query(t, "select (select count(*) from names), (select count(*) from item), (select count(*) from part)"); got != "0|500|500" {
		t.Errorf("the target has %s", got)
	}
	if got := target.Query1(t, builtOn); got != "item_pkey item_t part_item_fkey part_pkey" {
		t.Errorf("the target has built %s", got)
	}
	s.run(0, []string{"status"}, `public\.names: .*22P05`)

	// The remedy: the value goes, and the command that continues.
	source.Exec(t, "update names set name = 'Tokyo' where id = 2")
	s.run(0, applyArgs, `^Apply complete`)
	if got := target.Query(t, "select string_agg(name, ' ' order by id) from names"); got != "Zo\xeb Tokyo" && got != "Zoë Tokyo" {
		t.Errorf("the target has %q", got)
	}
	s.run(0, []string{"plan", "-detailed-exitcode"}, `^No changes\.`)
}

const builtOn = `
	select string_agg(name, ' ' order by name) from (
		select indexrelid::regclass::text as name from pg_index where indrelid in ('names'::regclass, 'item'::regclass, 'part'::regclass)
		union all select conname from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace) n`
