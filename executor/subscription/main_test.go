package subscription_test

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ledger"
	"bascule/executor/slot"
	"bascule/executor/subscription"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var longFlag = flag.Bool("long", false, "hand over twenty times, and not three, between all versions")

// long skips what only -long runs.
func long(t *testing.T) {
	t.Helper()
	if !*longFlag {
		t.Skip("takes long; run by make suites, or with -long")
	}
}

// turns is how often a mirror is handed over and back under load.
func turns() int {
	if *longFlag {
		return 20
	}
	return 3
}

const lineage = "9d7f0c6e-1111-2222-3333-444444444444"

// pair is a mirror between two databases, as an apply has left it: the target is equal to
// the source at the slot's point.
type pair struct {
	t              *testing.T
	source, target *pgtest.DB
	stream         planner.Stream
	members        []ledger.Member
	point          catalog.LSN

	// reach is the source as the target's server is told to reach it.
	reach *config.Peer
	// as is the role by which the target is worked on, and patience the engine's.
	as       string
	patience time.Duration
}

// shop has a table of each kind that is followed.
const shop = `
	create table orders (id int primary key, writer int, n int, note text);
	create table "Odd ""name" (id int generated always as identity primary key, v jsonb, twice text generated always as (v::text || v::text) stored);
	create table whole (a int, b text);
	create table log (writer int, n int, at timestamptz);
	create table emptied (id int primary key);
	create table parts (id int, region text, primary key (region, id)) partition by list (region);
	create table parts_a partition of parts for values in ('a');
	create table parts_b partition of parts for values in ('b');
	create sequence ids;`

// published are the members of shop, with what is followed of each.
var published = map[string]string{"orders": planner.FollowAll, `Odd "name`: planner.FollowAll, "whole": planner.FollowAll, "log": planner.FollowInserts,
	"emptied": planner.FollowAll, "parts_a": planner.FollowAll, "parts_b": planner.FollowAll}

