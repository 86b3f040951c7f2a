package live_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bascule/config"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/live"
	"bascule/planner/session"
	"bascule/state"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// lineageOf makes each test's slots its own, on servers that tests share.
func lineageOf(t testing.TB) string {
	sum := sha256.Sum256([]byte(t.Name()))
	return hex.EncodeToString(sum[:16])
}

// plan plans a mirror between two databases of real servers.
func plan(t testing.TB, source, target, body string) (*planner.Plan, *config.Config) {
	t.Helper()
	dir := t.TempDir()
	hcl := fmt.Sprintf("peer \"a\" {\nurl = %q\n}\npeer \"b\" {\nurl = %q\n}\nmirror \"app\" {\nsource = peer.a\ntarget = peer.b\n%s\n}\n", source, target, body)
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(hcl), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, diags := config.Load(dir, config.Inputs{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	seen, err := live.Observe(t.Context(), cfg, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return planner.Make(planner.Input{Version: "test", Config: cfg, State: &state.File{Format: 1, Lineage: lineageOf(t)}, Live: seen}), cfg
}

func refusals(p *planner.Plan) (list []string) {
	for _, f := range p.Findings {
		if f.Severity == planner.Refusal {
			list = append(list, f.Code+" "+f.Summary)
		}
	}
	return list
}

const shop = `
	create table orders (id int primary key, note text);
	create table lines (order_id int not null references orders, n int not null, amount numeric, primary key (order_id, n));
	create table "Audit Log" (at timestamptz, what jsonb);
	create table readings (sensor int, at timestamptz, value float8);
	create unlogged table scratch (id int primary key);
	create table measured (id int, at date, primary key (id, at)) partition by range (at);
	create table measured_1 partition of measured for values from ('2026-01-01') to ('2026-02-01');
	create table measured_2 partition of measured for values from ('2026-02-01') to ('2026-03-01');
	insert into orders select i, 'n' from generate_series(1, 100) i;`

// TestStatementsOfAPlanAreTakenByServers runs what a plan says of a source, as roles
// that are not superusers, and what it says of taking it off again.
func TestStatementsOfAPlanAreTakenByServers(t *testing.T) {
	for _, major := range []int{15, 16, 17, 18} {
		for _, viaRoot := range []bool{false, true} {
			t.Run(fmt.Sprint(major, viaRoot), func(t *testing.T) {
				t.Parallel()
				server := pgtest.Server(t, major)
				role, _ := server.Role(t, "replication")
				source, target := server.Database(t, shop), pgtest.Server(t, 15).Database(t, "")
				source.Exec(t, strings.NewReplacer("ROLE", role, "DB", source.Name).Replace(`
					grant create on database DB to ROLE;
					grant usage, create on schema public to ROLE;
					alter table orders owner to ROLE; alter table lines owner to ROLE; alter table "Audit Log" owner to ROLE;
					alter table readings owner to ROLE; alter table scratch owner to ROLE;
					alter table measured owner to ROLE; alter table measured_1 owner to ROLE; alter table measured_2 owner to ROLE;`))
				body := fmt.Sprintf("table \"public.readings\" {\nreplica_identity = \"full\"\n}\nstream {\npublish_via_partition_root = %t\n}", viaRoot)
				p, cfg := plan(t, source.URLAs(role), target.URL, body)
				if list := refusals(p); len(list) > 0 {
					if major > 15 && len(list) == 1 && strings.HasPrefix(list[0], "B121") {
						list = nil // pg_dump of this machine is older
					}
					if len(list) > 0 {
						t.Fatal(list)
					}
				}
				s := p.Changes[0].Mirror.Stream
				if s.Failover != (major >= 17) || !s.Binary || !s.ReplicaRole || s.ViaRoot != viaRoot {
					t.Errorf("%+v", s)
				}
				run(t, cfg.Peers[0], p.Changes[0].Steps, "identity", "publication", "slot")
				want := s.Publication + " Audit Log i; lines u; measured_1 u; measured_2 u; orders u; readings u"
				if viaRoot {
					want = s.Publication + " Audit Log i; lines u; measured u; orders u; readings u"
				}
				got := source.Query1(t, `select string_agg(tablename || case when p.pubupdate then ' u' else ' i' end, '; ' order by tablename collate "C")
					from pg_publication_tables t join pg_publication p using (pubname)`)
				if s.Publication+" "+got != want {
					t.Errorf("published: %s, want %s", got, want)
				}
				if got := source.Query1(t, "select slot_name || ' ' || plugin from pg_replication_slots where database = current_database()"); got != s.Slot+" pgoutput" {
					t.Errorf("slots: %s", got)
				}
				run(t, cfg.Peers[0], removalOf(t, cfg, p), "cleanup")
				left := source.Query1(t, `select (select count(*) from pg_publication) + (select count(*) from pg_replication_slots where database = current_database())
					+ (select count(*) from pg_class where relreplident = 'f' and relkind = 'r')`)
				if left != "0" {
					t.Errorf("%s things are left on the source", left)
				}
			})
		}
	}
}

// run runs the statements of steps of these kinds on a peer, over a connection that
// takes both languages.
func run(t testing.TB, peer *config.Peer, steps []planner.Step, kinds ...string) {
	t.Helper()
	conn, err := session.Open(t.Context(), peer, session.Options{Replication: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, s := range steps {
		for _, sql := range s.SQL {
			if s.Peer != peer.Address || !slices.Contains(kinds, s.Kind) {
				continue
			}
			if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
	}
}

// removalOf plans the removal of what a plan has made, its target gone.
func removalOf(t testing.TB, cfg *config.Config, p *planner.Plan) []planner.Step {
	t.Helper()
	seen, err := live.Observe(t.Context(), cfg, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := p.Changes[0]
	file := &state.File{Format: 1, Lineage: lineageOf(t), Resources: []*state.Resource{{Address: c.Address, Status: state.Ready, Mirror: c.Mirror.State()}}}
	gone := *cfg
	gone.Mirrors = nil
	return planner.Make(planner.Input{Config: &gone, State: file, Live: seen}).Changes[0].Steps
}

// BenchmarkPlanOfManyTables plans a mirror of 10,000 tables. Nothing is asked table by
// table: it is to take less than 10 s.
func BenchmarkPlanOfManyTables(b *testing.B) {
	source, target := pgtest.New(b, "")
	source.Exec(b, `do $$ begin for i in 1..10000 loop
		execute format('create table t%s (id int primary key, v text)', i);
		if i % 500 = 0 then commit; end if;
	end loop; end $$`)
	for b.Loop() {
		p, _ := plan(b, source.URL, target.URL, "")
		if list := refusals(p); len(list) > 0 || len(p.Changes[0].Mirror.Tables) != 10000 {
			b.Fatal(list)
		}
	}
}
