package live_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bascule/config"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/live"
	"bascule/state"
)

// pair is what a mirror that servers are to move is planned over.
type pair struct {
	t                *testing.T
	engine           string
	from, to         *pgtest.Cluster
	source, target   *pgtest.DB
	sourceURL, toURL string
}

func newPair(t *testing.T, engine string, from, to *pgtest.Cluster) *pair {
	t.Helper()
	p := &pair{t: t, engine: engine, from: from, to: to, source: from.Database(t, "create table orders (id int primary key)"), target: to.Database(t, "")}
	p.sourceURL, p.toURL = p.source.URL, p.target.URL
	return p
}

// ways plans, with these from_server blocks, and returns what is said of the ways.
func (p *pair) ways(ofSource, ofTarget string) string {
	p.t.Helper()
	return p.planned(ofSource, ofTarget, "", planner.Input{})
}

func (p *pair) planned(ofSource, ofTarget, body string, in planner.Input) string {
	p.t.Helper()
	dir := p.t.TempDir()
	hcl := fmt.Sprintf("peer \"a\" {\nurl = %q\n%s\n}\npeer \"b\" {\nurl = %q\n%s\n}\nmirror \"app\" {\nsource = peer.a\ntarget = peer.b\nengine = %q\n%s\n}\n",
		p.sourceURL, ofSource, p.toURL, ofTarget, p.engine, body)
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(hcl), 0o600); err != nil {
		p.t.Fatal(err)
	}
	cfg, diags := config.Load(dir, config.Inputs{})
	if diags.HasErrors() {
		p.t.Fatal(diags)
	}
	in.Config, in.State = cfg, &state.File{Format: 1, Lineage: lineageOf(p.t)}
	var err error
	if in.Live, err = live.Observe(p.t.Context(), cfg, live.Options{Ways: in.Keeps}); err != nil {
		p.t.Fatal(err)
	}
	var list []string
	for _, f := range planner.Make(in).Findings {
		if f.Code == "B234" || f.Code == "B235" {
			list = append(list, f.Severity+" "+f.Code+" "+f.Summary+" "+f.Detail)
		}
	}
	return strings.Join(list, "\n")
}

// kept is all that trying could leave on the servers.
func (p *pair) kept() string {
	const things = `
		select 'subscription ' || subname from pg_subscription
		union all select 'origin ' || roname from pg_replication_origin
		union all select 'slot ' || slot_name from pg_replication_slots where database = current_database()
		union all select 'publication ' || pubname from pg_publication
		union all select 'extension ' || extname from pg_extension
		union all select 'relation ' || oid::regclass from pg_class where oid >= 16384
		union all select 'stats ' || subname from pg_stat_subscription
		order by 1`
	return p.source.Query(p.t, things) + "\n\n" + p.target.Query(p.t, things)
}

// TestWays: a plan knows whether the servers get to each other before anything is made,
// says what is in the way, and leaves nothing on either.
func TestWays(t *testing.T) {
	type servers func(t *testing.T) (from, to *pgtest.Cluster)
	shared := func(from, to int) servers {
		return func(t *testing.T) (*pgtest.Cluster, *pgtest.Cluster) {
			return pgtest.Server(t, from), pgtest.Server(t, to, pgtest.WithSettings(map[string]string{"log_statement": "all", "log_connections": "on"}))
		}
	}
	for _, c := range []struct {
		engine, name string
		servers      servers
	}{
		{"subscription", "15 to 15", shared(15, 15)},
		{"subscription", "15 to 18", shared(15, 18)},
		{"pglogical", "15 to 15", func(t *testing.T) (*pgtest.Cluster, *pgtest.Cluster) {
			c := pgtest.Pglogical(t, 15)
			return c, c
		}},
		{"pglogical", "15 to 17", func(t *testing.T) (*pgtest.Cluster, *pgtest.Cluster) {
			return pgtest.Pglogical(t, 15), pgtest.Pglogical(t, 17)
		}},
	} {
		t.Run(c.engine+" "+c.name, func(t *testing.T) {
			t.Parallel()
			from, to := c.servers(t)
			p := newPair(t, c.engine, from, to)
			before := p.kept()
			p.obstacles()
			if c.engine == "pglogical" {
				p.itself()
			}
			if after := p.kept(); after != before {
				t.Errorf("left behind: %s\nbefore: %s", after, before)
			}
			if log := to.Log(t); strings.Contains(log, secretive) || strings.Contains(log, from.Password) {
				t.Error("a password is in the server's log")
			}
		})
	}
}

const secretive = "s3cretive"