// newPair makes both databases, publications and slot, and copies the rows that seed
// writes.
func newPair(t *testing.T, from, to *pgtest.Cluster, seed string) *pair {
	t.Helper()
	p := &pair{t: t, source: from.Database(t, shop+"alter table whole replica identity full;"+seed), target: to.Database(t, shop)}
	s := &p.stream
	s.Slot, s.Publication, s.Inserts = planner.StreamNames(lineage, "mirror.app"+p.source.Name)
	s.Engine, s.Subscription, s.OwnSlot, s.OwnPublications = planner.EngineSubscription, s.Slot, true, true
	s.Failover = from.Major >= 17
	for name, follow := range published {
		oid, err := strconv.ParseUint(p.source.Query1(t, "select '"+pgx.Identifier{name}.Sanitize()+"'::regclass::oid"), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		p.members = append(p.members, ledger.Member{Source: uint32(oid), Schema: "public", Name: name, TargetSchema: "public", TargetName: name, Follow: follow, State: ledger.Followed})
	}
	p.reach = &config.Peer{Address: "peer.a", URL: config.Secret(p.source.URL)}
	control := p.open(p.source.URL, false)
	if err := slot.EnsurePublications(t.Context(), control, *s, p.members); err != nil {
		t.Fatal(err)
	}
	p.copy()
	return p
}

// copy makes the slot, and the target equal to its snapshot.
func (p *pair) copy() {
	p.t.Helper()
	repl := p.open(p.source.URL, true)
	made, err := pglogrepl.CreateReplicationSlot(p.t.Context(), repl.PgConn(), p.stream.Slot, "pgoutput", pglogrepl.CreateReplicationSlotOptions{SnapshotAction: "EXPORT_SNAPSHOT"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.tidy)
	if p.point, err = catalog.ParseLSN(made.ConsistentPoint); err != nil {
		p.t.Fatal(err)
	}
	in, out := p.open(p.source.URL, false), p.open(p.target.URL, false)
	if _, err := in.Exec(p.t.Context(), "begin isolation level repeatable read; set transaction snapshot "+`'`+made.SnapshotName+`'`, pgx.QueryExecModeSimpleProtocol); err != nil {
		p.t.Fatal(err)
	}
	for name := range published {
		table := pgx.Identifier{"public", name}.Sanitize()
		columns := ""
		if strings.HasPrefix(name, "Odd") {
			columns = " (id, v)"
		}
		var rows strings.Builder
		if _, err := in.PgConn().CopyTo(p.t.Context(), &rows, "copy "+table+columns+" to stdout"); err != nil {
			p.t.Fatal(err)
		}
		if _, err := out.PgConn().CopyFrom(p.t.Context(), strings.NewReader(rows.String()), "copy "+table+columns+" from stdin"); err != nil {
			p.t.Fatal(err)
		}
	}
	session.Close(p.t.Context(), repl)
	session.Close(p.t.Context(), in)
}

// tidy leaves nothing by which a database could not be dropped. A server that is the
// test's own may be down.
func (p *pair) tidy() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if conn, err := pgx.Connect(ctx, p.target.URL); err == nil {
		if left, err := p.engine(nil, conn).Remove(ctx); err != nil || len(left) > 0 {
			p.t.Error(left, err)
		}
		_ = conn.Close(ctx)
	}
	if conn, err := pgx.Connect(ctx, p.source.URL); err == nil {
		if err := slot.Drop(ctx, conn, p.stream.Slot, time.Minute); err != nil {
			p.t.Error(err)
		}
		_ = conn.Close(ctx)
	}
}

func (p *pair) open(url string, replication bool) *pgx.Conn {
	p.t.Helper()
	conn, err := session.Open(p.t.Context(), &config.Peer{Address: "peer.x", URL: config.Secret(url)}, session.Options{Application: "bascule/app/test", Replication: replication})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (p *pair) engine(source, target *pgx.Conn) *subscription.Engine {
	reach, err := session.FromServer(context.Background(), p.reach, "bascule/app/subscription")
	if err != nil {
		p.t.Fatal(err)
	}
	return subscription.New(subscription.Config{Source: source, Target: target, SourcePeer: "peer.a", TargetPeer: "peer.b", Stream: p.stream,
		Reach: reach, Note: func(text string) { p.t.Log(text) }, Patience: p.patience})
}

// both is the engine with fresh sessions on both sides.
func (p *pair) both() *subscription.Engine {
	p.t.Helper()
	to := p.target.URL
	if p.as != "" {
		to = p.target.URLAs(p.as)
	}
	return p.engine(p.open(p.source.URL, false), p.open(to, false))
}

func (p *pair) give(at catalog.LSN) {
	p.t.Helper()
	e := p.both()
	if _, err := e.Prepare(p.t.Context(), p.members); err != nil {
		p.t.Fatalf("prepare: %v", err)
	}
	if err := e.Give(p.t.Context(), at, p.members); err != nil {
		p.t.Fatalf("give: %v", err)
	}
}

func (p *pair) take() catalog.LSN {
	p.t.Helper()
	at, err := p.both().Take(p.t.Context())
	if err != nil {
		p.t.Fatalf("take: %v", err)
	}
	return at
}

// differ says in which tables the databases differ, "" for none.
func (p *pair) differ() string {
	p.t.Helper()
	var list []string
	for name := range published {
		sum := fmt.Sprintf("select count(*) || ' ' || coalesce(md5(string_agg(x, ',' order by x)), '') from (select t::text as x from %s t) s", pgx.Identifier{name}.Sanitize())
		if from, to := p.source.Query1(p.t, sum), p.target.Query1(p.t, sum); from != to {
			list = append(list, fmt.Sprintf("%s: %s, and on the target %s", name, from, to))
		}
	}
	return strings.Join(list, "; ")
}

// arrives waits until the databases are equal. Nobody writes any more.
func (p *pair) arrives() {
	p.t.Helper()
	pgtest.Eventually(p.t, func() error {
		if differ := p.differ(); differ != "" {
			return fmt.Errorf("%s", differ)
		}
		return nil
	})
}

// secret is the password by which the target's server reaches the source.
func (p *pair) secret() string {
	u, err := url.Parse(p.reach.URL.Reveal())
	if err != nil {
		p.t.Fatal(err)
	}
	password, _ := u.User.Password()
	return password
}
