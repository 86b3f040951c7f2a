package pglogical_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/executor/ledger"
	"bascule/executor/pglogical"
	"bascule/executor/slot"
	"bascule/planner"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

var long = flag.Bool("long", false, "more turns of stopping and starting under load")

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// rig is a source and a target, with sessions to both.
type rig struct {
	t              *testing.T
	src, dst       *pgtest.DB
	source, target *pgx.Conn
	stream         planner.Stream
	patience       time.Duration
	notes          []string
}

const mirrorName = "bascule_app_9d7f0c6e"

// newRig makes both databases with the same tables, in one cluster of the test's own.
func newRig(t *testing.T, schema string) *rig {
	t.Helper()
	c := pgtest.Pglogical(t, 15)
	return rigOn(t, c, c, schema)
}

func rigOn(t *testing.T, from, to *pgtest.Cluster, schema string) *rig {
	t.Helper()
	r := &rig{t: t, src: from.Database(t, schema), dst: to.Database(t, schema), patience: time.Minute,
		stream: planner.Stream{Engine: planner.EnginePglogical, Slot: mirrorName, Publication: mirrorName, Inserts: mirrorName + "i", Subscription: mirrorName}}
	r.source, r.target = r.open(r.src), r.open(r.dst)
	return r
}

func (r *rig) open(db *pgtest.DB) *pgx.Conn {
	r.t.Helper()
	return r.openAs(db.URL, false)
}

func (r *rig) openAs(url string, replication bool) *pgx.Conn {
	r.t.Helper()
	conn, err := session.Open(r.t.Context(), &config.Peer{Address: "peer.x", URL: config.Secret(url)}, session.Options{Application: "bascule/app/test", Replication: replication})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// dsn is how a server connects to a database.
func dsn(db *pgtest.DB) config.Secret {
	return config.Secret(fmt.Sprintf("host=127.0.0.1 port=%d dbname=%s user=%s password=%s connect_timeout=5", db.Port, db.Name, db.User, db.Password))
}

func (r *rig) config() pglogical.Config {
	return pglogical.Config{Source: r.source, Target: r.target, Stream: r.stream, Label: "mirror.app", TargetDatabase: r.dst.Name,
		Provider: dsn(r.src), Subscriber: dsn(r.dst), Patience: r.patience, Note: func(text string) { r.notes = append(r.notes, text) }}
}

func (r *rig) engine() *pglogical.Engine { return pglogical.New(r.config()) }

// member is a table of schema public.
func (r *rig) member(name, follow string) ledger.Member {
	r.t.Helper()
	m := ledger.Member{Schema: "public", Name: name, TargetSchema: "public", TargetName: name, Follow: follow, State: ledger.Followed}
	if _, err := fmt.Sscan(r.src.Query1(r.t, "select 'public."+name+"'::regclass::oid"), &m.Source); err != nil {
		r.t.Fatal(err)
	}
	return m
}

func (r *rig) prepare(members ...ledger.Member) catalog.LSN {
	r.t.Helper()
	at, err := r.engine().Prepare(r.t.Context(), members)
	if err != nil {
		r.t.Fatal(err)
	}
	return at
}

func (r *rig) give(at catalog.LSN, members ...ledger.Member) {
	r.t.Helper()
	if err := r.engine().Give(r.t.Context(), at, members); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) take() catalog.LSN {
	r.t.Helper()
	at, err := r.engine().Take(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return at
}

// copy makes the target's tables equal to the source's at one point, which it returns.
func (r *rig) copy(members ...ledger.Member) catalog.LSN {
	r.t.Helper()
	repl := r.openAs(r.src.URL, true)
	made, err := slot.Temporary(r.t.Context(), repl.PgConn(), "copy_"+r.src.Name, slot.Waiting{})
	if err != nil {
		r.t.Fatal(err)
	}
	conn := r.open(r.src)
	if _, err := conn.PgConn().Exec(r.t.Context(), "begin isolation level repeatable read; set transaction snapshot '"+made.Snapshot+"'").ReadAll(); err != nil {
		r.t.Fatal(err)
	}
	for _, m := range members {
		var text strings.Builder
		if _, err := conn.PgConn().CopyTo(r.t.Context(), &text, "copy public."+m.Name+" to stdout"); err != nil {
			r.t.Fatal(err)
		}
		if _, err := r.target.PgConn().CopyFrom(r.t.Context(), strings.NewReader(text.String()), "copy public."+m.Name+" from stdin"); err != nil {
			r.t.Fatal(err)
		}
	}
	_ = conn.Close(context.Background())
	_ = repl.Close(context.Background())
	return made.Point
}

// start has the engine follow these tables, copied.
func (r *rig) start(members ...ledger.Member) {
	r.t.Helper()
	least := r.prepare(members...)
	at := r.copy(members...)
	if at < least {
		r.t.Fatalf("copied at %s, before %s", at, least)
	}
	r.give(at, members...)
}

// now is where the source is.
func (r *rig) now() catalog.LSN {
	r.t.Helper()
	at, err := catalog.ParseLSN(r.src.Query1(r.t, "select pg_current_wal_insert_lsn()"))
	if err != nil {
		r.t.Fatal(err)
	}
	return at
}

// reached waits until all that was committed on the source is on the target.
func (r *rig) reached() {
	r.t.Helper()
	at, e := r.now(), r.engine()
	pgtest.Eventually(r.t, func() error {
		if done, err := e.Reached(r.t.Context(), at); err != nil || !done {
			return fmt.Errorf("not at %s: %v", at, err)
		}
		return nil
	})
}

// equal demands equal tables, rows counted.
func (r *rig) equal(tables ...string) {
	r.t.Helper()
	for _, name := range tables {
		sql := fmt.Sprintf("select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by t::text)), '') from public.%s t", name)
		if from, to := r.src.Query1(r.t, sql), r.dst.Query1(r.t, sql); from != to {
			r.t.Errorf("%s: %s on the source, %s on the target", name, from, to)
		}
	}
}

// expected are errors that writers cause each other.
func expected(err error) bool {
	return session.Transient(err) || session.Code(err) == "23505"
}

func eventually(t *testing.T, fact func() bool) {
	t.Helper()
	pgtest.Eventually(t, func() error {
		if !fact() {
			return errors.New("not so")
		}
		return nil
	})
}