// obstacles puts one after the other between the target's server and the source.
func (p *pair) obstacles() {
	p.t.Helper()
	weak, _ := p.from.Role(p.t, "")
	_, password, _ := strings.Cut(strings.Split(p.source.URLAs(weak), "@")[0], weak+":")
	at := fmt.Sprintf("127.0.0.1:%d/%s", p.source.Port, p.source.Name)
	for _, c := range []struct {
		rule, by string
		want     []string // none: nothing is said
	}{
		{"the right one", "", nil},
		{"another port", "from_server {\nport = 1\npassword = \"" + secretive + "\"\n}", []string{"error B234 the server of peer.b does not reach peer.a at 127.0.0.1:1/" + p.source.Name + ": ", "Connection refused", "from_server { } of peer.a", "listen_addresses"}},
		{"another password", "from_server {\npassword = \"" + secretive + "\"\n}", []string{"peer.a at " + at + ": ", "password authentication failed", "pg_hba.conf"}},
		{"another database", "from_server {\ndatabase = \"elsewhere\"\n}", []string{fmt.Sprintf("127.0.0.1:%d/elsewhere: ", p.source.Port), `database "elsewhere" does not exist`}},
		{"no REPLICATION", fmt.Sprintf("from_server {\nuser = %q\npassword = %q\n}", weak, password), []string{at, "replication", "the role needs LOGIN and REPLICATION"}},
	} {
		got := p.ways(c.by, "")
		if len(c.want) == 0 && got != "" {
			p.t.Errorf("%s: %s", c.rule, got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) || strings.Count(got, "B23") != 1 {
				p.t.Errorf("%s: %s\nwant %s", c.rule, got, want)
			}
		}
		if strings.Contains(got, secretive) || strings.Contains(got, p.from.Password) || strings.Contains(got, password) {
			p.t.Errorf("%s: a password is told", c.rule)
		}
	}
}

// itself: pglogical has the target's server connect to the target, too.
func (p *pair) itself() {
	p.t.Helper()
	got := p.ways("", "from_server {\nport = 1\n}")
	for _, want := range []string{"error B234 the server of peer.b does not reach peer.b at 127.0.0.1:1/", "from_server { } of peer.b", "each server connect to itself"} {
		if !strings.Contains(got, want) || strings.Count(got, "B23") != 1 {
			p.t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// TestWaysOfAPlainRole: what a role may not have tried is said to be untried; with the
// rights for it, it is tried, and then a password has to be asked for.
func TestWaysOfAPlainRole(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 17} {
		to := pgtest.Server(t, major)
		p := newPair(t, "subscription", pgtest.Server(t, 15), to)
		role, _ := to.Role(t, "")
		p.toURL = p.target.URLAs(role)
		if got := p.ways("", ""); !strings.HasPrefix(got, "info B235 whether the server of peer.b reaches peer.a at 127.0.0.1:") || strings.Contains(got, "B234") {
			t.Errorf("%d, without the right: %s", major, got)
		}
		if major < 16 {
			continue
		}
		p.target.Exec(t, fmt.Sprintf("grant pg_create_subscription to %s; grant create on database %s to %[1]s", role, p.target.Name))
		if got := p.ways("", ""); got != "" {
			t.Errorf("%d, with it: %s", major, got)
		}
		if got := p.ways("from_server {\nport = 1\n}", ""); !strings.Contains(got, "Connection refused") {
			t.Errorf("%d, another port: %s", major, got)
		}
		trusting := pgtest.Server(t, 15, pgtest.WithHBA("host all all 127.0.0.1/32 trust", "local all all trust"))
		p.sourceURL = trusting.URL(trusting.Database(t, "").Name)
		if got := p.ways("", ""); !strings.Contains(got, "error B234") || !strings.Contains(got, "has to be asked for a password") {
			t.Errorf("%d, no password is asked for: %s", major, got)
		}
	}
}

// TestWaysNotTried: what a plan is not about is not tried.
func TestWaysNotTried(t *testing.T) {
	t.Parallel()
	p := newPair(t, "subscription", pgtest.Server(t, 15), pgtest.Server(t, 15))
	const wrong = "from_server {\nport = 1\n}"
	for _, c := range []struct {
		rule, body string
		in         planner.Input
		tried      bool
	}{
		{"a mirror", "", planner.Input{}, true},
		{"the one that is asked for", "", planner.Input{Targets: []string{"mirror.app"}}, true},
		{"another is", "", planner.Input{Targets: []string{"peer.a"}}, false},
		{"left out", "", planner.Input{Excludes: []string{"mirror.app"}}, false},
		{"removed", "", planner.Input{Destroy: true}, false},
		{"paused", "paused = true", planner.Input{}, false},
	} {
		got := p.planned(wrong, "", c.body, c.in)
		if strings.Contains(got, "B234") != c.tried {
			t.Errorf("%s: %q", c.rule, got)
		}
	}
	p.engine = "stream"
	if got := p.ways(wrong, ""); got != "" {
		t.Errorf("no servers' engine: %s", got)
	}
}

// TestWayFromADatabaseToBe: the database of the target is yet to be made, its server is
// there.
func TestWayFromADatabaseToBe(t *testing.T) {
	t.Parallel()
	to := pgtest.Server(t, 15)
	p := newPair(t, "subscription", pgtest.Server(t, 15), to)
	p.toURL = to.Absent(t).URL
	body := "schema {\ncreate_database = true\n}"
	if got := p.planned("", "", body, planner.Input{}); got != "" {
		t.Error(got)
	}
	if got := p.planned("from_server {\nport = 1\n}", "", body, planner.Input{}); !strings.Contains(got, "Connection refused") {
		t.Error(got)
	}
	p.engine = planner.EnginePglogical
	if got := p.planned("", "", body, planner.Input{}); got != "" {
		t.Error(got)
	}
}
