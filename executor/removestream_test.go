package executor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"bascule/executor"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
	"bascule/state"
)

const removable = `
	create table a (id int primary key, t text);
	create table log (line text);
	create table pairs (x int not null, y int not null);
	create unique index pairs_x on pairs (x);
	insert into a select i, 'r' || i from generate_series(1, 100) i;
	insert into log values ('one');
	insert into pairs values (1, 2)`

// byIdentities asks for replica identities that the tables do not have.
const byIdentities = `
	table "public.log"   { replica_identity = "full" }
	table "public.pairs" { replica_identity = "index:pairs_x" }`

// peersOnly is the configuration without its mirrors.
func (f *follower) peersOnly() string {
	return fmt.Sprintf("peer \"source\" { url = %q }\npeer \"target\" { url = %q }\n", f.sourceURL, f.targetURL)
}

// removes plans and applies that the mirror goes.
func (f *follower) removes(t *testing.T) (*planner.Plan, *executor.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return f.applyText(ctx, t, f.peersOnly())
}

// gone demands that the mirror is removed from both sides and the state, and its
// source as it was.
func (f *follower) gone(t *testing.T, before string) {
	t.Helper()
	f.removed(t)
	if after := onSource(t, f.source); after != before {
		t.Errorf("the source was\n%s\nand is\n%s", before, after)
	}
	if got := f.target.Query1(t, "select count(*) from a"); got != "100" {
		t.Errorf("%s rows are left on the target", got)
	}
	if _, _, file := f.load(t, f.peersOnly()); file.Find("mirror.app") != nil {
		t.Error("the mirror is left in the state")
	}
}

// onSource is everything that a mirror could leave in the catalogues of its source.
func onSource(t *testing.T, db *pgtest.DB) string {
	t.Helper()
	conn := connect(t, db)
	defer conn.Close(context.Background())
	seen, err := catalog.Read(t.Context(), conn, catalog.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return seen.Fingerprint + "\n" + db.Query(t, `
		select 'slot', slot_name, slot_type from pg_replication_slots where database = current_database()
		union all select 'publication', pubname, pubowner::text from pg_publication
		union all select 'identity', oid::regclass::text, relreplident::text from pg_class where relnamespace = 'public'::regnamespace
		union all select 'index', indexrelid::regclass::text, indisreplident::text from pg_index where indrelid > 16384
		union all select 'schema', nspname, '' from pg_namespace where nspname !~ '^pg_(toast_)?temp'
		order by 1, 2, 3`)
}

// A mirror that is removed leaves its source as it was, by roles that are no
// superusers, and with a runner that holds it.
func TestRemovalLeavesTheSourceAsItWas(t *testing.T) {
	t.Parallel()
	source := pgtest.Server(t, 15).Database(t, "")
	role, _ := source.Role(t, "replication")
	source.Exec(t, fmt.Sprintf("grant create on database %s to %s; grant create on schema public to %[2]s", source.Name, role))
	as(t, source, role, removable)
	target, plainRole := plainTarget(t)
	target.Exec(t, fmt.Sprintf("grant create on schema public to %s; grant set on parameter session_replication_role to %[1]s", plainRole))
	f := newFollower(t, source, target, byIdentities)
	source.Exec(t, "alter table mark owner to "+role)
	f.sourceURL, f.targetURL = source.URLAs(role), target.URLAs(plainRole)
	before := onSource(t, source)
	f.applied(t)
	if onSource(t, source) == before {
		t.Fatal("nothing was made")
	}
	f.runs(t)
	f.arrived(t)
	f.gone(t, before)
}

// A source that cannot be reached: what is left there is named, the mirror stays in
// the state, nobody streams it, and the next apply removes the rest.
func TestRemovalWithoutItsSource(t *testing.T) {
	t.Parallel()
	source := pgtest.Own(t, 15).Database(t, removable)
	target := pgtest.Server(t, 15).Database(t, "")
	f := newFollower(t, source, target, byIdentities)
	before := onSource(t, source)
	f.applied(t)
	source.Stop(t)
	for range 2 {
		plan, result, err := f.removes(t)
		var connect *session.ConnectError
		if !errors.As(err, &connect) || connect.Address != "peer.source" {
			t.Fatalf("%v\n%s", err, findings(plan))
		}
		text := strings.Join(result.Left, "\n")
		for _, part := range []string{"peer.source: replication slot bascule_app_", "peer.source: publications bascule_app_",
			"peer.source: replica identity full of public.log, which was default", "index:pairs_x of public.pairs"} {
			if !strings.Contains(text, part) {
				t.Errorf("left:\n%s\nwithout %s", text, part)
			}
		}
		_, _, file := f.load(t, f.peersOnly())
		if r := file.Find("mirror.app"); r == nil || r.Status != state.Removing || r.Mirror.OnSource == nil || r.Mirror.OnSource.Slot == "" {
			t.Errorf("in the state: %+v", r)
		}
	}
	if got := f.target.Query1(t, "select settings ->> 'paused' from bascule.stream"); got != "true" {
		t.Errorf("the mirror's stream: paused %q", got)
	}
	source.Start(t)
	f.gone(t, before)
}

// A slot and publications that the configuration names are not the mirror's.
func TestRemovalKeepsWhatIsNamed(t *testing.T) {
	t.Parallel()
	source, target := pgtest.New(t, removable)
	f := newFollower(t, source, target, "")
	slot := "named_" + source.Name
	source.Exec(t, "create publication named for table only a, only mark")
	source.Exec(t, "select pg_create_logical_replication_slot('"+slot+"', 'pgoutput')")
	t.Cleanup(func() { // before the database is dropped
		conn, err := pgx.Connect(context.Background(), source.URL)
		if err == nil {
			defer conn.Close(context.Background())
			_, err = conn.Exec(context.Background(), "select pg_drop_replication_slot('"+slot+"')")
		}
		if err != nil {
			t.Error(err)
		}
	})
	f.body = fmt.Sprintf("tables = [\"public.a\", \"public.mark\"]\nstream {\nslot = %q\npublications = [\"named\"]\n}", slot)
	before := onSource(t, source)
	f.applied(t)
	f.gone(t, before)
}
